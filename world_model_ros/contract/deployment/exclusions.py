"""Pairs of links and obstacles that the gate's collision check leaves out, from the contract and its SRDF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from xml.etree import ElementTree

from world_model_ros.contract.contract import Contract
from world_model_ros.core.errors import UserError

_FIELD = "deployment.gate.collision"
_HINT = "what the topic robot_description_semantic carries, or the output of `xacro FILE`"
BY_CONTRACT = f"{_FIELD}.exclude"


def excluded_pairs(contract: Contract, links: Sequence[str]) -> dict[frozenset[str], str]:
    """Why each excluded pair of names is: links of the URDF and obstacles of the contract.

    Of an SRDF count ``disable_collisions``, and ``disable_default_collisions`` (a link with all others) less
    ``enable_collisions``.

    Args:
        contract: with ``deployment.gate.collision``. links: all of its URDF.

    Raises:
        UserError: a name that is no link and no obstacle, or is both; an SRDF that cannot be read.
    """
    settings = contract.deployment.gate.collision
    if settings is None:
        return {}
    found = dict(_of_srdf(contract, links)) if settings.srdf is not None else {}
    boxes = contract.deployment.gate.around
    for index, pair in enumerate(settings.exclude):
        for name in pair:
            field = f"{BY_CONTRACT}[{index}]"
            if name not in links and name not in boxes:
                raise UserError(field, name, f"a link of the URDF: {list(links)}, or an obstacle: {boxes}")
            if name in links and name in boxes:
                raise UserError(field, name, "a name that either a link or an obstacle has: rename the obstacle")
        found[frozenset(pair)] = BY_CONTRACT
    return found


def _of_srdf(contract: Contract, links: Sequence[str]) -> Iterator[tuple[frozenset[str], str]]:
    path = contract.srdf_path
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise UserError(f"{_FIELD}.srdf", f"{path}: {error}", f"an SRDF: {_HINT}") from error
    if root.tag != "robot":
        raise UserError(f"{_FIELD}.srdf", f"{path}: <{root.tag}>", f"<robot>: {_HINT}")
    if any("xacro" in each.tag or "${" in "".join(each.attrib.values()) for each in root.iter()):
        raise UserError(f"{_FIELD}.srdf", f"{path}: xacro", f"a plain SRDF: {_HINT}")
    enabled = {_pair(each, links) for each in root.findall("enable_collisions")}
    lone = {_link(each, "link", links) for each in root.findall("disable_default_collisions")}
    for pair in map(frozenset, combinations(links, 2)):
        if pair & lone and pair not in enabled:
            yield pair, "SRDF: disabled by default"
    for each in root.findall("disable_collisions"):
        yield _pair(each, links), f"SRDF: {each.attrib.get('reason') or 'no reason stated'}"


def _pair(element: ElementTree.Element, links: Sequence[str]) -> frozenset[str]:
    return frozenset(_link(element, side, links) for side in ("link1", "link2"))


def _link(element: ElementTree.Element, attribute: str, links: Sequence[str]) -> str:
    name = element.attrib.get(attribute)
    if name is None or name not in links:
        raise UserError(f"{_FIELD}.srdf: {element.tag}: {attribute}", name, f"a link of the URDF: {list(links)}")
    return name
