"""The brain as a lifecycle node: streams and goals in, commands and imagined futures out, once a tick.

Parameters:
    ``robot``: contract, name or file. ``model``: bundle, name or folder; empty takes the one named like the robot.
    ``provider``: auto, cpu, cuda or tensorrt.
    ``policy``: model, random (a control) or watch (commands nothing, and reports how well it predicts).
    ``seed``: of the sampling. ``threads``: of the planner on a CPU.
    ``rate_hz``: of ticks; 0 is the contract's, else a multiple of it.
    ``thread_priority``, ``lock_memory``: as of the gate.
    ``autostart``: false leaves configure and activate to another process.
    ``recorded``: a recorder runs alongside; ticks begin once it has all that the first tick sees.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from world_model_ros.brain.brain import Brain
from world_model_ros.bundle.bundle import load_bundle
from world_model_ros.contract.contract import load_contract
from world_model_ros.contract.topic_clashes import refuse_clashes
from world_model_ros.contract.topics import DIAGNOSTICS
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.brain.diagnostics import brain_statuses, drivers_status
from world_model_ros.nodes.brain.driver_watch import DriverWatch
from world_model_ros.nodes.brain.parameters import PARAMETERS, check_parameters, turns_asked
from world_model_ros.nodes.brain.precedence import Precedence
from world_model_ros.nodes.brain.recorded_start import wait_for_recorder
from world_model_ros.nodes.brain.tick_loop import TickLoop
from world_model_ros.nodes.brain.ticked import AfterTick
from world_model_ros.nodes.brain.topics.gate_news import GateNews
from world_model_ros.nodes.brain.topics.goal_inbox import GoalInbox
from world_model_ros.nodes.brain.topics.outbox import BrainOutbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox
from world_model_ros.nodes.candidates.inbox import CandidateInbox
from world_model_ros.nodes.candidates.server import CandidateServer
from world_model_ros.nodes.clock import clock_ns
from world_model_ros.nodes.diagnostics import diagnostics
from world_model_ros.nodes.parameters import declare, refuse_changes
from world_model_ros.nodes.real_time import ask_for_real_time
from world_model_ros.nodes.shadow.reference import ShadowReference
from world_model_ros.nodes.shadow.watch import ShadowWatch
from world_model_ros.nodes.spin import interrupted, run_node, spin_until_shutdown

_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class WorldModelNode(LifecycleNode):
    """Streams and goals in, commands and futures out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("world_model", **kwargs)
        for name, default in PARAMETERS.items():
            declare(self, name, default)
        self.configured = False
        self._brain: Brain | None = None
        self._streams: StreamInbox | None = None
        self._goals: GoalInbox | None = None
        self._outbox: BrainOutbox | None = None
        self._offers: CandidateInbox | None = None
        self._reference: ShadowReference | None = None
        self._news: GateNews | None = None
        self._after: dict[str, AfterTick] = {}
        self._loop: TickLoop | None = None
        self._timers_active: list[Any] = []
        self._watch: DriverWatch | None = None
        self._precedence = Precedence(self.get_logger().warning)
        self._diagnostics = self.create_publisher(DiagnosticArray, DIAGNOSTICS, 10)

    def shadow_report(self) -> dict[str, Any] | None:
        """How well the model predicts so far; None while it does not only watch."""
        watch = self._after.get("shadow")
        return watch.report() if isinstance(watch, ShadowWatch) else None

    def waiting(self) -> str:
        """Why there is nothing to judge yet."""
        observation = None if self._loop is None else self._loop.observation
        if observation is None:
            return "no tick yet; does the clock run?"
        silent = ", ".join(name for name, fresh in observation.fresh.items() if not fresh)
        return f"not fresh: {silent}" if silent else "less than a horizon was seen"

    def autostart(self) -> bool:
        """Configure and activate if the parameter says so. False if that failed."""
        if not self.get_parameter("autostart").value:
            return True
        if self.trigger_configure() != _SUCCESS:
            return False
        if self.get_parameter("recorded").value and self._brain is not None:
            deaf = wait_for_recorder(self, self._brain.contract)
            if deaf:
                self.get_logger().warning(f"the recorder does not listen to {', '.join(deaf)}; ticks begin without it")
        return self.trigger_activate() == _SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load contract and model, warm up, subscribe."""
        given = {name: self.get_parameter(name).value for name in PARAMETERS}
        try:
            brain = self._make(given)
        except UserError as error:
            self._release()  # what was made by then is heard no more
            self.get_logger().error(str(error))
            return _FAILURE
        manifest = brain.bundle.manifest
        model = f"{manifest.name} ({manifest.kind})"
        self.get_logger().info(f"model {model} for robot {brain.contract.name} on {brain.provider}")
        self.configured = True
        return _SUCCESS

    def _make(self, given: dict[str, Any]) -> Brain:
        """Everything that parameters ask for; `UserError` of one that cannot be, with what was made before it left."""
        check_parameters(given)
        contract = load_contract(given["robot"])
        refuse_clashes(contract.deployment, resolve=self.resolve_topic_name)
        bundle = load_bundle(given["model"] or contract.name, contract)
        self._brain = brain = Brain(bundle, contract, given["provider"], given["threads"], given["policy"])
        brain.warm_up()
        self._turns = turns_asked(given["rate_hz"], contract, brain)
        self._watch = DriverWatch(contract, contract.tick_s / self._turns)
        self._streams = StreamInbox(self, contract, self._watch)
        self._goals = GoalInbox(self, contract, bundle.manifest)
        self._outbox = BrainOutbox(self, contract, brain)
        self._offers = CandidateInbox(self, contract)
        self._news = GateNews(self, contract.deployment.sources is not None)
        self._after = {"candidates": CandidateServer(self, contract, brain, self._offers)}
        if not brain.acts:
            self._reference = ShadowReference(self, contract, self._streams)
            self._after["shadow"] = ShadowWatch(self, brain, self._reference, self._outbox)
        return brain

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to tick: on ``/clock`` if that is asked for, else on a clock that never steps, as diagnostics do."""
        assert self._brain is not None
        assert self._streams is not None
        assert self._goals is not None
        assert self._outbox is not None
        assert self._news is not None
        assert self._watch is not None
        self._watch.forget()
        self._loop = TickLoop(
            self._brain,
            self._streams,
            self._goals,
            self._outbox,
            self.get_parameter("seed").value,
            self.context.ok,
            self.get_logger().error,
            self._after,
            None if self._reference is None else self._reference.at,
            self._news,
            self._turns,
        )
        gc.collect()
        gc.freeze()  # else a full collection looks through all that was loaded, and takes longer than a plan
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        clock = self.get_clock() if self.get_parameter("use_sim_time").value else steady
        self._timers_active = [
            self.create_timer(1.0 / self._loop.rate_hz, self._on_tick, clock=clock),
            self.create_timer(1.0, self._on_report, clock=steady),
        ]
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop ticking; the gate notices the silence and holds."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget contract and model."""
        self._release()
        return _SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._release()
        return _SUCCESS

    def close(self) -> None:
        """End the inference thread and the node, from any state."""
        self._stop()
        self.destroy_node()

    def _on_tick(self) -> None:
        if self._loop is not None and self._watch is not None:
            self._watch.called()
            self._loop.offer(clock_ns(self))

    def _on_report(self) -> None:
        if self._loop is None or self._brain is None or self._streams is None or self._goals is None:
            return
        statuses = brain_statuses(self._brain, self._loop, self._streams, self._goals)
        drivers = self._watch.report() if self._watch is not None else None
        if drivers is not None:
            tick_ms, _ = self._loop.statistics.stage_percentiles().get("total", (0.0, 0.0))
            self._precedence.judge(drivers, tick_ms, self._loop.rate_hz)
        if self._brain.contract.joint_names:
            statuses.append(drivers_status(drivers, self._precedence))
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), *statuses))

    def _stop(self) -> None:
        for timer in self._timers_active:
            self.destroy_timer(timer)
        self._timers_active = []
        gc.unfreeze()
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def _release(self) -> None:
        self.configured = False
        parts = (self._streams, self._goals, self._outbox, self._offers, self._news, self._reference)
        for part in (*parts, *self._after.values()):
            if part is not None:
                part.close()
        self._brain = self._streams = self._goals = self._outbox = self._offers = None
        self._news, self._reference, self._after = None, None, {}


def main() -> int:
    """Run the node until it is interrupted; 1 if it could not start."""
    return run_node("world_model_node", WorldModelNode, WorldModelNode.close, _serve)


def _serve(node: WorldModelNode) -> int:
    how = "clean the node up first (ros2 lifecycle set /world_model deactivate, then cleanup) or start it anew"
    refuse_changes(node, lambda: node.configured, how)
    if not interrupted() and not node.autostart():
        return 0 if interrupted() else 1
    ask_for_real_time(node)
    spin_until_shutdown(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
