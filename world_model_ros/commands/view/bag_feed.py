"""Replays a bag for the page of ``world-model view``: what is sensed and imagined at each tick, and plans to goals."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from world_model_ros.bags.replay.replay import ReplayOptions, replayed
from world_model_ros.bags.replay.replayed_tick import ReplayedTick
from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.brain.brain import Brain
from world_model_ros.brain.decision import Decision
from world_model_ros.contract.contract import Contract
from world_model_ros.contract.topics import GATE_STATE, absolute
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.goals.subgoal import goals_taken
from world_model_ros.view.outlook import Outlook, outlook_of
from world_model_ros.view.pictures.strip import Badge

_GATE_TOPIC = absolute(GATE_STATE)


class BagFeed:
    """A bag, replayed at once and kept.

    Where the robot pursued a goal, what is shown as imagined is its plan's future. Elsewhere, and of a model that only
    watches, it is what the model says the actions lead to that were then executed.

    Args:
        bag: folder or file.
        contract: of its robot.
        brain: made for the contract.
        options: how to replay.
        progress: called after each tick.

    Attributes:
        outlooks: one a tick. goals: targets that plans can be made for.

    Raises:
        UserError: no such bag, or nothing in it that the contract knows.
    """

    live = False

    def __init__(
        self,
        bag: Path,
        contract: Contract,
        brain: Brain,
        options: ReplayOptions,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._contract, self._brain = contract, brain
        self._scale = brain.bundle.manifest.calibration.region_scale
        self._ticks: list[ReplayedTick] = []
        for tick in replayed(bag, contract, brain, options):
            self._ticks.append(tick)
            if progress is not None:
                progress(len(self._ticks))
        if not self._ticks:
            raise UserError("bag", str(bag), "one in which all required streams overlap for a tick at least")
        self._gate = _gate_states(bag, options)
        self.outlooks: Sequence[Outlook] = [self._outlook(i) for i in range(len(self._ticks))]
        taken = goals_taken(contract, brain.bundle.manifest) if brain.acts else {}
        self.goals = [name for name, kinds in taken.items() if "position" in kinds]
        self._planned: dict[tuple[int, str, bytes], Outlook | None] = {}

    def at(self, seconds: float) -> int:
        """Index of the tick nearest to so many s after the first; `UserError` if it is not in the bag."""
        begin, end = self.outlooks[0].now_ns, self.outlooks[-1].now_ns
        if not 0 <= seconds <= (end - begin) * 1e-9 + 1e-6:
            raise UserError("at", seconds, f"0 to {(end - begin) * 1e-9:.1f} s")
        return min(range(len(self.outlooks)), key=lambda i: abs(self.outlooks[i].now_ns - begin - seconds * 1e9))

    def pursue(self, index: int, target: str, place: NDArray[np.float64]) -> Outlook | None:
        """What the brain would plan at a tick to bring a target to a place (3,) m; None if it cannot plan then."""
        key = (index, target, place.tobytes())
        if key not in self._planned:
            self._planned[key] = self._plan(index, target, place)
        return self._planned[key]

    def drop_goal(self) -> None:
        self._planned.clear()

    def _plan(self, index: int, target: str, place: NDArray[np.float64]) -> Outlook | None:
        tick = self._ticks[index]
        fresh = index == 0 or tick.restarted
        memory = self._brain.start() if fresh else self._ticks[index - 1].memory
        goal = Goal("pose", tick.now_ns, target, np.array([*place, 0, 0, 0, 0], np.float32))
        # The warm start was that of the recorded goal, so plan twice: the second time from the first one's chunk.
        inputs = replace(tick.done.inputs, goal=goal, memory=memory)
        _, after = self._brain.decide(inputs)
        memory = replace(memory, warm=after.warm, pursuit=None)
        decision, _ = self._brain.decide(replace(inputs, memory=memory))
        return None if decision.states is None else self._shown(tick, decision, goal)

    def _outlook(self, index: int) -> Outlook:
        tick, horizon = self._ticks[index], self._brain.bundle.manifest.horizon
        decision = tick.decision
        coming = self._ticks[index + 1 : index + 1 + horizon]
        whole = len(coming) == horizon and not any(each.restarted or each.tick.jumped for each in coming)
        if tick.goal is None and whole:
            imagined = self._brain.imagine_executed(tick.memory, np.stack([each.applied for each in coming])[None])
            decision = replace(
                decision,
                status="under the executed actions",
                chunk=None,
                states=imagined.states[0],
                joints=None if imagined.joints is None else imagined.joints[0],
                contact=None if imagined.contact is None else imagined.contact[0],
                poses=None if imagined.poses is None else imagined.poses[0],
                sigma=None if imagined.sigma is None else imagined.sigma[0],
            )
        return self._shown(tick, decision, tick.goal)

    def _shown(self, tick: ReplayedTick, decision: Decision, goal: Goal | None) -> Outlook:
        badge = Badge(self._gate_at(tick.now_ns), sum(decision.stages_ms.values()))
        outlook = outlook_of(self._contract, self._scale, tick.tick.observation, decision, goal, badge)
        return outlook if tick.surprise is not None else replace(outlook, badge=badge)

    def _gate_at(self, now_ns: int) -> str | None:
        at = bisect_right(self._gate, (now_ns, "\uffff"))
        return self._gate[at - 1][1] if at else None


def _gate_states(bag: Path, options: ReplayOptions) -> list[tuple[int, str]]:
    """Bag time in ns and state of the gate, where the bag has it."""
    found = []
    with BagReader(bag, options.names) as reader:
        topic = reader.topics().get(_GATE_TOPIC)
        if topic is None or topic.type != "std_msgs/msg/String":
            return []
        for _, _, bag_ns, message in reader.messages([_GATE_TOPIC]):
            try:
                state = json.loads(message.data)
            except json.JSONDecodeError:
                continue
            if isinstance(state, dict) and isinstance(state.get("state"), str):
                found.append((bag_ns, state["state"]))
    return found
