"""Training in several processes that torchrun starts: joins them, shares weights, averages gradients.

With a single process nothing here does anything.

Every process draws windows of its own; gradients are averaged, so a batch is as many times larger. The first process
writes files and shows progress.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed, nn


def start(device: str) -> None:
    """Join the others if torchrun started this process; gloo between CPUs, NCCL between GPUs."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")


def stop() -> None:
    """Leave the others."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def rank() -> int:
    """Number of this process, 0 for the first."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def neighbours() -> int:
    """How many processes share this machine, this one included."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if distributed.is_initialized() else 1


def local_device(device: str) -> str:
    """``cuda`` becomes the GPU of this process."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" and distributed.is_initialized() else device


def wait() -> None:
    """Wait until all processes have come here."""
    if distributed.is_initialized():
        distributed.barrier()


def share(module: nn.Module) -> None:
    """Everyone gets the first process's parameters and buffers."""
    if distributed.is_initialized():
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Everyone gets the mean of all gradients, summed in one piece."""
    if not distributed.is_initialized():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(mean.view_as(gradient))
