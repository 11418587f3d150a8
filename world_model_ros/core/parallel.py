"""Parallel map over worker processes, with results in order, that end with their parent; cores of this process."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def own_cores() -> set[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def spread(run: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Run all jobs in this process, or in ``workers`` others. Both must be able to travel between processes."""
    if workers == 1 or len(jobs) < 2:
        yield from map(run, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs)), end_with_parent) as pool:
        yield from pool.imap(run, jobs)


def end_with_parent() -> None:
    """Initializer of a worker process: it ends as soon as its parent has died, even of ``kill -9`` during a job."""
    threading.Thread(target=_wait_and_end, name="end with parent", daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
