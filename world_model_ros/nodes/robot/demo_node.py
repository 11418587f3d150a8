"""Node that runs the demo: arms the gate, gives goals one by one, and judges each by the simulated robot's true state.

Parameters: ``robot``; ``seed``; ``scenes``; ``goals`` (comma separated, empty for what suits the robot); ``seconds``
(that goals start again for; 0: once); ``since_s`` (Unix time that waits are counted from; 0: the node's start);
``awaits`` (comma separated names of nodes that report on ``/diagnostics`` before the first goal); ``result`` (JSON
file). Exit status 0: all reached.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Empty, Float32, String
from std_srvs.srv import Trigger

from world_model_ros.contract import topics
from world_model_ros.contract.contract import load_contract
from world_model_ros.convert.messages import MessageMaker, ros_class
from world_model_ros.core.errors import UserError
from world_model_ros.core.installation.share_folder import default_robot
from world_model_ros.evaluate.tasks.braking import BrakingHeard, said_of_braking
from world_model_ros.evaluate.tasks.goal_picture import goal_picture
from world_model_ros.evaluate.tasks.kept_rates import DRIVERS, SIMULATION, kept_rates
from world_model_ros.evaluate.tasks.task import PICTURES, Judge, Task, task_goal, task_kinds, task_record
from world_model_ros.evaluate.tasks.task_draw import default_kinds, draw_task
from world_model_ros.evaluate.tasks.tick_rates import tick_summary
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.parameters import declare, refuse_changes
from world_model_ros.nodes.robot.true_state import TrueState
from world_model_ros.nodes.robot.waiting import SaysWhatItWaitsFor, waited
from world_model_ros.nodes.spin import run_node, spin_until_shutdown, stop
from world_model_ros.nodes.trigger import insist
from world_model_ros.sim.scenes.draw import scene_for_seed

_READY_S = 60.0
_DRAWN_S = 60.0
_CANCELLED_S = 5.0
_SETTLE_S = 1.0
_ROUND_SEEDS = 100_003

_say = partial(print, flush=True)  # into a file as well, line by line


class DemoNode(Node):
    """Callbacks store what came in; `demonstrate` runs in a thread of its own."""

    def __init__(self) -> None:
        super().__init__("demo")
        self._contract = load_contract(declare(self, "robot", default_robot()))
        self._seed = int(declare(self, "seed", 0))
        self._scene = scene_for_seed(self._contract, self._seed, declare(self, "scenes", "plain"))
        self._kinds = task_kinds(declare(self, "goals", "") or default_kinds(self._contract))
        self._seconds = float(declare(self, "seconds", 0.0))
        self._since_s = float(declare(self, "since_s", 0.0)) or time.time()
        self._awaits = {name for name in declare(self, "awaits", "").split(",") if name}
        self._result = declare(self, "result", "")
        self._make = MessageMaker(ros_class)
        self._ticks: list[dict[str, Any]] = []
        self._gate: dict[str, Any] = {}
        self._braking = BrakingHeard()
        self._reported: set[str] = set()
        self._ended: list[dict[str, Any]] = []
        self._statuses: list[tuple[str, dict[str, str]]] = []
        self._true = TrueState(self, self._contract)
        self.create_subscription(String, topics.TICK, lambda message: self._ticks.append(json.loads(message.data)), 50)
        self.create_subscription(String, topics.GOAL_RESULT, lambda m: self._ended.append(json.loads(m.data)), 100)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(String, topics.GATE_STATE, self._on_gate, latched)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, 50)
        self._goals = {
            target.name: self.create_publisher(Float32, topics.goal_topic(target.name, True), 1)
            if target.kind == "articulated"
            else self.create_publisher(PoseStamped, topics.goal_topic(target.name), 1)
            for target in self._contract.interface.targets
        }
        self._picture = self.create_publisher(Image, topics.GOAL_IMAGE, 1)
        self._cancel = self.create_publisher(Empty, topics.GOAL_CANCEL, 1)
        self._arm = self.create_client(Trigger, topics.GATE_ARM)
        self._disarm = self.create_client(Trigger, topics.GATE_DISARM)

    def demonstrate(self) -> bool:
        """Run all goals and write the result; True if every goal was reached."""
        self._wait_until_ready()
        waited(
            "the gate, which is asked to arm", lambda: insist(self._arm, topics.GATE_ARM, _READY_S), 2 * _READY_S, _say
        )
        self._gate = {}  # its state is not known until it says so again
        first, said = len(self._ticks), len(self._statuses)
        goals: list[dict[str, Any]] = []
        end_s = time.monotonic() + self._seconds
        while not goals or time.monotonic() < end_s:  # each round has goals of its own
            seed = self._seed + _ROUND_SEEDS * (len(goals) // len(self._kinds))
            goals += [self._pursue(len(goals) + index, kind, seed) for index, kind in enumerate(self._kinds, start=1)]
        with contextlib.suppress(UserError):  # the goals are judged; the gate disarms by itself when all ends
            insist(self._disarm, topics.GATE_DISARM, 2.0)
        success = all(goal["reached"] for goal in goals)
        about = {"robot": self._contract.name, "seed": self._seed, "success": success, "goals": goals}
        ticks = tick_summary(self._ticks[first:], self._contract.tick_ns)
        result = about | ticks | {"rates": kept_rates(self._statuses[said:], ticks)}
        if self._result:
            Path(self._result).write_text(json.dumps(result, indent=2), encoding="utf-8")
        return success

    def _on_gate(self, message: String) -> None:
        report = json.loads(message.data)
        self._gate.update(report)
        self._braking.hear(report)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for each in message.status:
            self._reported.add(each.name.split(":")[0])
            if each.name in (SIMULATION, DRIVERS):
                self._statuses.append((each.name, {pair.key: pair.value for pair in each.values}))

    def _pursue(self, number: int, kind: Any, seed: int) -> dict[str, Any]:
        true = self._true
        try:
            task = draw_task(kind, seed, self._contract, true.positions)
            away_m = task.parts[0].error_m(true.positions[task.target])
            _say(f"Goal {number}: {task}, {away_m * 100:.1f} cm away")
            messages = waited("the goal's picture to be drawn", lambda: self._messages(task), _DRAWN_S, _say)
        except UserError as error:  # an object at the edge cannot be pushed back; no picture in time
            _say(f"Goal {number}: {error}")
            return {"kind": kind, "reached": False, "error_m": None, "seconds": 0.0}
        now_ns, ended, braked = clock_ns(self), len(self._ended), len(self._braking.causes)
        true.judge = judge = Judge(task, now_ns)
        for publisher, message in messages:  # poses with the same stamp are one goal
            if hasattr(message, "header"):
                message.header.stamp = self._make.time(now_ns)
            publisher.publish(message)
        rearmed = 0
        while (verdict := judge.verdict(clock_ns(self))) is None:
            if self._gate.get("state") == "disarmed":
                rearmed += 1
                if rearmed == 1:
                    _say(f"  the gate let go ({self._gate.get('cause')}); arming it again")
                with contextlib.suppress(UserError):  # then time runs out on this goal
                    insist(self._arm, topics.GATE_ARM, 1.0)
                    self._gate = {}
            time.sleep(0.05)
        causes = self._braking.causes[braked:]
        self._let_go()
        said = said_of_goal(self._ended[ended:], verdict.reached)
        _say(f"  {verdict} ({task.tolerance_m * 100:.0f} cm counts); {said}{said_of_braking(causes)}")
        return task_record(task, verdict, away_m) | {"rearmed": rearmed, "braked": dict(Counter(causes))}

    def _let_go(self) -> None:
        """Cancel the goal; a cancellation that comes late must not meet the next goal."""
        self._cancel.publish(Empty())
        told = time.monotonic()
        while self._ticks[-1].get("goal") is not None and time.monotonic() - told < _CANCELLED_S:
            time.sleep(0.05)
        time.sleep(_SETTLE_S)

    def _messages(self, task: Task) -> list[tuple[Any, Any]]:
        """What is published where."""
        frame = self._contract.interface.base_frame
        if task.kind not in PICTURES:
            goal = task_goal(task, 0)
            poses = [(self._goals[each.target], self._make.pose(each.pose, 0, frame)) for each in goal.poses]
            return poses + [(self._goals[each.target], self._make.float32(each.value)) for each in goal.values]
        picture = goal_picture(task, self._contract, self._scene, self._true.poses, self._true.tip_positions())
        return [(self._picture, self._make.image(picture, "rgb8", 0, frame))]

    def _wait_until_ready(self) -> None:
        needed: dict[str, Callable[[], bool]] = {
            "joint states": lambda: all(name in self._true.positions for name in self._true.tips),
            "the brain's ticks": lambda: bool(self._ticks),
            "the gate's state": lambda: bool(self._gate),
            "object labels": lambda: all(
                label.target in self._true.positions for label in self._contract.interface.labels
            ),
            **{f"report of {name}": partial(self._reported.__contains__, name) for name in sorted(self._awaits)},
        }
        _say("Waits for the robot's senses, the first tick of the brain and the gate")
        if set(PICTURES) & set(self._kinds):  # slow to import, and next to all that moves the robot far slower
            importlib.import_module("world_model_ros.sim.scenes.goal_image")
        teller = SaysWhatItWaitsFor(_say)
        while missing := [name for name, there in needed.items() if not there()]:
            if teller.look(" and ".join(missing)) > _READY_S:
                raise UserError("robot", f"no {', no '.join(missing)}", f"all of them within {_READY_S:.0f} s")
            time.sleep(0.05)
        _say(f"The arm senses and the brain thinks, {time.time() - self._since_s:.1f} s after the start")


def said_of_goal(ended: list[dict[str, Any]], reached: bool) -> str:
    """What the brain says of a goal that the demo has judged, in words.

    Args:
        ended: what it published about its end. reached: as judged.
    """
    if reached and ended and all(each["reason"] == "cancelled" for each in ended):
        return "the demo ended it there, before the brain had held it long enough to say so itself"
    if not ended:
        return "the brain has not said that it ended"
    why = ", ".join(
        each["why"] if each["why"].startswith(each["reason"]) else f"{each['reason']}, {each['why']}" for each in ended
    )
    return f"the brain says of it: {why}"


def main() -> int:
    """Run all goals; 0 if all were reached, 130 if it is interrupted."""
    return run_node("demo_node", DemoNode, DemoNode.destroy_node, _serve, wrong=2)


def _serve(node: DemoNode) -> int:
    refuse_changes(node)
    outcome = [130]  # what it is if it is interrupted
    threading.Thread(target=_demonstrate, args=(node, outcome), daemon=True).start()
    spin_until_shutdown(node)
    return outcome[0]


def _demonstrate(node: DemoNode, outcome: list[int]) -> None:
    try:
        outcome[0] = 0 if node.demonstrate() else 1
    except UserError as error:
        print(error, file=sys.stderr)
        outcome[0] = 2
    finally:
        stop()


if __name__ == "__main__":
    sys.exit(main())
