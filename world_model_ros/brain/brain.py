"""The brain: runs a model's graphs from observation, memory and goal to a decision each tick, and imagines futures."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from world_model_ros.brain.decision import Decision, Decoded, Imagined, Memory, PriorRollout
from world_model_ros.brain.graph_inputs import Inputs, goal_inputs, measured_positions, perceive_inputs
from world_model_ros.brain.imagination.rollout import decode, imagine
from world_model_ros.brain.stopwatch import Stopwatch
from world_model_ros.brain.tick_checks import (
    MOST,
    check_actions,
    check_memory,
    check_observation,
    check_places,
    check_tensor,
)
from world_model_ros.brain.tick_inputs import TickInputs
from world_model_ros.bundle.bundle import Bundle, wrong_interface
from world_model_ros.bundle.device import Resident, require_fit
from world_model_ros.bundle.manifest import Manifest
from world_model_ros.bundle.provider import provider_named
from world_model_ros.bundle.session import Graph
from world_model_ros.bundle.signatures import first_camera
from world_model_ros.contract.contract import Contract, require_contract
from world_model_ros.contract.joint_ranges import JointRanges
from world_model_ros.core.arrays import Float, Floats
from world_model_ros.core.checks import finite, numbers, whole, within
from world_model_ros.core.errors import UserError
from world_model_ros.core.goals.goal import Goal
from world_model_ros.core.noise import coloured_noise
from world_model_ros.core.streams import Observation
from world_model_ros.goals.errors import Imagination, steps_to_go
from world_model_ros.goals.pursuit import Pursuit
from world_model_ros.goals.recovery import push_progress
from world_model_ros.goals.subgoal import Subgoal, check_goal, turned_targets, wished_targets
from world_model_ros.goals.subgoals import Aiming
from world_model_ros.goals.workspace import Workspace
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.motion import motion_for, motion_if_any

Policy = Literal["model", "random", "watch"]

NOT_FINITE = "the model returned numbers that are not finite"
_MOST_THREADS = 1024
_RANDOM_KEEP = 0.9  # share of the last chunk in the next one of the random policy


class Brain:
    """A bundle made ready for a contract. No tick depends on one before: `start` makes a memory, `tick` the next one.

    Args:
        bundle: from `load_bundle`, with the same contract.
        contract: of the robot.
        provider: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``, with options as for `provider_named`.
        threads: CPU threads of the plan graph; the small graphs run on one.
        policy: ``random`` draws coloured random chunks in place of plans, goal or no goal; a control to compare with.
            ``watch`` perceives and never plans.
    """

    def __init__(
        self, bundle: Bundle, contract: Contract, provider: str = "auto", threads: int = 1, policy: Policy = "model"
    ) -> None:
        if policy not in get_args(Policy):
            raise UserError("policy", policy, f"one of {list(get_args(Policy))}")
        within("threads", whole("threads", threads, 1), 1, _MOST_THREADS)
        if not isinstance(bundle, Bundle) or not isinstance(bundle.manifest, Manifest):
            raise UserError("bundle", bundle, "a Bundle, of load_bundle")
        require_contract(contract)
        other = wrong_interface(bundle.manifest, contract)
        if other is not None:
            raise other
        self.bundle, self.contract, self.policy = bundle, contract, policy
        self.provider = str(provider_named(provider))
        resident = None if self.provider.startswith("cpu") else Resident()
        self._graphs = {
            name: Graph(bundle, name, self.provider, threads if name == "plan" else 1, resident)
            for name in bundle.manifest.graphs
        }
        self._camera = first_camera(contract.interface)
        self._required = [source for source in contract.deployment.streams if source.required]
        self._free = contract.interface.action.free
        plans = bundle.manifest.kind == "act" and not self._free
        self._motion = motion_for(contract) if plans else motion_if_any(contract)
        self._arm = self._motion if isinstance(self._motion, ArmKinematics) and self._motion.links else None
        self._workspace, self._ranges = Workspace.of(contract), JointRanges(contract)
        aside = () if self._motion is None else self._motion.aside.tolist()
        turned = turned_targets(contract, bundle.manifest)
        self._aiming = Aiming(contract, self._arm, self._workspace, self._graphs.get("goal"), aside, turned)
        self._most = np.array(contract.interface.action.bounds, np.float32)
        spec = bundle.manifest.planner
        self._every = 1 if spec is None else spec.every
        self._past = len(self._graphs["perceive"].neutral().get("since", ()))  # steps that perceive is handed
        self._drawn: tuple[int, Floats] | None = None

    @property
    def acts(self) -> bool:
        """Whether it plans; a bundle that cannot only watches."""
        return self.bundle.manifest.kind == "act" and self.policy != "watch"

    def check_motion(self, applied: Floats | None, reference: Float | None) -> None:
        """`UserError` of an action that is not (C,) or commanded joints that are not (J,) finite numbers, nor None."""
        if applied is not None:
            finite("applied", applied, self.contract.interface.action.size)
        if reference is not None:
            finite("reference", reference, len(self.contract.joint_names))

    def _wants(self, goal: Goal | None) -> bool:
        """Whether a goal is looked at: by who plans always, by who only watches if there is one."""
        return self.acts or (goal is not None and self.bundle.manifest.kind == "act")

    def warm_up(self, runs: int = 2) -> None:
        """Run every graph on zeros, so that the first tick is as fast as the others."""
        whole("runs", runs)
        for graph in self._graphs.values():
            for _ in range(runs):
                graph.run(graph.neutral())

    def start(self) -> Memory:
        """Memory of a brain that knows nothing yet."""
        sizes = self.bundle.manifest.sizes
        chunk = np.zeros((sizes.horizon, self.contract.interface.action.size), np.float32)
        return Memory(np.zeros(sizes.memory, np.float32), chunk)

    def prepare(self, seed: int) -> None:
        """Draw the noise of a tick to come while there is time. The tick decides the same without."""
        if self.acts:
            whole("seed", seed)
            self._drawn = (seed, self._noise(seed))

    def applied_action(self, before: Float | None, now: Float | None) -> Floats:
        """Action (C,) between two commanded configurations (J,); zeros where one is not known."""
        self.check_motion(None, before)
        self.check_motion(None, now)
        if self._motion is None or before is None or now is None:
            return np.zeros(self.contract.interface.action.size, np.float32)
        return np.asarray(self._motion.applied_action(before, now), np.float32)

    def tick(
        self,
        observation: Observation,
        applied: Floats | None,
        reference: Float | None,
        memory: Memory,
        goal: Goal | None,
        seed: int,
    ) -> tuple[Decision, Memory]:
        """One tick: perceive, aim, plan, and turn the chunk into joint motion.

        The outcome depends on the arguments alone; only ``stages_ms`` looks at a clock. Whether an observation is later
        than the one that a memory is of is not asked: who turns a clock back hands in the memory of `start`.

        Args:
            observation: cut at the tick.
            applied: (C,) action that was applied since the last tick; None if not known, which counts as none.
            reference: (J,) commanded joint positions now; None takes the measured ones.
            memory: of the last tick; `Memory.refused` if the gate refused what it led to.
            goal: that `check_goal` takes; None holds still.
            seed: of the planner's noise, from 0 up.

        Returns:
            The decision, and the memory for the next tick.

        Raises:
            UserError: one of them is of another type or shape, has numbers that are not finite or joints where they
                cannot be, or is a goal that this robot or this model cannot have.
        """
        check_observation(observation, self.contract, self.bundle.manifest, self._ranges)
        self.check_motion(applied, reference)
        check_places(self.contract, applied, reference, self._ranges)
        check_memory(memory, self.start())
        whole("seed", seed)
        checked = None if goal is None else check_goal(goal, self.contract, self.bundle.manifest)
        none = np.zeros(self.contract.interface.action.size, np.float32)
        since = none if applied is None else applied
        return self.decide(TickInputs(0, seed, observation, since, reference, checked, memory))

    def decide(self, inputs: TickInputs) -> tuple[Decision, Memory]:
        """As `tick`, of what was checked where it came in, or that a brain was given when a bag was recorded."""
        if not isinstance(inputs, TickInputs):
            raise UserError("inputs", inputs, "TickInputs, of which `tick` takes each alone")
        watch, spent_ms = Stopwatch(), self._spent_ms()
        decision, after = self._decide(inputs, watch)
        return replace(decision, stages_ms=watch.laps, runtime_ms=self._spent_ms() - spent_ms), after

    def _decide(self, inputs: TickInputs, watch: Stopwatch) -> tuple[Decision, Memory]:
        """As `tick`: the decision grows from stage to stage, and is what it is by then where one is the last."""
        observation, memory, goal = inputs.observation, inputs.memory, inputs.goal
        perceive = self._graphs["perceive"]
        manifest, applied = self.bundle.manifest, inputs.applied
        felt = perceive.run(perceive_inputs(perceive.neutral(), observation, manifest, applied, memory))
        watch.lap("perceive")
        decision = _perceived(felt, self._camera is not None and observation.fresh[self._camera.name])
        if not _finite(felt):
            return replace(decision, status=NOT_FINITE), self.start()
        after = memory.after(felt["memory_next"], applied, self._past)
        missing = next((source for source in self._required if not observation.fresh[source.name]), None)
        if missing is not None:
            return replace(decision, status=f"{missing.topic} stale"), after
        measured = measured_positions(observation, self.contract)
        if not self._wants(goal) or not (self._free or (self._motion is not None and measured is not None)):
            return decision, after
        start = measured if inputs.reference is None else np.asarray(inputs.reference, np.float64)
        targets = self.contract.interface.targets

        aim, pursuit = self._aim(goal, measured, decision, memory)
        progress = None  # of a push that a camera looks at; what the robot makes of free parts is not known to be one
        if not self._free and self._camera is not None:
            progress = push_progress(aim, 0 if goal is None else goal.stamp_ns, memory.progress, targets, memory.since)
        if progress is not None and progress.looking > 0.0:
            aim = self._aiming.out_of_the_way(aim, measured)
        after = replace(after, pursuit=pursuit, progress=progress)
        target = None if aim.target is None else targets[aim.target].name
        wants = goal_inputs(aim, decision.belief_poses, len(targets))
        decision = replace(decision, aim_target=target, aim=aim.pose, wants=wants, errors=aim.errors)
        watch.lap("aim")
        if not self.acts:
            return decision, after
        stamp_ns = 0 if goal is None else goal.stamp_ns
        runs = aim.moves and memory.goes_on(self._every) and stamp_ns == memory.planned_for
        plan = self._plan(after.belief, wants, aim, start, memory, None if runs else inputs.seed)
        watch.lap("plan")
        if not _finite(plan):
            return replace(decision, status=NOT_FINITE), after
        decision, lead = _planned(decision, aim.status, plan, not runs), None if goal is None else goal.joints
        chunk: Floats = plan["chunk"]
        if self._motion is not None and start is not None:
            tick_s = 1.0 / self.contract.interface.tick_hz
            way = self._motion.chunk_trajectory(start, chunk.astype(np.float64), observation.now_ns, tick_s, lead)
            decision = replace(decision, trajectory=way)
        elif aim.moves:
            decision = replace(decision, action=np.clip(chunk[0], -self._most, self._most))
        watch.lap("kinematics")
        age = 0 if aim.moves and self.policy == "model" else None
        if runs and memory.age is not None:
            age = memory.age + 1
        return decision, replace(after, warm=chunk, age=age, planned_for=stamp_ns)

    def imagine(self, memory: Memory, candidates: Floats) -> Imagined:
        """Futures of proposed actions (N, H, C) from a memory, for any N; those far over their bounds are refused.

        `UserError` of another shape, and of actions over a hundred times their bounds, as in another unit;
        `imagine_executed` takes these.
        """
        _check_rows("candidates", candidates, self.start().warm.shape)
        check_actions("candidates", candidates, self.contract)
        return self.imagine_executed(memory, candidates)

    def imagine_executed(self, memory: Memory, candidates: Floats) -> Imagined:
        """As `imagine`, of actions (N, H, C) that a robot was seen to make: none is refused, however far it jumps."""
        check_memory(memory, self.start())
        _check_rows("candidates", candidates, self.start().warm.shape)
        return imagine(self._graphs["rollout"], memory.belief, candidates)

    def decode(
        self, states: Floats, reference: NDArray[np.uint8] | None = None, still: Floats | None = None
    ) -> Decoded:
        """Imagined states (B, S), for any B, as senses.

        Args:
            states: as they were imagined.
            reference: the first camera's last real frame, (H, W, 3) uint8.
            still: (K,) 1 for targets that are known to be where it shows them.
        """
        _check_rows("states", states, (self.bundle.manifest.sizes.state,))
        references = {} if self._camera is None else {self._camera.name: reference}
        return decode(self._graph("decode"), states, references, still)

    def read(self, frame: NDArray[np.uint8]) -> Floats:
        """Where a frame (H, W, 3) of the first camera, real or imagined, shows each target: (K, 3) m, base frame.

        `UserError` of a bundle that reads no pictures, and of a frame of another shape or type.
        """
        reader = self._graph("goal")
        if self._camera is None or "seen" not in reader.spec.outputs:
            raise UserError("interface.targets", [], "a robot with targets")
        require_fit(f"goal: {self._camera.name}", frame, reader.spec.inputs[self._camera.name])
        positions: Floats = reader.run(reader.neutral() | {self._camera.name: frame})["seen"]
        return positions

    def usual_future(self, memory: Memory) -> PriorRollout:
        """How it usually goes on: actions as in the recordings, and what they lead to. `UserError` without a policy."""
        check_memory(memory, self.start())
        graph = self._graph("policy")
        found = graph.run(graph.neutral() | {"memory": memory.belief})
        return PriorRollout(found["chunk"], found["states"], found.get("poses"))

    def action_between(self, sensed: Floats, sensed_next: Floats) -> Floats:
        """The action (C,) between two observations a tick apart, each `Decision.sensed`. `UserError` if it cannot."""
        graph = self._graph("inverse")
        for field, sensed_then in (("sensed", sensed), ("sensed_next", sensed_next)):
            check_tensor(f"inverse: {field}", sensed_then, graph.neutral()[field])
        found = graph.run(graph.neutral() | {"sensed": sensed, "sensed_next": sensed_next})
        action: Floats = found["action"]
        return action

    def _spent_ms(self) -> float:
        """Time inside ONNX Runtime so far."""
        return sum(graph.spent_ms for graph in self._graphs.values())

    def _graph(self, name: str) -> Graph:
        """A graph that a bundle may lack."""
        if name not in self._graphs:
            manifest = self.bundle.manifest
            raise UserError(f"model {manifest.name}: graphs", sorted(manifest.graphs), f"a bundle with {name!r}")
        return self._graphs[name]

    def planned_path(self, decision: Decision) -> Float | None:
        """Where the chunk leads the first commanded fingertip: (H + 1, 3) m, now first; None without either."""
        if not isinstance(decision, Decision):
            raise UserError("decision", decision, "a Decision, of a tick")
        if self._arm is None or decision.trajectory is None or decision.chunk is None:
            return None
        return np.array([self._arm.tip(q)[0] for q in decision.trajectory.positions[: len(decision.chunk) + 1]])

    def _aim(
        self, goal: Goal | None, measured: Float | None, decision: Decision, memory: Memory
    ) -> tuple[Subgoal, Pursuit | None]:
        """What to do about the goal now, by what is believed of targets and read from the camera."""
        if self.policy == "random":
            return Subgoal("random", moves=True), None
        names = [target.name for target in self.contract.interface.targets]
        unknown = [names[index] for index in wished_targets(goal, self.contract) if decision.unknown(index)]
        if unknown:
            return Subgoal(f"never seen: {', '.join(unknown)}"), None
        poses, values = decision.belief_poses, decision.belief_values
        return self._aiming.aim(goal, measured, poses, decision.seen, memory.pursuit, memory.since, values)

    def _plan(
        self, belief: Floats, wants: Inputs, aim: Subgoal, start: Float | None, memory: Memory, seed: int | None
    ) -> dict[str, Any]:
        """Run the plan graph. Holding still is a plan whose bounds leave no choice, so that its future is imagined.

        Without a seed the last plan goes on, and its future is imagined from now.
        """
        graph, warm, shifted = self._graphs["plan"], memory.warm, memory.shifted()
        tips = None if self._arm is None or start is None else self._arm.tips(start)
        low, high = self._workspace.bounds(len(warm), tips)
        low, high = memory.reach * low, memory.reach * high
        if seed is None:
            chunk = np.clip(shifted, low, high)
            ahead = vars(imagine(self._graphs["rollout"], belief, chunk[None]))
            return {"chunk": chunk} | {name: found[0] for name, found in ahead.items() if found is not None}
        noise = self._drawn[1] if self._drawn is not None and self._drawn[0] == seed else self._noise(seed)
        if not aim.moves:
            low = high = np.zeros_like(warm)
        elif self.policy == "random":
            drawn = high.max(0) * noise[0, 0]
            low = high = np.clip(_RANDOM_KEEP * shifted + (1 - _RANDOM_KEEP**2) ** 0.5 * drawn, low, high)
        inputs = graph.neutral()
        inputs |= {name: want for name, want in wants.items() if name in inputs}
        inputs |= {"memory": belief, "noise": noise}
        inputs |= {"bounds_low": low, "bounds_high": high, "warm": np.clip(shifted, low, high)}
        return graph.run(inputs)

    def _noise(self, seed: int) -> Floats:
        """Of the planner: (I, N, H, C)."""
        sizes, spec = self.bundle.manifest.sizes, self.bundle.manifest.planner
        shape = (sizes.iterations, sizes.candidates, sizes.horizon, self.contract.interface.action.size)
        return coloured_noise(seed, shape, 2.0 if spec is None else spec.beta)


def _check_rows(field: str, rows: Floats, shape: tuple[int, ...]) -> None:
    """`UserError` of what is not one row of this shape at least, all of it real numbers."""
    found = numbers(rows)
    if found is None or not found.size or found.shape[1:] != shape:
        shown = rows if found is None else f"an array of shape {found.shape}"
        raise UserError(field, shown, f"numbers of shape ({', '.join(map(str, ('any', *shape)))})")
    wrong = ~(np.abs(found) <= MOST)
    if wrong.any():
        raise UserError(field, float(found[wrong][0]), f"finite numbers, from {-MOST:g} to {MOST:g}")


def _perceived(felt: dict[str, Any], sees: bool) -> Decision:
    """What is believed now; ``sees`` if the first camera is fresh."""
    return Decision(
        "watching",
        float(felt["surprise"][0]),
        {},
        belief_poses=felt.get("poses"),
        belief_sigma=felt.get("sigma"),
        belief_values=felt.get("values"),
        seen=felt.get("seen") if sees else None,
        sensed=felt.get("sensed"),
    )


def _planned(decision: Decision, status: str, plan: dict[str, Any], anew: bool) -> Decision:
    """With what the plan graph says, or without ``anew`` what the plan before leads to."""
    imagined = Imagination(plan.get("poses"), decision.belief_poses, plan.get("values"), plan.get("joints"))
    return replace(
        decision,
        status=status,
        to_go=steps_to_go(decision.errors, imagined),
        plan="plan" if anew else None,
        chunk=plan["chunk"],
        states=plan.get("states"),
        poses=plan.get("poses"),
        sigma=plan.get("sigma"),
        joints=plan.get("joints"),
        contact=plan.get("contact"),
        values=plan.get("values"),
        cost=float(plan["cost"][0]) if "cost" in plan else None,
        candidates=plan.get("candidate_poses"),
    )


def _finite(arrays: dict[str, Any]) -> bool:
    """By sums of squares, a third of the time of looking at each number; where one is too large, each is looked at."""
    return all(isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all()) for array in arrays.values())
