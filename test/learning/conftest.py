"""Skips the learning tests where torch is not installed, and keeps torch to one thread.

On cores that others use too, two threads are several times slower than one.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")
torch.set_num_threads(1)
