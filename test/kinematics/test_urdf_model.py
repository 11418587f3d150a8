"""Kinematics of URDFs as people have them: links and joints of one name, continuous joints, gaps in limits, meshes."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pinocchio as pin
import pytest

import world_model_ros
from world_model_ros.bench.gate.checker import World
from world_model_ros.contract.contract import Contract, load_contract
from world_model_ros.core.errors import UserError
from world_model_ros.kinematics.arm import ArmKinematics
from world_model_ros.kinematics.collision.distances import PairDistances
from world_model_ros.kinematics.link_reach import reach_m
from world_model_ros.kinematics.twist import LinkTwist
from world_model_ros.kinematics.urdf_model import followers, link_frame, urdf_geometry, urdf_model
from world_model_ros.view.markers.robot_shape import RobotShape
from world_model_ros.view.pictures.skeleton import Skeleton

LIMIT = '<limit lower="-2" upper="2" velocity="1" effort="5"/>'
TRIANGLES = (
    "solid s\n"
    + "".join(
        f"facet normal 0 0 1\nouter loop\nvertex {a}\nvertex {b}\nvertex {c}\nendloop\nendfacet\n"
        for a, b, c in (
            ("0 0 0", "0.1 0 0", "0 0.1 0"),
            ("0 0 0", "0.1 0 0", "0 0 0.1"),
            ("0 0 0", "0 0.1 0", "0 0 0.1"),
            ("0.1 0 0", "0 0.1 0", "0 0 0.1"),
        )
    )
    + "endsolid s\n"
)


def joint(name: str, parent: str, child: str, kind: str = "revolute", inside: str = LIMIT, x: float = 0.3) -> str:
    return (
        f'<joint name="{name}" type="{kind}"><origin xyz="{x} 0 0"/><axis xyz="0 0 1"/>'
        f'<parent link="{parent}"/><child link="{child}"/>{inside}</joint>'
    )


def contract_of(
    tmp_path: Path, *joints: str, links: str, moved: str, tip: str | None = None, shape: str = ""
) -> Contract:
    """A contract for a URDF; ``moved`` are its joints, ``shape`` is inside every link."""
    named = "".join(f'<link name="{link}">{shape}</link>' for link in links.split())
    (tmp_path / "r.urdf").write_text(f'<robot name="r">{named}{"".join(joints)}</robot>', encoding="utf-8")
    limits = ", ".join(f"{{name: {name}, position: [-1.5, 1.5], velocity: 1.0, effort: 1.0}}" for name in moved.split())
    names, base = ", ".join(moved.split()), links.split()[0]
    action = f"{{kind: joint_displacement, joints: [{names}], bound: 0.1}}"
    if tip is not None:
        box = "[[-1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]"
        action = f"{{kind: fingertip_displacement, frame: {base}, link: {tip}, axes: [x, y], bound_m: 0.02"
        action += f", workspace_m: {box}}}"
    (tmp_path / "r.yaml").write_text(
        f"""
format: 1
name: r
interface:
  tick_hz: 10.0
  base_frame: {base}
  joints: [{", ".join(f"{{name: {name}}}" for name in moved.split())}]
  streams: [{{kind: joints, name: arm, joints: [{names}], rate_hz: 100.0}}]
  action: {action}
deployment:
  urdf: r.urdf
  streams: [{{name: arm, topic: joint_states, type: sensor_msgs/msg/JointState, max_age_s: 0.1, required: true}}]
  limits: [{limits}]
""",
        encoding="utf-8",
    )
    return load_contract(tmp_path / "r.yaml")


@pytest.fixture
def namesakes(tmp_path: Path) -> Contract:
    """Every joint has the name of a link that is another one's child."""
    return contract_of(
        tmp_path,
        joint("upper", "base", "shoulder"),
        joint("lower", "shoulder", "upper"),
        joint("tip", "upper", "lower"),
        joint("base", "lower", "tip", "fixed", ""),
        links="base shoulder upper lower tip",
        moved="upper lower tip",
        tip="tip",
    )


def test_a_joint_of_a_links_name_is_never_taken_for_the_link(namesakes: Contract):
    q = np.array([0.4, -0.7, 1.1])
    tip = 0.3 + 0.3 * np.exp(1j * np.cumsum(q)).sum()
    arm = ArmKinematics(namesakes)
    np.testing.assert_allclose(arm.tip(q)[0], [tip.real, tip.imag, 0.0], atol=1e-9)
    model = urdf_model(namesakes)
    assert model.frames[link_frame(model, "upper", "link")].type == pin.FrameType.BODY
    with pytest.raises(UserError, match=r"here: got 'gone'; expected a link of the URDF: \['base', 'shoulder'"):
        link_frame(model, "gone", "here")


def test_everything_that_looks_a_link_up_takes_the_link(namesakes: Contract):
    q = np.array([0.4, -0.7, 1.1])
    tip = ArmKinematics(namesakes).tip(q)[0]
    step = 1e-6
    turning = LinkTwist(namesakes, "tip", ["upper", "lower", "tip"]).at(q, np.array([1.0, 0.0, 0.0]))
    moved = ArmKinematics(namesakes).tip(q + step * np.eye(3)[0])[0]
    np.testing.assert_allclose(turning[:3], (moved - tip) / step, atol=1e-5)
    lines = Skeleton(namesakes).lines(namesakes.joint_names, q)
    assert np.abs(lines - tip.astype(np.float32)).max(axis=1).min() < 1e-6  # one of its ends is the tip
    box = reach_m(namesakes, "base", "tip")
    assert box[0, 1] == pytest.approx(1.2, abs=0.05)
    PairDistances(namesakes)
    assert len(RobotShape(namesakes).placed(q)) == 0


def test_a_continuous_joint_moves_what_is_shown_and_what_mimics_it(tmp_path: Path):
    box = '<visual><geometry><box size="0.1 0.1 0.1"/></geometry></visual>'
    wheels = contract_of(
        tmp_path,
        joint("left", "base", "a", "continuous", ""),
        joint("right", "base", "b", "continuous", '<mimic joint="left" multiplier="-2" offset="0.5"/>', x=-0.3),
        joint("arm", "a", "c", "continuous", ""),
        links="base a b c",
        moved="left arm",
        shape=box,
    )
    model = urdf_model(wheels)
    moves, rest = followers(wheels, model)
    assert model.nq == 3
    q = dict(zip(list(model.names)[1:], moves @ np.array([0.4, 0.1]) + rest))
    assert q == pytest.approx({"left": 0.4, "right": 0.5 - 0.8, "arm": 0.1})
    shape = RobotShape(wheels)
    turned, straight = shape.placed([np.pi / 2, 0.0]), shape.placed([0.0, 0.0])
    np.testing.assert_allclose(straight[2][1], [0.6, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(turned[2][1], [0.3, 0.3, 0.0], atol=1e-9)


def test_joints_without_limits_are_read_where_the_contract_has_them(tmp_path: Path):
    """Pinocchio refuses such a file; a finger that follows goes as far as whom it follows."""
    gripper = contract_of(
        tmp_path,
        joint("slide", "base", "a", "prismatic", ""),
        joint("turn", "a", "b", "revolute", '<limit lower="-1" upper="1"/>'),
        joint("other", "base", "c", "prismatic", '<mimic joint="slide" multiplier="-1" offset="0.25"/>'),
        joint("spare", "base", "d", "prismatic", '<limit velocity="1" effort="1"/>'),
        links="base a b c d",
        moved="slide turn",
    )
    model = urdf_model(gripper)
    row = model.joints[model.getJointId("other")].idx_q
    assert (model.lowerPositionLimit[row], model.upperPositionLimit[row]) == (-1.25, 1.75)
    assert gripper.limits().upper.tolist() == [1.5, 1.0]


def test_meshes_are_found_beside_the_urdf(tmp_path: Path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "corner.stl").write_text(TRIANGLES)
    shape = '<collision><geometry><mesh filename="assets/corner.stl"/></geometry></collision>'
    arm = contract_of(tmp_path, joint("j", "base", "a"), links="base a", moved="j", shape=shape)
    assert len(urdf_geometry(arm, urdf_model(arm), pin.GeometryType.COLLISION).geometryObjects) == 2
    (tmp_path / "assets" / "corner.stl").unlink()
    with pytest.raises(UserError, match=r"collision meshes that can be found"):
        urdf_geometry(arm, urdf_model(arm), pin.GeometryType.COLLISION)


def test_swapped_limits_reach_no_gate(tmp_path: Path):
    """Also where the contract states a range of its own, and from whatever reads the robot."""
    swapped = '<limit lower="1.57" upper="-0.2" velocity="1" effort="5"/>'
    arm = contract_of(tmp_path, joint("j", "base", "a", inside=swapped), links="base a", moved="j")
    for read in (arm.limits, lambda: urdf_model(arm), lambda: PairDistances(arm), lambda: RobotShape(arm)):
        with pytest.raises(
            UserError, match=r"joint j: limit: got 'lower 1.57, upper -0.2'; expected a lower limit below"
        ):
            read()


def test_nobody_looks_a_frame_up_by_its_name_alone():
    """Pinocchio would take a joint's frame for a link's, or refuse both."""
    alone = [
        f"{path.name}:{call.lineno}"
        for path in Path(world_model_ros.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("getFrameId", "existFrame")
        and len(call.args) + len(call.keywords) < 2
    ]
    assert alone == []


BOX = '<geometry><box size="0.1 0.1 0.1"/></geometry>'


@pytest.mark.parametrize(
    "beside",
    [
        '<inertial><mass value="heavy"/></inertial>',
        "<inertial/>",
        '<inertial><mass value="1"/></inertial>',
        "<visual/>",
        '<visual><geometry><box size="1 x 1"/></geometry></visual>',
        "<visual><geometry><torus/></geometry></visual>",
    ],
)
def test_what_of_a_link_cannot_be_read_costs_it_no_collision(tmp_path: Path, beside: str):
    """Pinocchio's parser leaves a link without all its shapes then, and the gate would not watch it."""
    shape = f"{beside}<collision>{BOX}</collision>"
    arm = contract_of(tmp_path, joint("j", "base", "a"), links="base a", moved="j", shape=shape)
    for kind, count in ((pin.GeometryType.COLLISION, 2), (pin.GeometryType.VISUAL, 0)):
        if kind == pin.GeometryType.COLLISION or "visual" not in beside:
            assert len(urdf_geometry(arm, urdf_model(arm), kind).geometryObjects) == count
    assert len(RobotShape(arm).parts) == (2 if "visual" in beside else 0)  # what collides is shown instead
    assert len(World(arm, ["j"])._geometry.geometryObjects) == 2  # the judge's, too


@pytest.mark.parametrize(
    ("collision", "named"),
    [
        ("", r"geometry: got \[\]; expected one of \['box', 'cylinder', 'sphere', 'mesh'\]"),
        ("<geometry/>", "geometry: got"),
        ('<geometry><capsule radius="1" length="1"/></geometry>', "got \\['capsule'\\]"),
        ('<geometry><box size="1 x 1"/></geometry>', "box: size: got 'x'"),
        ('<geometry><box size="1 1"/></geometry>', "3 numbers"),
        ('<geometry><box size="1 -1 1"/></geometry>', "box: size: got '1 -1 1'; expected a length above 0"),
        ("<geometry><box/></geometry>", "box: size: got None"),
        ('<geometry><sphere radius="0"/></geometry>', "sphere: radius"),
        ('<geometry><sphere radius="nan"/></geometry>', "sphere: radius"),
        ('<geometry><cylinder radius="1"/></geometry>', "cylinder: length: got None"),
        ('<geometry><mesh filename="m.stl" scale="1 0 1"/></geometry>', "mesh: scale"),
        ("<geometry><mesh/></geometry>", "no filename"),
        (f'<origin xyz="0 0 inf"/>{BOX}', "origin: xyz: got 'inf'"),
    ],
)
def test_a_collision_that_cannot_be_read_is_an_error_and_not_left_out(tmp_path: Path, collision: str, named: str):
    shape = f"<collision>{BOX}</collision><collision>{collision}</collision>"
    arm = contract_of(tmp_path, joint("j", "base", "a"), links="base a", moved="j", shape=shape)
    with pytest.raises(UserError, match=f"urdf: link base: collision.*{named}"):
        PairDistances(arm)


JUNK = ["", "nan", "inf", "-1", "0", "1e400", "abc", "1 2", "1,5", "link", "fingertip", "0 0 0", "0x10", "true"]


def test_whatever_stands_in_a_urdf_it_is_used_whole_or_the_error_is_one_for_people(tmp_path: Path):
    """No number of it makes a wider limit, and none leaves out a collision."""
    arm, random, refused = load_contract("tabletop_arm"), np.random.default_rng(3), 0
    whole = ElementTree.fromstring(arm.urdf_text)
    stated = len(whole.findall("link/collision"))
    (tmp_path / "c.yaml").write_text(arm.text)
    for _ in range(80):
        root = ElementTree.fromstring(arm.urdf_text)
        parts = [each for each in root.iter() if each.attrib]
        part = parts[random.integers(len(parts))]
        key = list(part.attrib)[random.integers(len(part.attrib))]
        part.attrib[key] = JUNK[random.integers(len(JUNK))]
        (tmp_path / "tabletop_arm.urdf").write_text(ElementTree.tostring(root, encoding="unicode"))
        contract = load_contract(tmp_path / "c.yaml")
        try:
            limits = contract.limits()
            geometry = urdf_geometry(contract, urdf_model(contract), pin.GeometryType.COLLISION)
        except UserError:
            refused += 1
            continue
        assert len(geometry.geometryObjects) == stated
        assert (limits.lower < limits.upper).all()
        assert (limits.upper <= arm.limits().upper).all()
        assert (limits.velocity <= arm.limits().velocity).all()
    assert 20 < refused < 75
