"""Settings of a simulated scene (objects, light, camera shift, fixtures), and its MuJoCo model with the robot."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, sin

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract
from world_model_ros.contract.hands import gripper_joints
from world_model_ros.contract.senses import WrenchStream
from world_model_ros.contract.simulation import Shape, Shelf
from world_model_ros.sim.scenes.cloth import ClothConfig, add_cloth
from world_model_ros.sim.scenes.fixture_bodies import add_fixture
from world_model_ros.sim.scenes.fixtures import FixtureConfig
from world_model_ros.sim.scenes.soft_bodies import CORE, add_quarters
from world_model_ros.sim.scenes.unfamiliar import UNFAMILIAR, Unfamiliar, add_pieces

STEP_S = 0.002
STEP_NS = 2_000_000

# Stiffness, N m/rad, and damping, N m s/rad, of a joint's servo by its effort limit: large joints and wrists.
_SERVO_LARGE = (6000.0, 350.0, 2.0)
_SERVO_SMALL = (900.0, 25.0, 0.15)
_SERVO_FINGER = (4000.0, 120.0, 0.2)  # of a gripper's finger that slides, N/m, N s/m and kg
_TABLE_FRICTION = [0.5, 0.005, 0.0001]
_GLASS_OPACITY = 0.45
_SHELF_RGB = (0.6, 0.5, 0.38)
_UNSEEN = 4  # group of sites that are not drawn
_MOUNTED = 0.1  # how much of what a camera on the bench is moved one moves that is screwed to a link


@dataclass(frozen=True)
class ObjectConfig:
    """A free object.

    Args:
        shape: ``box``, ``cylinder``, upright, or ``ball``; or one of `UNFAMILIAR`.
        half_size: half lengths x, y, z in m; cylinder: radius, radius, half height; ball: three times its radius.
        mass: kg.
        friction: sliding friction coefficient with the table.
        rgb: colour, 0 to 1.
        start: x, y in m in the base frame and yaw in rad.
        lift: how high its lower end is over the table at the start, m.
        rolling: friction of what rolls, m; 0 is none, and rolls on.
        breaks_n: the hardest contact that it stands, N; None is any. What breaks is of glass, and seen through.
        young_pa: Young's modulus of a box that gives way at its sides, Pa; None of what is stiff.
    """

    shape: Shape | Unfamiliar = "box"
    half_size: tuple[float, float, float] = (0.03, 0.03, 0.03)
    mass: float = 0.3
    friction: float = 0.5
    rgb: tuple[float, float, float] = (0.1, 0.3, 0.95)
    start: tuple[float, float, float] = (0.55, 0.0, 0.0)
    lift: float = 0.0
    rolling: float = 0.0
    breaks_n: float | None = None
    young_pa: float | None = None

    @property
    def reach(self) -> float:
        """From its middle to where it ends in the plane at most, m."""
        x, y, _ = self.half_size
        return x if self.shape in ("cylinder", "ball") else hypot(x, y)


@dataclass(frozen=True)
class OccluderConfig:
    """A post that stands in the cameras' way. It is seen, and cannot be touched.

    Args:
        place: x, y of its foot in m in the base frame.
        half_width: m. height: m.
        rgb: colour, 0 to 1.
    """

    place: tuple[float, float] = (0.8, 0.0)
    half_width: float = 0.015
    height: float = 0.2
    rgb: tuple[float, float, float] = (0.3, 0.3, 0.3)


@dataclass(frozen=True)
class BackgroundConfig:
    """What microphones hear besides contact: a fan, mains hum, voices far away. Nothing that knocks.

    Args:
        level: root mean square, share of full scale; 0 is silence.
        hum_hz: of the mains and of motors.
        tone: 0 is hum, 1 is noise.
        swell_hz: how fast it swells and fades.
    """

    level: float = 0.0
    hum_hz: float = 50.0
    tone: float = 0.5
    swell_hz: float = 0.5


@dataclass(frozen=True)
class SceneConfig:
    """Everything about a scene that may change between episodes.

    Args:
        objects: free objects; the first is the target ``object_0``.
        home: joint positions at the start, contract order, rad; None is where the contract says that they rest.
        light: brightness, 1 is nominal.
        table_rgb: colour of the table top, 0 to 1.
        camera_shift: shift of the cameras' positions, m; camera_aim: of the places they look at.
        light_from: x and y of the direction to the light.
        table_pattern: second colour of a chequered table and the size of a chequer, m; None is a plain table.
        occluders: what stands in the cameras' way.
        background: what the microphones hear besides contact.
        fixtures: what has a joint and stands on the table.
        cloth: that lies on the table, on what stands there; None if none does.
    """

    objects: tuple[ObjectConfig, ...] = (ObjectConfig(),)
    home: tuple[float, ...] | None = None
    light: float = 1.0
    table_rgb: tuple[float, float, float] = (0.66, 0.62, 0.56)
    camera_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    camera_aim: tuple[float, float, float] = (0.0, 0.0, 0.0)
    light_from: tuple[float, float] = (0.3, 0.35)
    table_pattern: tuple[tuple[float, float, float], float] | None = None
    occluders: tuple[OccluderConfig, ...] = ()
    background: BackgroundConfig = BackgroundConfig()
    fixtures: tuple[FixtureConfig, ...] = ()
    cloth: ClothConfig | None = None


def home_of(contract: Contract, scene: SceneConfig) -> NDArray[np.float64]:
    """Joint positions (J,) at the start."""
    return np.array(contract.rest if scene.home is None else scene.home)


def build_model(contract: Contract, scene: SceneConfig) -> mujoco.MjModel:
    """The MuJoCo model: the robot from its URDF at a table, servos, wrist sensors, cameras and the objects.

    Cameras have the names of their streams, force and torque sensors those of theirs with ``/force`` and ``/torque``,
    sites those of the links that carry a fingertip or a sensor.
    """
    text = contract.urdf_text
    extension = '<mujoco><compiler fusestatic="false" discardvisual="false"/></mujoco></robot>'
    spec = mujoco.MjSpec.from_string(text.replace("</robot>", extension))
    top_m = contract.simulation.table.top_m
    _set_physics(spec)
    _set_up_robot(spec, contract)  # before anything else belongs to the world, as the robot's root does
    _add_table(spec, contract, scene)
    _add_cameras(spec, contract, scene)
    for index, config in enumerate(scene.objects):
        _add_object(spec, f"object_{index}", config, top_m)
    for shelf in contract.simulation.shelves:
        _add_shelf(spec, shelf, top_m)
    for fixture in scene.fixtures:
        add_fixture(spec, fixture, top_m)
    for occluder in scene.occluders:
        _add_occluder(spec, occluder, top_m)
    if scene.cloth is not None:
        add_cloth(spec, scene.cloth, top_m)
    return spec.compile()


def _set_physics(spec: mujoco.MjSpec) -> None:
    spec.option.timestep = STEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    # Shadow maps and multisampling cost the software renderer ten times the frame.
    spec.visual.quality.shadowsize = 0
    spec.visual.quality.offsamples = 0
    # Its time goes into vertices, not pixels: coarse cylinders and undivided boxes are ten times faster again.
    spec.visual.quality.numslices = 16
    spec.visual.quality.numstacks = 8
    spec.visual.quality.numquads = 1
    spec.visual.map.znear = 0.01
    spec.visual.map.zfar = 20.0


def _add_table(spec: mujoco.MjSpec, contract: Contract, scene: SceneConfig) -> None:
    table = contract.simulation.table
    geom = spec.worldbody.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[side / 2 for side in table.size_m],
        pos=list(table.position_m),
        rgba=[*scene.table_rgb, 1.0],
        friction=_TABLE_FRICTION,
        contype=1,
        conaffinity=1,
    )
    if scene.table_pattern is not None:
        geom.material = _chequered(spec, scene.table_rgb, *scene.table_pattern)
        geom.rgba = [1.0, 1.0, 1.0, 1.0]


def _add_cameras(spec: mujoco.MjSpec, contract: Contract, scene: SceneConfig) -> None:
    """Cameras, and light to see by."""
    spec.visual.headlight.ambient = [0.35 * scene.light] * 3
    spec.visual.headlight.diffuse = [0.25 * scene.light] * 3
    spec.visual.headlight.specular = [0.0] * 3
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0.8, 0.6, 2.0],
        dir=[-scene.light_from[0], -scene.light_from[1], -1.0],
        diffuse=[0.5 * scene.light] * 3,
        specular=[0.05] * 3,
        castshadow=False,
    )
    for camera in contract.simulation.cameras:
        share = _MOUNTED if contract.simulation.furnished and camera.link is not None else 1.0
        position = np.array(camera.position_m) + share * np.asarray(scene.camera_shift)
        target = np.array(camera.target_m) + share * np.asarray(scene.camera_aim)
        carrier = spec.worldbody if camera.link is None else spec.body(camera.link)
        carrier.add_camera(name=camera.name, pos=position, quat=_look_at(position, target), fovy=camera.fovy_deg)


def _chequered(
    spec: mujoco.MjSpec, first: tuple[float, float, float], second: tuple[float, float, float], size_m: float
) -> str:
    """A material for the table in two colours; its name."""
    name = "chequered"
    texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
    texture.builtin, texture.width, texture.height = mujoco.mjtBuiltin.mjBUILTIN_CHECKER, 64, 64
    texture.rgb1, texture.rgb2 = first, second
    material = spec.add_material(name=name, texrepeat=[0.5 / size_m, 0.5 / size_m], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    return name


def _look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quaternion w x y z of a camera (looks along -z, y up)."""
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.column_stack([right, np.cross(back, right), back]).ravel())
    return quat


def _set_up_robot(spec: mujoco.MjSpec, contract: Contract) -> None:
    for body in spec.bodies:
        body.gravcomp = float(body is not spec.worldbody and body.name != "world")
        for geom in body.geoms:
            geom.rgba[3] = 1.0
            visual = geom.contype == 0 and geom.conaffinity == 0
            geom.group = 0 if visual else 3
            if not visual:  # meets objects, neither itself nor the table it stands on
                geom.contype, geom.conaffinity = 2, 0
                geom.friction = _TABLE_FRICTION
    tips = [tip.link for tip in contract.interface.action.tips]
    for name in tips:
        for geom in spec.body(name).geoms:  # rubber: soft and damped, so that contact does not chatter
            geom.priority, geom.friction = 2, [0.6, 0.005, 0.0001]
            geom.solref, geom.solimp = [0.025, 1.5], [0.5, 0.95, 0.004, 0.5, 2.0]
    for name in _fingers(contract):
        for geom in spec.body(name).geoms:  # pads that grip give way by a millimetre at most
            geom.priority, geom.friction, geom.condim = 2, [0.9, 0.01, 0.0001], 4
            geom.solref, geom.solimp = [0.008, 1.2], [0.9, 0.99, 0.001, 0.5, 2.0]
    wrenches = contract.interface.of(WrenchStream)
    carriers = [source.frame for source in contract.deployment.streams]
    for name in dict.fromkeys([*tips, *(stream.frame for stream in wrenches), *filter(None, carriers)]):
        hidden = name in tips and not list(spec.body(name).geoms)  # between fingers is nothing to be seen
        spec.body(name).add_site(name=name, group=_UNSEEN if hidden else 0)
    for stream in wrenches:
        for kind, what in (("force", mujoco.mjtSensor.mjSENS_FORCE), ("torque", mujoco.mjtSensor.mjSENS_TORQUE)):
            name = f"{stream.name}/{kind}"
            spec.add_sensor(name=name, type=what, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=stream.frame)
    limits, gripping = contract.limits(), gripper_joints(contract.interface.action)
    for index, name in enumerate(contract.joint_names):
        effort = float(limits.effort[index])
        finger = name in gripping and spec.joint(name).type == mujoco.mjtJoint.mjJNT_SLIDE
        stiffness, damping, armature = _SERVO_FINGER if finger else _SERVO_LARGE if effort > 50.0 else _SERVO_SMALL
        spec.joint(name).armature = armature
        spec.joint(name).actfrclimited = False
        spec.add_actuator(
            name=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            target=name,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            gainprm=[stiffness] + [0.0] * 9,
            biasprm=[0.0, -stiffness, -damping] + [0.0] * 7,
            forcelimited=True,
            forcerange=[-effort, effort],
        )

    for joint in contract.description.joints:
        if joint.mimics is not None and joint.name not in contract.joint_names:
            follows = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, solref=[2 * STEP_S, 1.0])
            follows.name1, follows.name2 = joint.name, joint.mimics
            follows.objtype = mujoco.mjtObj.mjOBJ_JOINT
            follows.data[:2] = joint.follows[::-1]  # a polynomial of what it follows


def _fingers(contract: Contract) -> list[str]:
    """Links that hold things: those that joints of grippers carry, what follows them, and what is fixed to them."""
    joints, found = gripper_joints(contract.interface.action), list[str]()
    for each in contract.description.joints:  # parents come first
        if each.name in joints or each.mimics in joints or (each.kind == "fixed" and each.parent in found):
            found.append(each.child)
    return found


def _add_object(spec: mujoco.MjSpec, name: str, config: ObjectConfig, top_m: float) -> None:
    x, y, yaw = config.start
    height = config.half_size[2]
    at = [x, y, top_m + config.lift + height]
    body = spec.worldbody.add_body(name=name, pos=at, quat=[cos(yaw / 2), 0.0, 0.0, sin(yaw / 2)])
    body.add_freejoint(name=name)
    looks = {
        "mass": config.mass,
        "rgba": [*config.rgb, 1.0 if config.breaks_n is None else _GLASS_OPACITY],
        "friction": [config.friction, 0.005, 0.0001],
        "priority": 1,
        "contype": 1,
        "conaffinity": 3,
        "solref": [0.02, 1.0],
        "solimp": [0.5, 0.95, 0.003, 0.5, 2.0],
    }
    if config.shape in UNFAMILIAR:
        add_pieces(body, config.shape, config.half_size, looks)
        return
    kind, size = {
        "box": (mujoco.mjtGeom.mjGEOM_BOX, list(config.half_size)),
        "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, [config.half_size[0], height, 0.0]),
        "ball": (mujoco.mjtGeom.mjGEOM_SPHERE, [height, 0.0, 0.0]),
    }[config.shape]
    if config.young_pa is not None:
        looks["mass"] = config.mass / 5.0  # of each quarter, and of a core that nothing touches
        add_quarters(spec, body, config.half_size, config.young_pa, looks)
        size, looks = [CORE * half for half in size], looks | {"contype": 0, "conaffinity": 0}
    geom = body.add_geom(name=name, type=kind, size=size, **looks)
    if config.rolling > 0.0:
        geom.condim, geom.friction = 6, [config.friction, 0.005, config.rolling]


def _add_shelf(spec: mujoco.MjSpec, shelf: Shelf, top_m: float) -> None:
    half = shelf.height_m / 2
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[shelf.size_m[0] / 2, shelf.size_m[1] / 2, half],
        pos=[*shelf.place_m, top_m + half],
        rgba=[*_SHELF_RGB, 1.0],
        friction=_TABLE_FRICTION,
        contype=1,
        conaffinity=3,
    )


def _add_occluder(spec: mujoco.MjSpec, config: OccluderConfig, top_m: float) -> None:
    half = config.height / 2
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[config.half_width, config.half_width, half],
        pos=[*config.place, top_m + half],
        rgba=[*config.rgb, 1.0],
        contype=0,
        conaffinity=0,
    )
