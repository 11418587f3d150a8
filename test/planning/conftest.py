"""Skips the planning tests where torch is not installed."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra: train)")
