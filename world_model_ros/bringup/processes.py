"""The one list of processes of a robot, read by the launch files and by `world_model_ros.bringup.run` alike.

Example::

    for process in simulation("robot.yaml", seed=3):
        print(process.executable, dict(process.parameters))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.contract.share_folder import PACKAGE, share_folder
from world_model_ros.core.errors import UserError

Value = bool | int | float | str


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


def bringup(
    robot: str,
    *,
    model: str = "",
    provider: str = "auto",
    policy: str = "model",
    shadow: bool = False,
    dry_run: bool = False,
    speed_scale: float = 1.0,
    seed: int = 0,
    rate_hz: float = 0.0,
    use_sim_time: bool = False,
    robot_state_publisher: str = "auto",
    rviz: bool = False,
    record: str = "",
    futures: str = "",
) -> list[Process]:
    """Brain, gate, view and robot state publisher for a robot whose drivers run already.

    Args:
        robot: contract file, or the name of one of the package.
        model: bundle name or folder; empty takes the one named like the robot.
        provider: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``.
        policy: ``model``, or ``random`` as a control.
        shadow: the brain watches whoever drives the robot and reports how well it predicts; there is no gate.
        dry_run: the gate judges and reports, and has no way to the controller.
        speed_scale: share of the speed of all that is commanded, 0.05 to 1.
        seed: of the brain's sampling.
        rate_hz: of its ticks; 0 takes the contract's, else a multiple of it.
        use_sim_time: take the time from ``/clock``.
        robot_state_publisher: ``true``, ``false``, or ``auto``, which stands for true here: launch files look first.
        rviz: open rviz2 with the package's view of futures.
        record: bag to write; empty records nothing.
        futures: picture to save the imagined frames to; empty saves none.

    Raises:
        UserError: no such robot, or its contract has a mistake.
    """
    contract = load_contract(robot)
    every: dict[str, Value] = {"robot": robot, "use_sim_time": use_sim_time}
    bundle: dict[str, Value] = {"model": model or contract.name, "provider": provider}
    brain: dict[str, Value] = {"autostart": True, "policy": "watch" if shadow else policy, "seed": seed}
    brain["rate_hz"] = float(rate_hz)
    if record:
        brain["recorded"] = True  # so that a replay can begin where the brain began
    processes = [Process("world_model_node", "world_model", {**every, **bundle, **brain})]
    if any(stream.is_picture for stream in contract.interface.streams):  # there is nothing to see without
        processes.append(Process("future_view_node", "future_view", {**every, **bundle, "save": futures}))
    if contract.deployment.command is not None and not shadow:  # a robot without one can only be watched
        gate: dict[str, Value] = {"dry_run": dry_run, "speed_scale": float(speed_scale)}
        processes.insert(0, Process("command_gate_node", "command_gate", every | gate, profile="gate"))
    if contract.deployment.urdf is not None and _asked(robot_state_publisher):
        processes.append(_state_publisher(contract, use_sim_time))
    if record:
        processes.append(Process("recorder_node", "recorder", {**every, "path": record}))
    if rviz:
        processes.append(_rviz(use_sim_time))
    return processes


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


def simulation(
    robot: str,
    *,
    model: str = "",
    provider: str = "auto",
    policy: str = "model",
    shadow: bool = False,
    dry_run: bool = False,
    speed_scale: float = 1.0,
    seed: int = 0,
    rate_hz: float = 0.0,
    use_sim_time: bool = False,
    robot_state_publisher: str = "auto",
    rviz: bool = False,
    record: str = "",
    futures: str = "",
    unplug: str = "",
    scenes: str = "plain",
) -> list[Process]:
    """The simulated robot and everything of `bringup`.

    Args:
        use_sim_time: the simulator publishes ``/clock`` and all others follow it.
        unplug: comma separated names or kinds of streams that the simulator does not publish.
        scenes: how much they differ: ``plain``, ``varied`` or ``cluttered``.

    Raises:
        UserError: as `bringup`, or a stream to unplug that the contract lacks.
    """
    parameters: dict[str, Value] = {
        "robot": robot,
        "seed": seed,
        "scenes": scenes,
        "clock": use_sim_time,
        "unplug": ",".join(streams_named(robot, unplug)),
    }
    rest = bringup(
        robot,
        model=model,
        provider=provider,
        policy=policy,
        shadow=shadow,
        dry_run=dry_run,
        speed_scale=speed_scale,
        seed=seed,
        rate_hz=rate_hz,
        use_sim_time=use_sim_time,
        robot_state_publisher=robot_state_publisher,
        rviz=rviz,
        record=record,
        futures=futures,
    )
    return [Process("sim_robot_node", "sim_robot", parameters), *rest]


def streams_named(robot: str, wanted: str, field: str = "unplug") -> list[str]:
    """Names of a robot's streams for a comma separated list of stream names or kinds (``camera``) out of ``field``."""
    streams = load_contract(robot).interface.streams
    found: list[str] = []
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        names = [stream.name for stream in streams if part in (stream.name, stream.kind)]
        if not names:
            legal = sorted({stream.name for stream in streams} | {stream.kind for stream in streams})
            raise UserError(field, part, f"one of {legal}")
        found += [name for name in names if name not in found]
    return found


def own(processes: list[Process]) -> list[Process]:
    """Those of this package: the ones that run where only the wheels of ROS are installed."""
    return [process for process in processes if process.package == PACKAGE]


def log_file(folder: Path, process: Process) -> Path:
    """Where a process started without ROS launch writes what it prints."""
    return folder / f"{process.name}.log"
