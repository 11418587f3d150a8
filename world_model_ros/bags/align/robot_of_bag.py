"""Whether a bag is of the robot of a contract, as far as the contract that it was recorded with says."""

from __future__ import annotations

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.contract.contract import Contract, contract_from_text
from world_model_ros.core.errors import UserError


def require_robot(bag: BagReader, contract: Contract) -> None:
    """`UserError` if the contract in the bag has joints, and none of those of ``contract``.

    An earlier contract of the same robot, or one of more or fewer joints, may do: the streams tell then.
    """
    text = bag.contract_text()
    if text is None:
        return
    try:
        recorded = contract_from_text(text, "contract in the bag")
    except UserError:  # of another version, perhaps; messages are judged by the contract that was given
        return
    ours, theirs = set(contract.joint_names), set(recorded.joint_names)
    if ours and theirs and not ours & theirs:
        legal = f"one of the robot {contract.name}, of whose joints it has none"
        raise UserError(f"bag {bag.path.name}", f"of the robot {recorded.name}", legal)
