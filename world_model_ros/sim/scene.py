"""What stands on the table, how it looks, and the MuJoCo model made of it and the robot's URDF."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from math import cos, sin
from typing import Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from world_model_ros.contract.contract import Contract

STEP_S = 0.002
STEP_NS = 2_000_000
TIP_RADIUS_M = 0.012
# Fingertip at (0.45, 0, 0.03), pointing down, elbow up; fingertip axes are x, -y, -z of the base.
HOME = (-0.30073, -1.52842, 2.17895, -2.22132, -1.5708, -1.87153)

HOME_TIP = (0.45, 0.0)
# Objects start and shall end in this area, x and y: the fingertip can get behind them from every side.
OBJECT_AREA = ((0.38, 0.62), (-0.22, 0.22))

# Stiffness, N m/rad, and damping, N m s/rad, of a joint's servo by its effort limit: large joints and wrists.
_SERVO_LARGE = (6000.0, 350.0, 2.0)
_SERVO_SMALL = (900.0, 25.0, 0.15)
_CAMERA_POSITION = np.array([1.25, 0.0, 0.86])
_CAMERA_TARGET = np.array([0.495, 0.0, 0.02])
_CAMERA_FOVY_DEG = 41.0


@dataclass(frozen=True)
class ObjectConfig:
    """A free object.

    Args:
        shape: ``box`` or ``cylinder``, upright.
        half_size: box: half lengths x, y, z in m; cylinder: radius, radius, half height.
        mass: kg.
        friction: sliding friction coefficient with the table.
        rgb: colour, 0 to 1.
        start: x, y in m in the base frame and yaw in rad.
    """

    shape: Literal["box", "cylinder"] = "box"
    half_size: tuple[float, float, float] = (0.03, 0.03, 0.03)
    mass: float = 0.3
    friction: float = 0.5
    rgb: tuple[float, float, float] = (0.1, 0.3, 0.95)
    start: tuple[float, float, float] = (0.55, 0.0, 0.0)


@dataclass(frozen=True)
class SceneConfig:
    """Everything about a scene that may change between episodes.

    Args:
        objects: free objects; the first is the target ``object_0``.
        home: joint positions at the start, contract order, rad.
        light: brightness, 1 is nominal.
        table_rgb: colour of the table top, 0 to 1.
        camera_shift: shift of the camera's position, m.
    """

    objects: tuple[ObjectConfig, ...] = (ObjectConfig(),)
    home: tuple[float, ...] = HOME
    light: float = 1.0
    table_rgb: tuple[float, float, float] = (0.66, 0.62, 0.56)
    camera_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)


def build_model(contract: Contract, scene: SceneConfig) -> mujoco.MjModel:
    """The MuJoCo model: arm from the URDF on a table, servos, wrist sensor, camera ``camera`` and the objects."""
    text = contract.urdf_path.read_text(encoding="utf-8")
    extension = '<mujoco><compiler fusestatic="false" discardvisual="false"/></mujoco></robot>'
    spec = mujoco.MjSpec.from_string(text.replace("</robot>", extension))
    _set_physics(spec)
    _add_table_and_camera(spec, contract, scene)
    _set_up_arm(spec, contract)
    for index, config in enumerate(scene.objects):
        _add_object(spec, f"object_{index}", config)
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


def _add_table_and_camera(spec: mujoco.MjSpec, contract: Contract, scene: SceneConfig) -> None:
    world = spec.worldbody
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[0.8, 0.9, 0.05],
        pos=[0.45, 0.0, -0.05],
        rgba=[*scene.table_rgb, 1.0],
        friction=[0.5, 0.005, 0.0001],
        contype=1,
        conaffinity=1,
    )
    spec.visual.headlight.ambient = [0.35 * scene.light] * 3
    spec.visual.headlight.diffuse = [0.25 * scene.light] * 3
    spec.visual.headlight.specular = [0.0] * 3
    world.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0.8, 0.6, 2.0],
        dir=[-0.3, -0.35, -1.0],
        diffuse=[0.5 * scene.light] * 3,
        specular=[0.05] * 3,
        castshadow=False,
    )
    position = _CAMERA_POSITION + np.asarray(scene.camera_shift)
    world.add_camera(name="camera", pos=position, quat=_look_at(position, _CAMERA_TARGET), fovy=_CAMERA_FOVY_DEG)


def _look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quaternion w x y z of a camera (looks along -z, y up)."""
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.column_stack([right, np.cross(back, right), back]).ravel())
    return quat


def _set_up_arm(spec: mujoco.MjSpec, contract: Contract) -> None:
    for body in spec.bodies[1:]:
        body.gravcomp = 1.0
        for geom in body.geoms:
            geom.rgba[3] = 1.0
            visual = geom.contype == 0 and geom.conaffinity == 0
            geom.group = 0 if visual else 3
            if not visual:  # meets objects, neither itself nor the table it stands on
                geom.contype, geom.conaffinity = 2, 0
                geom.friction = [0.5, 0.005, 0.0001]
    for geom in spec.body("fingertip").geoms:  # rubber: soft and damped, so that contact does not chatter
        geom.priority, geom.friction = 2, [0.6, 0.005, 0.0001]
        geom.solref, geom.solimp = [0.025, 1.5], [0.5, 0.95, 0.004, 0.5, 2.0]
    for name in ("wrist_ft", "fingertip"):
        spec.body(name).add_site(name=name)
    for kind, name in (
        (mujoco.mjtSensor.mjSENS_FORCE, "force"),
        (mujoco.mjtSensor.mjSENS_TORQUE, "torque"),
    ):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="wrist_ft")
    limits = contract.limits()
    for index, name in enumerate(contract.joint_names):
        effort = float(limits.effort[index])
        stiffness, damping, armature = _SERVO_LARGE if effort > 50.0 else _SERVO_SMALL
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


def _add_object(spec: mujoco.MjSpec, name: str, config: ObjectConfig) -> None:
    x, y, yaw = config.start
    height = config.half_size[2]
    body = spec.worldbody.add_body(name=name, pos=[x, y, height], quat=[cos(yaw / 2), 0.0, 0.0, sin(yaw / 2)])
    body.add_freejoint(name=name)
    box = config.shape == "box"
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX if box else mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=list(config.half_size) if box else [config.half_size[0], height, 0.0],
        mass=config.mass,
        rgba=[*config.rgb, 1.0],
        friction=[config.friction, 0.005, 0.0001],
        priority=1,
        contype=1,
        conaffinity=3,
        solref=[0.02, 1.0],
        solimp=[0.5, 0.95, 0.003, 0.5, 2.0],
    )


def random_object(random: np.random.Generator, start: tuple[float, float, float]) -> ObjectConfig:
    """An object of random shape, size, mass, friction and colour (green to purple: never the fingertip's orange)."""
    shape: Literal["box", "cylinder"] = "box" if random.random() < 0.5 else "cylinder"
    half = float(random.uniform(0.026, 0.036))
    height = float(random.uniform(0.026, 0.034))
    red, green, blue = colorsys.hsv_to_rgb(
        float(random.uniform(0.36, 0.74)), float(random.uniform(0.8, 1.0)), float(random.uniform(0.55, 0.95))
    )
    return ObjectConfig(
        shape=shape,
        half_size=(half, half, height),
        mass=float(random.uniform(0.1, 0.6)),
        friction=float(random.uniform(0.3, 0.9)),
        rgb=(red, green, blue),
        start=start,
    )


def scene_for_seed(seed: int) -> SceneConfig:
    """The scene of a seed: one random object away from the fingertip's home, in random surroundings."""
    random = np.random.default_rng([seed, 0x5CE7E])
    place = np.array(HOME_TIP)
    while np.hypot(*(place - HOME_TIP)) < 0.09:
        place = random.uniform(*np.array(OBJECT_AREA).T)
    return random_surroundings(
        random, random_object(random, (float(place[0]), float(place[1]), random.uniform(-3.1, 3.1)))
    )


def random_surroundings(random: np.random.Generator, item: ObjectConfig, home: tuple[float, ...] = HOME) -> SceneConfig:
    """A scene with this object under random light, with a table of random colour and a slightly moved camera."""
    shade = random.uniform(-0.06, 0.06) + random.uniform(-0.015, 0.015, 3)
    red, green, blue = (float(value) for value in np.array(SceneConfig.table_rgb) + shade)
    right, up, back = (float(value) for value in random.normal(0.0, 0.004, 3))
    return SceneConfig((item,), home, float(random.uniform(0.85, 1.15)), (red, green, blue), (right, up, back))
