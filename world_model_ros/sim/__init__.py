"""MuJoCo robots with camera, microphone, touch and a trajectory controller."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")  # before anything imports mujoco, which reads it once
