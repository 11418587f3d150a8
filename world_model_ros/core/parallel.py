"""Parallel map over processes, with results in order."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def spread(run: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Run all jobs in this process, or in ``workers`` others. Both must be able to travel between processes."""
    if workers == 1 or len(jobs) < 2:
        yield from map(run, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs))) as pool:
        yield from pool.imap(run, jobs)
