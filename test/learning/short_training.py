"""A training that is as short as one can be."""

from __future__ import annotations

from world_model_ros.learning.training.config import TrainConfig

SHORT = TrainConfig(
    steps=(3, 3),
    reader_steps=3,
    decoder_steps=3,
    windows=(2, 2),
    length=(18, 20),
    starts=(2, 2),
    frames=(2, 2),
    far=15,
    decoder_far=15,
    threads=1,  # more may be slower on a busy machine
)
