"""Refuses a bag of another robot, by comparing the contract stored in the bag with the contract in use."""

from __future__ import annotations

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.contract.topics import TICK, absolute
from world_model_ros.core.errors import UserError


def require_robot(bag: BagReader, contract: Contract) -> None:
    """`UserError` if the contract in the bag has joints, and none of those of ``contract``.

    An earlier contract of the same robot, or one of more or fewer joints, may do: the streams tell then.
    """
    recorded = _recorded(bag)
    ours, theirs = set(contract.joint_names), set(() if recorded is None else recorded.joint_names)
    if recorded is not None and ours and theirs and not ours & theirs:
        raise _other(bag, recorded, contract, "of whose joints it has none")


def require_same_action(bag: BagReader, contract: Contract) -> None:
    """As `require_robot`, and `UserError` if the ticks in the bag are of another robot with another action."""
    require_robot(bag, contract)
    recorded = _recorded(bag)
    if absolute(TICK) not in bag.topics() or recorded is None or recorded.name == contract.name:
        return
    ours, theirs = contract.interface.action.components, recorded.interface.action.components
    if len(ours) != len(theirs):
        raise _other(bag, recorded, contract, f"whose action is {list(ours)}; its ticks have {list(theirs)}")


def _recorded(bag: BagReader) -> Contract | None:
    """The contract in the bag; None without one that can be read: messages are judged by the one that was given."""
    text = bag.contract_text()
    try:
        return None if text is None else contract_from_text(text, "contract in the bag")
    except UserError:  # of another version, perhaps
        return None


def _other(bag: BagReader, recorded: Contract, contract: Contract, why: str) -> UserError:
    return UserError(
        f"bag {bag.path.name}", f"of the robot {recorded.name}", f"one of the robot {contract.name}, {why}"
    )
