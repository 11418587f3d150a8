"""`world-model calibrate` from a bag of pictures and joint states to lines of the contract."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from board_pictures import MATRIX, SIZE, picture, pose
from scipy.spatial.transform import Rotation

from world_model_ros.bags.storage.reader import BagReader
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.calibration.bag_views import bag_views
from world_model_ros.calibration.board import Board
from world_model_ros.calibration.result import into_contract
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.arrays import Float
from world_model_ros.kinematics.link_pose import LinkPose

BOARD = "charuco:7x5:0.03:0.022:DICT_5X5_100"
CAMERA = pose(np.array([0.0, 0.0, 0.6]), np.array([0.04, 0.02, 0.03]))  # on the wrist
LINK = "wrist_3_link"


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated arm, with pictures of 640 x 480."""
    text = load_contract("tabletop_arm").text
    folder = tmp_path_factory.mktemp("robot")
    source = load_contract("tabletop_arm").urdf_path
    assert source is not None
    (folder / "tabletop_arm.urdf").write_text(source.read_text())
    path = folder / "arm.yaml"
    path.write_text(text.replace("source_shape: [128, 128]", "source_shape: [480, 640]"))
    assert load_contract(path).source("front").source_shape == (480, 640)
    return path


@pytest.fixture(scope="module")
def bag(robot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arm stands in 26 postures, and its wrist camera looks at a board on the table."""
    contract, board = load_contract(robot), Board.of(BOARD)
    arm, random = LinkPose(contract, LINK), np.random.default_rng(5)
    home = contract.rest
    on_table = arm.at(home) @ CAMERA @ pose(np.zeros(3), np.array([-0.07, -0.05, 0.4]))
    path = tmp_path_factory.mktemp("bags") / "board"
    with BagWriter(path, contract) as out:
        now_ns = 10**9
        for _ in range(26):
            joints = home + random.uniform(-1.0, 1.0, len(home)) * np.array([0.08, 0.08, 0.08, 0.3, 0.3, 0.5])
            image = picture(board, np.linalg.inv(arm.at(joints) @ CAMERA) @ on_table, seed=now_ns % 1000)
            now_ns = _stand(out, contract, joints, now_ns, image)
    return path


def _stand(out: BagWriter, contract: Contract, joints: Float, now_ns: int, image: np.ndarray) -> int:
    for step in range(40):
        at_ns = now_ns + step * 10_000_000
        state = out.make.joint_state(contract.joint_names, joints, np.zeros(len(joints)), stamp_ns=at_ns)
        out.write("/joint_states", "sensor_msgs/msg/JointState", state, at_ns)
    middle_ns = now_ns + 205_000_000
    message = out.make.image(image, "rgb8", middle_ns, "front")
    out.write("/camera/front/image_raw", "sensor_msgs/msg/Image", message, middle_ns + 1_000_000)
    return now_ns + 400_000_000


def called(*words: str) -> tuple[int, str, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        status = main(["calibrate", *words])
    return status, out.getvalue(), errors.getvalue()


def test_a_camera_on_the_wrist_goes_from_a_bag_into_the_contract(robot: Path, bag: Path, tmp_path: Path) -> None:
    status, output, errors = called(
        *(str(bag), "--robot", str(robot), "--camera", "front", "--board", BOARD, "--on", LINK, "--json")
    )
    assert status == 0, output + errors
    told = json.loads(output)["camera"]
    assert told["matrix_px"] == pytest.approx([MATRIX[0, 0], MATRIX[1, 1], MATRIX[0, 2], MATRIX[1, 2]], abs=6.0)
    assert told["position_m"] == pytest.approx(CAMERA[:3, 3], abs=0.004)
    turn = Rotation.from_quat(told["quaternion"]).inv() * Rotation.from_matrix(CAMERA[:3, :3])
    assert np.degrees(turn.magnitude()) < 0.5
    assert told["frame"] == LINK

    text = robot.read_text()
    copy = robot.with_name("calibrated.yaml")
    copy.write_text(text)
    status, output, _ = called(
        *(str(bag), "--robot", str(copy), "--camera", "front", "--board", BOARD, "--on", LINK, "--into", str(copy))
    )
    assert status == 0, output
    assert copy.read_text().startswith(text.rstrip("\n"))
    geometry = load_contract(copy).deployment.cameras[0]
    assert geometry.size_px == SIZE
    assert geometry.position_m == pytest.approx(told["position_m"])
    assert load_contract(copy).interface_hash == load_contract(robot).interface_hash
    into_contract(copy, {**told, "residual_px": 0.5})  # once more: it takes the place of the first
    assert [each.residual_px for each in load_contract(copy).deployment.cameras] == [0.5]
    assert copy.read_text().startswith(text.rstrip("\n"))
    status, output, _ = called(
        *(str(bag), "--robot", str(copy), "--camera", "front", "--board", BOARD, "--known", "--on", LINK)
    )
    assert status == 0
    assert "focal length" not in output


def test_a_bad_calibration_is_refused_by_its_numbers(robot: Path, bag: Path) -> None:
    wrong = BOARD.replace("0.03:", "0.033:").replace("0.022", "0.0242")  # squares 10 % smaller than they say
    status, output, _ = called(*(str(bag), "--robot", str(robot), "--camera", "front", "--board", wrong, "--on", LINK))
    assert status == 1
    assert "NOT TO BE USED: mounting" in output
    assert "cameras:" not in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--camera", "rear", "--board", BOARD], "camera: got 'rear'; expected one of ['front']"),
        (["--camera", "front", "--board", "chess:9x6:0.02"], "it is in 0 of 26 pictures that were looked at"),
        (["--camera", "front", "--board", BOARD, "--on", "nose"], "link: got 'nose'"),
        (["--camera", "front", "--board", BOARD, "--known"], "deployment.cameras: got []; expected front, for --known"),
        (["--camera", "front", "--board", BOARD, "--on", LINK, "--beside", LINK], "--beside"),
    ],
)
def test_what_cannot_be_is_named(robot: Path, bag: Path, words: list[str], said: str) -> None:
    status, output, errors = called(str(bag), "--robot", str(robot), *words)
    assert status == 2
    assert said in output + errors


def test_two_streams_of_joints_may_share_a_topic_and_a_message_that_is_cut_costs_itself(
    robot: Path, bag: Path, tmp_path: Path
) -> None:
    board = Board.of(BOARD)
    halves = robot.read_text()
    first, second = (load_contract(robot).joint_names[part] for part in (slice(0, 3), slice(3, 6)))
    stream = halves[halves.index("    - kind: joints") : halves.index("  action:")]
    source = next(each for each in halves.splitlines() if "name: arm, topic: joint_states" in each)
    streams = [
        stream.replace("name: arm", f"name: {name}").replace(", ".join([*first, *second]), ", ".join(part))
        for name, part in (("arm", first), ("wrist", second))
    ]
    sources = [source, source.replace("name: arm,", "name: wrist,")]
    split = robot.with_name("split.yaml")
    split.write_text(halves.replace(stream, "".join(streams)).replace(source, "\n".join(sources)))
    whole = bag_views(bag, load_contract(robot), "front", board)
    assert sum(each is not None for each in whole.positions) > 15
    shared = bag_views(bag, load_contract(split), "front", board)
    for one, other in zip(whole.positions, shared.positions, strict=True):
        assert one is not None
        assert other == pytest.approx(one)

    cut = tmp_path / "cut"
    with BagReader(bag) as reader, BagWriter(cut, load_contract(robot)) as out:
        for topic, type_name, at_ns, raw in reader.raw_messages():
            if topic != "/contract":
                spoiled = bytes(raw)[:40] if topic.endswith("image_raw") and at_ns < 2 * 10**9 else raw
                out.write_raw(topic, type_name, spoiled, at_ns)
    found = bag_views(cut, load_contract(robot), "front", board)
    assert len(found.views) == len(whole.views) - 2
    assert any("messages left out" in each and each.endswith("(2)") for each in found.notes)
