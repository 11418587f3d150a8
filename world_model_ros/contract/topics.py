"""Names of the package's own ROS topics and services, shared by brain, gate, views and recordings."""

from __future__ import annotations

from collections.abc import Callable

TICK, SURPRISE, COMMAND, CONTRACT = "tick", "surprise", "command", "contract"
ROBOT_DESCRIPTION, DIAGNOSTICS, CLOCK = "robot_description", "/diagnostics", "/clock"
APPLIED, GATE_STATE, GATE_OWNER, COMMAND_OWNER = "gate/applied", "gate/state", "gate/owner", "command/owner"
GATE_ARM, GATE_DISARM, GATE_STOP, GATE_RESET = "gate/arm", "gate/disarm", "gate/stop", "gate/reset"
ARMS_READY, ARMS_PACE = "arms/ready", "arms/pace"
OF_DRIVERS = (ARMS_READY, ARMS_PACE)  # of a driver in this package, which contracts name as those of any other
GOAL_IMAGE, GOAL_JOINTS, GOAL_REQUEST = "goal/image", "goal/joints", "goal/request"
GOAL_CANCEL, GOAL_CANCEL_ID = "goal/cancel", "goal/cancel_id"
GOAL_STATUS, GOAL_FEEDBACK, GOAL_RESULT, GOAL_REFUSED = "goal/status", "goal/feedback", "goal/result", "goal/refused"
PREDICTED = "predicted/"  # what all topics of imagined futures begin with
PREDICTED_STATES, PREDICTED_JOINTS, PREDICTED_CONTACT = "predicted/states", "predicted/joints", "predicted/contact"
PREDICTED_PATH, PREDICTED_CANDIDATES = "predicted/path", "predicted/candidates"
FUTURES_IMAGE, FUTURES_MARKERS = "futures/image", "futures/markers"

_OWN = (TICK, SURPRISE, COMMAND, CONTRACT, ROBOT_DESCRIPTION, DIAGNOSTICS, CLOCK)
_OWN_FOLDERS = ("gate", "command", "goal", "predicted", "futures", "candidates", "shadow")


def absolute(topic: str) -> str:
    """A topic's full name for a node in no namespace, as bags have it."""
    return "/" + topic.lstrip("/")


def is_own(topic: str, resolve: Callable[[str], str] = absolute) -> bool:
    """Whether the package itself publishes or hears a topic; ``resolve`` gives the full name of one."""
    name = resolve(topic)
    return name in map(resolve, _OWN) or any(name.startswith(resolve(folder) + "/") for folder in _OWN_FOLDERS)


def goal_topic(target: str, articulated: bool = False) -> str:
    """Topic of the goals for a target: values of what is articulated, else poses."""
    return f"goal/{target}/{'value' if articulated else 'pose'}"


def path_topic(target: str) -> str:
    """Topic of the imagined path of a target."""
    return f"{PREDICTED}{target}/path"


def region_topic(target: str) -> str:
    """Topic of the 90 % regions of a target along its imagined path."""
    return f"{PREDICTED}{target}/region"


def seen_topic(cloud: str) -> str:
    """Topic on which the gate hears of a cloud by its name."""
    return f"gate/seen/{cloud}"
