"""Context manager in which training runs image networks in bfloat16, where the hardware supports it."""

from __future__ import annotations

import torch


def pictures_in_bfloat16(device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 where the hardware multiplies it; elsewhere everything stays as it is.

    A CPU without such instructions computes the same, twelve times slower than in float32.
    """
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        paid = bool(able.get("amx_bf16") or able.get("avx512_bf16") or able.get("bf16"))  # bf16: Arm
    else:
        paid = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=paid)
