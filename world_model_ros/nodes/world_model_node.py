"""The brain as a lifecycle node: loads and warms up in configure, ticks while active."""

from __future__ import annotations

import sys
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from world_model_ros.contract.contract import load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.nodes.brain_diagnostics import brain_statuses
from world_model_ros.nodes.brain_outbox import BrainOutbox
from world_model_ros.nodes.diagnostics import diagnostics
from world_model_ros.nodes.goal_inbox import GoalInbox
from world_model_ros.nodes.spin import interrupted, spin_until_shutdown, start_ros
from world_model_ros.nodes.stream_inbox import StreamInbox
from world_model_ros.nodes.tick_loop import TickLoop
from world_model_ros.runtime.brain import Brain
from world_model_ros.runtime.bundle import load_bundle

PARAMETERS = {
    "robot": "tabletop_arm",
    "model": "",  # empty takes the one named like the robot
    "provider": "auto",
    "policy": "model",  # or random, a control
    "seed": 0,
    "threads": 1,  # of the planner on a CPU; more finish sooner on an idle machine and later on a busy one
    "autostart": True,
}

_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class WorldModelNode(LifecycleNode):
    """Streams and goals in, commands and futures out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("world_model", **kwargs)
        for name, default in PARAMETERS.items():
            self.declare_parameter(name, default)
        self._brain: Brain | None = None
        self._streams: StreamInbox | None = None
        self._goals: GoalInbox | None = None
        self._outbox: BrainOutbox | None = None
        self._loop: TickLoop | None = None
        self._timers_active: list[Any] = []
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def autostart(self) -> bool:
        """Configure and activate if the parameter says so. False if that failed."""
        if not self.get_parameter("autostart").value:
            return True
        return self.trigger_configure() == _SUCCESS and self.trigger_activate() == _SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load contract and model, warm up, subscribe."""
        given = {name: self.get_parameter(name).value for name in PARAMETERS}
        try:
            _check(given)
            contract = load_contract(given["robot"])
            bundle = load_bundle(given["model"] or contract.name, contract)
            self._brain = Brain(bundle, contract, given["provider"], given["threads"], given["policy"])
            self._brain.warm_up()
            self._streams = StreamInbox(self, contract)
            self._goals = GoalInbox(self, contract)
            self._outbox = BrainOutbox(self, contract, self._brain)
        except UserError as error:
            self.get_logger().error(str(error))
            return _FAILURE
        self.get_logger().info(
            f"model {bundle.manifest.name} ({bundle.manifest.kind}) for robot {contract.name} on {self._brain.provider}"
        )
        return _SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to tick, on the ROS clock; diagnostics on the steady one."""
        assert self._brain is not None
        assert self._streams is not None
        assert self._goals is not None
        assert self._outbox is not None
        self._loop = TickLoop(
            self._brain,
            self._streams,
            self._goals,
            self._outbox,
            self.get_parameter("seed").value,
            self.context.ok,
            self.get_logger().error,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timers_active = [
            self.create_timer(self._brain.contract.tick_ns * 1e-9, self._on_tick, clock=self.get_clock()),
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
        if self._loop is not None:
            self._loop.offer(int(self.get_clock().now().nanoseconds))

    def _on_report(self) -> None:
        if self._loop is None or self._brain is None or self._streams is None or self._goals is None:
            return
        statuses = brain_statuses(self._brain, self._loop, self._streams, self._goals)
        self._diagnostics.publish(diagnostics(self.get_clock().now().to_msg(), *statuses))

    def _stop(self) -> None:
        for timer in self._timers_active:
            self.destroy_timer(timer)
        self._timers_active = []
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def _release(self) -> None:
        for part in (self._streams, self._goals, self._outbox):
            if part is not None:
                part.close()
        self._brain = self._streams = self._goals = self._outbox = None


def _check(given: dict[str, Any]) -> None:
    if given["policy"] not in ("model", "random"):
        raise UserError("policy", given["policy"], "'model' or 'random'")
    for name, least in (("seed", 0), ("threads", 1)):
        if given[name] < least:
            raise UserError(name, given[name], f"{least} or more")


def main() -> None:
    """Entry point of the executable ``world_model_node``."""
    start_ros()
    node = WorldModelNode()
    started = node.autostart()
    if started:
        spin_until_shutdown(node)
    node.close()
    rclpy.try_shutdown()
    sys.exit(0 if started or interrupted() else 1)


if __name__ == "__main__":
    main()
