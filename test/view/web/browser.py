"""A real headless Chromium for tests of pages, or the reason why there is none."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# WebGL on the CPU: a test machine has no graphics card.
_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@contextmanager
def browser_page(width: int = 1500, height: int = 720) -> Iterator[Any]:
    """A page of playwright; skips the test where playwright or a Chromium is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra 'test')")
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next((path for name in _NAMES if (path := shutil.which(name))), own if Path(own).exists() else None)
        if found is None:
            pytest.skip(f"no Chromium: apt-get install {_NAMES[0]}")
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(60_000)
            yield page
        finally:
            browser.close()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition that must come true."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()
