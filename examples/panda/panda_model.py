"""A Panda arm in MuJoCo, from the URDF of the PyPI package `example-robot-data`, on a table, before a camera.

``python panda_model.py`` links the URDF here, as ``panda.urdf``.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

SHARE = "cmeel.prefix/share"
URDF = "example-robot-data/robots/panda_description/urdf/panda.urdf"
ARM = tuple(f"panda_joint{number}" for number in range(1, 8))
FINGERS = ("panda_finger_joint1", "panda_finger_joint2")  # the second one mimics the first
HOME = (0.0, -0.4, 0.0, -2.4, 0.0, 2.0, 0.785, 0.02, 0.02)  # ARM and FINGERS, rad and m
TIP = "panda_hand_tcp"
CAMERA = "overhead"
HEIGHT, WIDTH = 120, 160
# Servos: stiffness N m/rad, damping N m s/rad, the most effort N m; of each arm joint, then the fingers.
STIFFNESS = (4500, 4500, 3500, 3500, 2000, 2000, 2000, 300, 300)
DAMPING = (450, 450, 350, 350, 200, 200, 200, 15, 15)
EFFORT = (87, 87, 87, 87, 12, 12, 12, 50, 50)


def urdf_path() -> Path:
    """The URDF in the installed package, or what the environment variable PANDA_URDF names."""
    if "PANDA_URDF" in os.environ:
        return Path(os.environ["PANDA_URDF"])
    try:
        path = Path(str(distribution("example-robot-data").locate_file(f"{SHARE}/{URDF}")))
    except PackageNotFoundError as error:
        raise SystemExit("first:  pip install example-robot-data") from error
    return path.resolve()


def load() -> mujoco.MjModel:
    """The arm on a table, with servos and a camera."""
    urdf = urdf_path()
    root = ElementTree.parse(urdf).getroot()
    share = Path(*urdf.parts[:-5])
    for link in root.iter("link"):
        for visual in link.findall("visual"):  # COLLADA, which MuJoCo does not read: collision meshes are shown instead
            link.remove(visual)
        for mesh in link.iter("mesh"):
            mesh.set("filename", str(share / mesh.attrib["filename"].removeprefix("package://")))
    extension = ElementTree.SubElement(root, "mujoco")
    ElementTree.SubElement(extension, "compiler", fusestatic="false", strippath="false", discardvisual="false")
    spec = mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode"))
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.visual.quality.shadowsize = spec.visual.quality.offsamples = 0  # costly without a GPU
    for index, body in enumerate(spec.bodies):
        body.gravcomp = 1.0  # as the arm's own controller does
        for geom in body.geoms:
            geom.contype, geom.conaffinity = 2, 1  # meets the table, not itself
            geom.rgba = [0.9, 0.9, 0.92, 1.0] if index % 2 else [0.35, 0.4, 0.5, 1.0]
    for name, stiffness, damping, effort in zip((*ARM, *FINGERS), STIFFNESS, DAMPING, EFFORT):
        spec.joint(name).armature = 0.1
        spec.add_actuator(
            name=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            target=name,
            gainprm=[stiffness] + [0.0] * 9,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            biasprm=[0.0, -stiffness, -damping] + [0.0] * 7,
            forcerange=[-effort, effort],
        )
    world = spec.worldbody
    box = mujoco.mjtGeom.mjGEOM_BOX
    world.add_geom(name="table", type=box, size=[0.6, 0.6, 0.05], pos=[0.5, 0, -0.05], rgba=[0.55, 0.45, 0.35, 1])
    world.add_geom(type=box, size=[0.05, 0.3, 0.001], pos=[0.75, 0, 0.001], rgba=[0.2, 0.5, 0.3, 1], contype=0)
    world.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, dir=[-0.3, -0.3, -1], castshadow=False)
    eye, target = np.array([1.7, 0.0, 1.0]), np.array([0.3, 0.0, 0.35])
    look = (target - eye) / np.linalg.norm(target - eye)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.column_stack([[0.0, 1.0, 0.0], np.cross([0.0, 1.0, 0.0], look), -look]).ravel())
    world.add_camera(name=CAMERA, pos=eye, quat=quat, fovy=36.0)
    return spec.compile()


if __name__ == "__main__":
    link = Path(__file__).with_name("panda.urdf")
    link.unlink(missing_ok=True)
    link.symlink_to(urdf_path())
    print(link)
