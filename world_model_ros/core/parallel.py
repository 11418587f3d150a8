"""Runs jobs in worker processes, with results in order; workers end with their parent. Lists the usable CPU cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from world_model_ros.core.errors import UserError

Job = TypeVar("Job")
Result = TypeVar("Result")
_GUARD = 'if __name__ == "__main__":'


def own_cores() -> set[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def spread(run: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Run all jobs in this process, or in ``workers`` others. Both must be able to travel between processes.

    Raises:
        UserError: as `worker_pool`.
    """
    if workers == 1 or len(jobs) < 2:
        yield from map(run, jobs)
        return
    with worker_pool(min(workers, len(jobs))) as pool:
        yield from pool.map(run, jobs)


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that run jobs, each of which imports the script that started this one.

    Ctrl-C, which reaches them as it reaches this process, ends them without a word, whatever they do.

    Raises:
        UserError: that script starts workers where it is imported, or a worker was killed, as for lack of memory.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a worker that imports the script
        raise UserError("workers", workers, f"workers that a script starts below {_GUARD} as each imports it")
    pool = _Pool(workers, multiprocessing.get_context("spawn"), end_with_parent)
    try:
        yield pool
    except BrokenProcessPool as error:
        legal = f"workers that live on: a script starts them below {_GUARD} and there is memory for all"
        raise UserError("workers", f"{workers}, of which one ended", legal) from error
    finally:
        pool.shutdown(cancel_futures=True)


class _Pool(ProcessPoolExecutor):
    """Keeps Ctrl-C from workers that it starts, which it does as jobs come, until `end_with_parent` lets it through."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        resource_tracker.ensure_running()  # else the first worker starts it, which lets the signal through
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Initializer of a worker process: it ends as soon as its parent has died, even of ``kill -9`` during a job."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as of what a script starts in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_wait_and_end, name="end with parent", daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
