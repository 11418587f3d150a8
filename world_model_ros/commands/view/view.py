"""``world-model view``: shows a robot's imagined future on a web page, as an image or video, from a bag or live."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from world_model_ros.commands.options import Parser
from world_model_ros.commands.output import file_named, host, port, show
from world_model_ros.commands.robot_and_model import add_model, add_robot_of_bag, bundle_for, contract_for_bag
from world_model_ros.core.installation.share_folder import default_robot

if TYPE_CHECKING:
    from world_model_ros.bundle.bundle import Bundle
    from world_model_ros.commands.view.bag_feed import BagFeed
    from world_model_ros.contract.contract import Contract
    from world_model_ros.nodes.view.live_feed import LiveFeed
    from world_model_ros.view.pictures.dashboard import Dashboard
    from world_model_ros.view.pictures.space_picture import SpacePicture

_PATIENCE_S = 30.0
_LEAST_PX = 480  # of the picture of a moment


def add_arguments(parser: Parser) -> None:
    parser.add_argument("bag", type=Path, nargs="?", help="bag folder, .mcap, .db3 or .bag file")
    parser.add_argument("--live", action="store_true", help="in place of a bag, the robot that runs now, over ROS")
    add_robot_of_bag(parser)
    add_model(parser)
    parser.add_argument("--steps", default="", help="imagined ticks to show, as 3,6,9,12; quarters of the horizon")
    parser.add_argument("--until", type=float, help="only so many s of the bag")
    parser.add_argument(
        "--host", type=host, default="127.0.0.1", help="where the page listens (%(default)s: this machine only)"
    )
    parser.add_argument("--port", type=port, default=8080, help="of the page; the next free one (%(default)s)")
    parser.add_argument("--at", type=float, help="the moment of --png, or to begin with, s after the first tick")
    parser.add_argument(
        "--png", type=file_named(".png"), metavar="FILE", help="write a picture of one moment (--live: of now); no page"
    )
    parser.add_argument("--mp4", type=file_named(".mp4"), metavar="FILE", help="write a film of the bag; no page")
    parser.only("of a bag, not with --live", lambda found: not found.live, "at", "until")
    parser.only("with --png or a page, not with --mp4 alone", lambda found: found.png or not found.mp4, "at")
    parser.only("without --png and --mp4", lambda found: not (found.png or found.mp4), "host", "port")


def run(arguments: argparse.Namespace) -> int:
    from world_model_ros.core.errors import UserError

    if arguments.live == (arguments.bag is not None):
        raise UserError("bag", arguments.bag and str(arguments.bag), "a bag or --live, one of the two")
    if arguments.live and arguments.mp4 is not None:
        raise UserError("mp4", str(arguments.mp4), "a bag: record one first; --live has --png")
    if arguments.live:
        return _live(arguments)
    feed, contract, dashboard, steps, horizon = _replayed(arguments)
    if arguments.png is None and arguments.mp4 is None:
        _serve(arguments)(contract, feed, dashboard, steps, horizon)
        return 0
    from world_model_ros.view.pictures.png import write_png
    from world_model_ros.view.pictures.space_picture import SpacePicture

    files = []
    if arguments.png is not None:
        space, index = SpacePicture(contract, steps), feed.at(arguments.at or 0.0)
        write_png(arguments.png, sheet(space, dashboard, feed, index))
        files.append(str(arguments.png))
    if arguments.mp4 is not None:
        _write_mp4(arguments.mp4, SpacePicture(contract, steps), dashboard, feed, contract)
        files.append(str(arguments.mp4))
    about = {"robot": contract.name, "ticks": len(feed.outlooks), "files": files}
    show(about, arguments.json, [f"{len(feed.outlooks)} ticks", *(f"  {file}" for file in files)])
    return 0


def _live(arguments: argparse.Namespace) -> int:
    from world_model_ros.contract.contract import load_contract
    from world_model_ros.nodes.view.live_feed import LiveFeed
    from world_model_ros.view.timeline import parse_steps

    contract = load_contract(arguments.robot or default_robot())
    bundle = bundle_for(contract, arguments)
    steps = parse_steps(arguments.steps, bundle.manifest.horizon)
    feed = LiveFeed(contract)
    dashboard = _dashboard(arguments, contract, bundle, steps)
    try:
        if arguments.png is not None:
            from world_model_ros.view.pictures.png import write_png
            from world_model_ros.view.pictures.space_picture import SpacePicture

            print(f"listens for a robot with a brain, at most {_PATIENCE_S:.0f} s", file=sys.stderr)
            index = _come_true(feed, bundle.manifest.horizon)
            write_png(arguments.png, sheet(SpacePicture(contract, steps), dashboard, feed, index))
            show({"robot": contract.name, "files": [str(arguments.png)]}, arguments.json, [f"  {arguments.png}"])
        else:
            _serve(arguments)(contract, feed, dashboard, steps, bundle.manifest.horizon)
    finally:
        feed.close()
    return 0


def _come_true(feed: LiveFeed, horizon: int) -> int:
    """Index of an outlook of a running robot, once all that it said came or did not. `UserError` of a silent robot."""
    from world_model_ros.core.errors import UserError

    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        ripe = [i for i, each in enumerate(feed.outlooks[: -horizon - 1]) if each.states is not None]
        if ripe:
            return ripe[-1]
        time.sleep(0.1)
    raise UserError("live", f"silent for {_PATIENCE_S:.0f} s", "a running robot with a brain, in this ROS_DOMAIN_ID")


def _dashboard(arguments: argparse.Namespace, contract: Contract, bundle: Bundle, steps: tuple[int, ...]) -> Dashboard:
    from world_model_ros.bundle.signatures import first_camera
    from world_model_ros.view.frame_decoder import FrameDecoder
    from world_model_ros.view.pictures.dashboard import Dashboard

    decoder = FrameDecoder(bundle, arguments.provider) if first_camera(contract.interface) is not None else None
    return Dashboard(contract, decoder, steps)


def sheet(space: SpacePicture, dashboard: Dashboard, feed: BagFeed | LiveFeed, index: int) -> Any:
    """The robot in space and the dashboard side by side, (height, width, 3) uint8 RGB with an even number of pixels."""
    import numpy as np

    right = dashboard.draw(feed.outlooks, index)
    lacking = max(0, _LEAST_PX - right.shape[0])  # of a robot with few senses to show
    right = np.concatenate([right, np.tile(right[:1, :1], (lacking, right.shape[1], 1))])
    left = space.draw(feed.outlooks[index], height=right.shape[0])
    whole = np.concatenate([left, right], axis=1)
    return whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2]


def _replayed(arguments: argparse.Namespace) -> tuple[BagFeed, Contract, Dashboard, tuple[int, ...], int]:
    from world_model_ros.bags.replay.replay import ReplayOptions
    from world_model_ros.bags.storage.reader import BagReader
    from world_model_ros.brain.brain import Brain
    from world_model_ros.commands.view.bag_feed import BagFeed
    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar
    from world_model_ros.view.timeline import parse_steps

    if arguments.at is not None:
        with BagReader(arguments.bag) as reader:
            length_s = (reader.end_ns - reader.start_ns) * 1e-9
        if not 0.0 <= arguments.at <= length_s:
            raise UserError("at", arguments.at, f"0 to {length_s:.1f} s, as long as the bag lasts")
    contract = contract_for_bag(arguments.robot, arguments.bag, ticks=True)
    bundle = bundle_for(contract, arguments)
    steps = parse_steps(arguments.steps, bundle.manifest.horizon)
    with progress_bar(unit="tick", desc=arguments.bag.stem) as bar:
        feed = BagFeed(
            arguments.bag,
            contract,
            Brain(bundle, contract, arguments.provider),
            ReplayOptions(until_s=arguments.until),
            lambda count: bar.update(count - bar.n),
        )
    return feed, contract, _dashboard(arguments, contract, bundle, steps), steps, bundle.manifest.horizon


def _serve(arguments: argparse.Namespace) -> Any:
    """Opens the page for a feed, and stays until it is interrupted."""
    try:
        from world_model_ros.view.web.outlook_page import WebPage
    except ImportError as error:
        from world_model_ros.core.errors import UserError

        raise UserError("view", str(error), "the extra 'view': pip install '.[view]'") from error

    def serve(contract: Contract, feed: Any, dashboard: Dashboard, steps: tuple[int, ...], horizon: int) -> None:
        begin = None if arguments.at is None or feed.live else feed.at(arguments.at)
        WebPage(contract, feed, dashboard, steps, horizon, arguments.host, arguments.port, begin).serve()

    return serve


def _write_mp4(path: Path, space: SpacePicture, dashboard: Dashboard, feed: BagFeed, contract: Contract) -> None:
    import numpy as np

    from world_model_ros.core.errors import UserError
    from world_model_ros.core.progress import progress_bar

    try:
        from world_model_ros.lerobot.video import VideoWriter
    except ImportError as error:
        raise UserError("mp4", str(error), "an installation with PyAV: pip install av") from error
    wide = next((i for i, each in enumerate(feed.outlooks) if each.goal_image is not None), 0)
    width = max(sheet(space, dashboard, feed, i).shape[1] for i in (0, wide))  # a goal image makes it wider
    with VideoWriter(path, round(contract.interface.tick_hz), "h264") as film:
        for index in progress_bar(range(len(feed.outlooks)), unit="frame", desc=path.name):
            picture = sheet(space, dashboard, feed, index)
            whole = np.zeros((picture.shape[0], width, 3), np.uint8)
            whole[:, : picture.shape[1]] = picture
            film.add(whole)
