"""Messages of a topic that several publishers share, or that has several things in it."""

from __future__ import annotations

from world_model_ros.core.errors import UserError


class OtherMessage(UserError):
    """A message that has nothing new of what was asked for, which is no fault."""


class AbsentError(OtherMessage):
    """What was asked for is not there, or not any more; said to a person, though a thing may be out of sight."""
