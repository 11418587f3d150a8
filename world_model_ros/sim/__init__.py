"""Simulates robots in MuJoCo: camera, microphone, touch and joints, a trajectory controller, scenes, collection."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")  # before anything imports mujoco, which reads it once
