"""A type that is not installed costs a start, and leaves nothing behind that would be there twice at the next."""

from __future__ import annotations

from typing import Any

import pytest
from quiet_node import QuietNode
from split_joints import split_contract

from world_model_ros.core.errors import UserError
from world_model_ros.nodes.brain.topics import stream_inbox
from world_model_ros.nodes.brain.topics.stream_inbox import StreamInbox


def test_nothing_is_subscribed_to_where_a_type_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_images(name: str) -> Any:
        if not name.endswith("/Image"):
            raise UserError("message type", name, "a type of an installed package")
        return name

    monkeypatch.setattr(stream_inbox, "ros_class", only_images)
    node = QuietNode()
    with pytest.raises(UserError, match="message type"):
        StreamInbox(node, split_contract())
    assert not node.asked
