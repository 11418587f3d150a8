"""Lists the topics that are recorded by default: those of contract, brain and gate, transforms, diagnostics."""

from __future__ import annotations

from world_model_ros.contract import topics
from world_model_ros.contract.contract import Contract
from world_model_ros.convert.futures import placed_targets

_IMAGINED = [topics.PREDICTED_PATH, topics.PREDICTED_JOINTS, topics.PREDICTED_STATES, topics.PREDICTED_CONTACT]
_GOALS = [topics.GOAL_IMAGE, topics.GOAL_JOINTS, topics.GOAL_CANCEL, topics.GOAL_REFUSED, topics.GOAL_REQUEST]
_ENDS = [topics.GOAL_CANCEL_ID, topics.GOAL_STATUS, topics.GOAL_FEEDBACK, topics.GOAL_RESULT]
_BRAIN = [topics.COMMAND, topics.TICK, topics.SURPRISE, *_IMAGINED, topics.PREDICTED_CANDIDATES, *_GOALS, *_ENDS]
_GATE = [topics.APPLIED, topics.GATE_STATE]
_EVERY_ROBOT = [topics.ROBOT_DESCRIPTION, topics.DIAGNOSTICS, "/tf", "/tf_static"]


def recorded_topics(contract: Contract) -> list[str]:
    """Names of what is recorded if nothing else is asked for."""
    deployment = contract.deployment
    sources = [*deployment.streams, *deployment.labels]
    found = [topic for source in sources for topic in (source.topic, source.static_topic) if topic is not None]
    if deployment.command is not None:
        found += [each.topic for each in deployment.command.controllers(contract.joint_names) if not each.grips]
    if deployment.sources is not None:
        found += [each.topic for each in deployment.sources if each.kind != "brain"]
        found += [topics.COMMAND_OWNER, topics.GATE_OWNER]
    found += [topics.seen_topic(cloud.name) for cloud in deployment.gate.clouds]
    if deployment.action is not None:
        found.append(deployment.action.topic)
    for target in contract.interface.targets:
        found.append(topics.goal_topic(target.name, target.kind == "articulated"))
    for name in placed_targets(contract):
        found += [topics.path_topic(name), topics.region_topic(name)]
    return [*found, *_BRAIN, *_GATE, *_EVERY_ROBOT]
