"""The topics that make up a recording: those of the contract, the brain and the gate."""

from __future__ import annotations

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.deployment.gate import seen_topic
from world_model_ros.convert.futures import placed_targets

_BRAIN_AND_GATE = (
    "command tick surprise predicted/path predicted/joints predicted/states predicted/contact predicted/candidates "
    "goal/image goal/joints goal/cancel goal/refused "
    "goal/request goal/cancel_id goal/status goal/feedback goal/result gate/applied gate/state "
    "robot_description /diagnostics /tf /tf_static"
)


def recorded_topics(contract: Contract) -> list[str]:
    """Names of what is recorded if nothing else is asked for."""
    deployment = contract.deployment
    sources = [*deployment.streams, *deployment.labels]
    topics = [topic for source in sources for topic in (source.topic, source.static_topic) if topic is not None]
    if deployment.command is not None:
        topics += [each.topic for each in deployment.command.controllers(contract.joint_names) if not each.grips]
    if deployment.sources is not None:
        topics += [*(each.topic for each in deployment.sources if each.kind != "brain"), "command/owner", "gate/owner"]
    topics += [seen_topic(cloud.name) for cloud in deployment.gate.clouds]
    if deployment.action is not None:
        topics.append(deployment.action.topic)
    for target in contract.interface.targets:
        goal = "value" if target.kind == "articulated" else "pose"
        topics.append(f"goal/{target.name}/{goal}")
    for name in placed_targets(contract):
        topics += [f"predicted/{name}/path", f"predicted/{name}/region"]
    return [*topics, *_BRAIN_AND_GATE.split()]
