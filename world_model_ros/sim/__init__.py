"""MuJoCo robots with camera, microphone, touch and a trajectory controller."""
