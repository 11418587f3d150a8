"""Lists the processes to start for a robot, real or simulated; launch files and `bringup.run` start the same list.

Example::

    for process in simulation(SimulationOptions("robot.yaml", seed=3)):
        print(process.executable, dict(process.parameters))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from world_model_ros.bringup.options import BringupOptions, SimulationOptions, Value
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import PACKAGE, share_folder
from world_model_ros.gate.conditions.ownership import Ownership
from world_model_ros.gate.playing.source import source_of

_TELEOP = ("gamepad", "twist")


@dataclass(frozen=True)
class Process:
    """One process of the graph.

    Args:
        executable: console script of the package.
        name: node name.
        parameters: ROS parameters. Scalars only; lists travel as comma separated text.
        remappings: pairs (from, to).
        package: ament package the executable is from.
        arguments: command line arguments of the program itself.
        respawn: started again when it ends by itself.
        profile: of Fast DDS, see `world_model_ros.bringup.domain.middleware_environment`.
    """

    executable: str
    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    package: str = PACKAGE
    arguments: tuple[str, ...] = ()
    respawn: bool = False
    profile: str = "shared_memory"

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))


def bringup(options: BringupOptions) -> list[Process]:
    """Brain, gate, view and robot state publisher for a robot whose drivers run already.

    ``robot_state_publisher`` ``auto`` stands for true here: launch files look first.

    Raises:
        UserError: no such robot, its contract has a mistake, or its gate cannot be owned by who is asked for.
    """
    robot, use_sim_time = options.robot, options.use_sim_time
    contract = load_contract(robot)
    _require_owner(contract, options)
    every: dict[str, Value] = {"robot": robot, "use_sim_time": use_sim_time}
    bundle: dict[str, Value] = {"model": options.model or contract.name, "provider": options.provider}
    brain: dict[str, Value] = {"autostart": True, "policy": "watch" if options.shadow else options.policy}
    brain |= {"seed": options.seed, "rate_hz": float(options.rate_hz)}
    if options.record:
        brain["recorded"] = True  # so that a replay can begin where the brain began
    processes = [Process("world_model_node", "world_model", {**every, **bundle, **brain})]
    if any(stream.is_picture for stream in contract.interface.streams):  # there is nothing to see without
        processes.append(Process("future_view_node", "future_view", {**every, **bundle, "save": options.futures}))
    if contract.deployment.command is not None and not options.shadow:  # a robot without one can only be watched
        gate: dict[str, Value] = {"dry_run": options.dry_run, "speed_scale": float(options.speed_scale)}
        gate["owner"] = options.owner
        processes.insert(0, Process("command_gate_node", "command_gate", every | gate, profile="gate"))
        if contract.deployment.gate.clouds:
            processes.append(Process("clouds_node", "clouds", every))
    if options.trajectory_player:
        processes.append(_trajectory_player(contract, options, every))
    if options.teleop:
        processes.append(_teleop(contract, options, every))
    if contract.deployment.urdf is not None and _asked(options.robot_state_publisher):
        processes.append(_state_publisher(contract, use_sim_time))
    if options.record:
        processes.append(Process("recorder_node", "recorder", {**every, "path": options.record}))
    if options.rviz:
        processes.append(_rviz(use_sim_time))
    return processes


def brain_of(contract: Contract) -> str:
    """The name of this package's brain among the sources of commands; `UserError` if it may not move the robot."""
    sources = Ownership(contract.deployment.sources).sources.values()
    named = [each.name for each in sources if each.kind == "brain" and each.moves]
    if not named:
        legal = "one of kind brain that may move the robot: the goals of a demo are the brain's"
        raise UserError("deployment.sources", [each.name for each in sources], legal)
    return named[0]


def _require_owner(contract: Contract, options: BringupOptions) -> None:
    if not options.owner:
        return
    if options.shadow or contract.deployment.command is None:
        raise UserError("owner", options.owner, "nothing where there is no gate")
    refusal = Ownership(contract.deployment.sources).ask(options.owner, 0)
    if refusal is not None:
        raise UserError("owner", options.owner, str(refusal.limit))


def _trajectory_player(contract: Contract, options: BringupOptions, every: Mapping[str, Value]) -> Process:
    if options.shadow or contract.deployment.command is None:
        raise UserError("trajectory_player", True, "false where there is no gate")
    source = source_of(contract).name
    return Process("trajectory_player_node", "trajectory_player", {**every, "source": source})


def _teleop(contract: Contract, options: BringupOptions, every: Mapping[str, Value]) -> Process:
    if options.teleop not in _TELEOP:
        raise UserError("teleop", options.teleop, f"{' or '.join(_TELEOP)}; teleop_node itself takes a leader arm too")
    if options.shadow or contract.deployment.command is None:
        raise UserError("teleop", options.teleop, "nothing where there is no gate")
    source = source_of(contract, kind="person").name
    return Process("teleop_node", "teleop", {**every, "source": source, "device": options.teleop})


def _rviz(use_sim_time: bool) -> Process:
    config = share_folder("config") / "rviz" / "futures.rviz"
    return Process("rviz2", "rviz2", {"use_sim_time": use_sim_time}, package="rviz2", arguments=("-d", str(config)))


def _asked(robot_state_publisher: str) -> bool:
    if robot_state_publisher not in ("auto", "true", "false"):
        raise UserError("robot_state_publisher", robot_state_publisher, "auto, true or false")
    return robot_state_publisher != "false"


def _state_publisher(contract: Contract, use_sim_time: bool) -> Process:
    name = "robot_state_publisher"
    about: dict[str, Value] = {"robot_description": contract.urdf_text, "use_sim_time": use_sim_time}
    return Process(name, name, about, package=name)


def simulation(options: SimulationOptions) -> list[Process]:
    """The simulated robot and everything of `bringup`.

    Raises:
        UserError: as `bringup`, or a stream to unplug that the contract lacks.
    """
    parameters: dict[str, Value] = {
        "robot": options.robot,
        "seed": options.seed,
        "scenes": options.scenes,
        "clock": options.use_sim_time,
        "unplug": ",".join(load_contract(options.robot).streams_named(options.unplug, "unplug")),
    }
    return [Process("sim_robot_node", "sim_robot", parameters), *bringup(options)]


def own(processes: list[Process]) -> list[Process]:
    """Processes of this package: the ones that run where only the wheels of ROS are installed."""
    return [process for process in processes if process.package == PACKAGE]


def log_file(folder: Path, process: Process) -> Path:
    """Where a process started without ROS launch writes what it prints."""
    return folder / f"{process.name}.log"
