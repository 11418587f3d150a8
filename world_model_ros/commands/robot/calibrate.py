"""``world-model calibrate``: calibrates a camera's intrinsics and mounting pose from a bag that shows a board."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import show
from world_model_ros.commands.robot_and_model import add_robot_of_bag, contract_for_bag

if TYPE_CHECKING:
    from world_model_ros.calibration.bag_views import BagViews
    from world_model_ros.calibration.hand_eye import Mounting
    from world_model_ros.calibration.intrinsics import Intrinsics
    from world_model_ros.contract.contract import Contract


def add_arguments(parser: Parser) -> None:
    parser.add_argument("bag", type=Path, help="recording in which the camera sees the board from many sides")
    add_robot_of_bag(parser)
    parser.add_argument("--camera", required=True, help="stream of the contract")
    parser.add_argument("--board", required=True, help="chess:9x6:0.025, or charuco:7x5:0.03:0.022:DICT_5X5_100")
    parser.add_argument("--on", default="", help="link that carries the camera; the board stands beside the robot")
    parser.add_argument("--beside", default="", help="link that carries the board; the camera stands beside the robot")
    parser.add_argument("--known", action="store_true", help="take matrix and distortion from the contract")
    parser.add_argument("--into", type=Path, help="contract file that the result is written into")
    parser.only("without --on", lambda found: not found.on, "beside")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.calibration.bag_views import bag_views
    from world_model_ros.calibration.board import Board
    from world_model_ros.calibration.intrinsics import LEAST_VIEWS, solve_intrinsics
    from world_model_ros.calibration.result import as_block, as_data, into_contract
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar, stage

    board = Board.of(arguments.board)
    contract = contract_for_bag(arguments.robot, arguments.bag)
    link = _link(arguments, contract)
    known = _known(contract, arguments.camera) if arguments.known else None
    if arguments.into is not None:  # said before pictures are looked at
        load_contract(arguments.into).stream(arguments.camera)
    with progress_bar(desc="looks for the board", unit="picture") as bar:
        views = bag_views(arguments.bag, contract, arguments.camera, board, lambda looked: bar.update(1))
    if len(views.views) < LEAST_VIEWS:
        seen = f"{views.seen} of {views.looked} pictures that were looked at"
        legal = (
            f"one that is in {LEAST_VIEWS} pictures that differ; it is in {seen}, {len(views.views)} of which differ"
        )
        raise UserError("board", arguments.board, f"{legal} (inner corners of a chessboard, squares of ChArUco?)")
    found = solve_intrinsics(views.views, views.size)
    intrinsics = known or found
    said = intrinsics.unlike(found) if known else found.faults
    faults = [f"camera {arguments.camera}: {each}" for each in said]
    mounting = None
    if link:
        mounting = _mounted(views, intrinsics, contract, link, bool(arguments.on))
        faults += [f"mounting: {each}" for each in mounting.faults]
    entry = as_data(arguments.camera, intrinsics, mounting)
    lines = [*_said(views, intrinsics, mounting, bool(known)), *views.notes]
    lines += [f"NOT TO BE USED: {each}" for each in faults]
    if not faults:
        lines += ["in deployment of the contract:", *as_block([entry])]
    told = {"camera": entry, "faults": faults, "notes": views.notes, "views": len(views.views), "looked": views.looked}
    show(told, arguments.json, lines)
    if not faults and arguments.into is not None:
        into_contract(arguments.into, entry)
        stage(f"written into {arguments.into}")
    return 1 if faults else 0


def _link(arguments: argparse.Namespace, contract: Contract) -> str:
    """The link of ``--on`` or ``--beside``, which the contract's joints move."""
    link: str = arguments.on or arguments.beside
    if link:
        from world_model_ros.kinematics.link_pose import LinkPose

        LinkPose(contract, link)  # said before pictures are looked at
    return link


def _known(contract: Contract, camera: str) -> Intrinsics:
    """What the contract has."""
    import numpy as np

    from world_model_ros.calibration.intrinsics import Intrinsics
    from world_model_ros.core.errors import UserError

    for each in contract.deployment.cameras:
        if each.name == camera:
            fx, fy, cx, cy = each.matrix_px
            distortion = np.array([*each.distortion, *[0.0] * (5 - len(each.distortion))])
            matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
            return Intrinsics(each.size_px, matrix, distortion, each.residual_px or 0.0, 0.0, 0.0, 1.0, 0, 0)
    raise UserError("deployment.cameras", [each.name for each in contract.deployment.cameras], f"{camera}, for --known")


def _mounted(views: BagViews, intrinsics: Intrinsics, contract: Contract, link: str, on_link: bool) -> Mounting:
    from world_model_ros.calibration.hand_eye import View, solve_mounting
    from world_model_ros.kinematics.link_pose import LinkPose

    pose = LinkPose(contract, link)
    seen = [
        View(corners, pose.at(position))
        for corners, position in zip(views.views, views.positions)
        if position is not None
    ]
    return solve_mounting(seen, intrinsics, link if on_link else contract.interface.base_frame, on_link)


def _said(views: BagViews, intrinsics: Intrinsics, mounting: Mounting | None, known: bool) -> list[str]:
    lines = [f"{len(views.views)} views of the board that differ, in {views.looked} pictures that were looked at"]
    if not known:
        (fx, _, cx), (_, fy, cy) = intrinsics.matrix[:2].tolist()
        lines += [
            f"focal length {fx:.1f} x {fy:.1f} px, of two halves {intrinsics.apart:.2%} apart",
            f"middle {cx:.1f}, {cy:.1f} px",
            f"corners {intrinsics.residual_px:.2f} px off, in {intrinsics.covered:.0%} of the picture",
        ]
        if intrinsics.odd:
            lines.append(f"{intrinsics.odd} views left out, which fit far worse than the others")
    if views.moving and mounting is not None:
        lines.append(f"{views.moving} views left out of the mounting, as the robot moved")
    if mounting is not None:
        x, y, z = mounting.camera[:3, 3]
        lines.append(
            f"camera at {x:.4f}, {y:.4f}, {z:.4f} m in {mounting.frame}, from {mounting.views} views; corners "
            f"{mounting.residual_px:.2f} px off; two halves differ by {mounting.apart_m * 1e3:.1f} mm and "
            f"{mounting.apart_deg:.2f} degrees"
        )
    return lines
