"""Work that is spread over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from world_model_ros.core.parallel import spread

_PARENT = """
import sys
from pathlib import Path
from test_parallel import sleep_long
from world_model_ros.core.parallel import spread
if __name__ == "__main__":
    list(spread(sleep_long, [Path(sys.argv[1])] * 2, 2))
"""


def square(number: int) -> int:
    return number**2


def sleep_long(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie, as one in a container whose first process does not reap may stay."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(spread(square, range(5), workers)) == [0, 1, 4, 9, 16]


def test_workers_end_when_their_parent_is_killed_amid_their_jobs(tmp_path: Path) -> None:
    folder = tmp_path / "workers"
    folder.mkdir()
    (tmp_path / "parent.py").write_text(_PARENT)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py", folder], env={**os.environ, "PYTHONPATH": path})
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int(file.name) for file in folder.iterdir()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    try:
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < deadline, "workers outlive their parent"
            time.sleep(0.05)
    finally:
        for pid in filter(alive, pids):
            os.kill(pid, signal.SIGKILL)


_INTERRUPTED = """
import sys
from pathlib import Path
from test_parallel import slow_to_import, sleep_long
from world_model_ros.core.parallel import spread
slow_to_import(Path(sys.argv[1]))
if __name__ == "__main__":
    try:
        list(spread(sleep_long, [Path(sys.argv[1])] * 2, 2))
    except KeyboardInterrupt:
        print("interrupted")
"""


def slow_to_import(folder: Path) -> None:
    (folder / f"imported by {os.getpid()}").touch()
    time.sleep(0.5)


@pytest.mark.parametrize("moment", ["imported by *", "[0-9]*"])
def test_ctrl_c_ends_workers_without_a_word(tmp_path: Path, moment: str) -> None:
    """As from a terminal, which sends it to all: while workers import, or in their jobs."""
    folder, path = tmp_path / "workers", os.pathsep.join([str(Path(__file__).parent), *sys.path])
    folder.mkdir()
    (tmp_path / "parent.py").write_text(_INTERRUPTED)
    words, env = [sys.executable, tmp_path / "parent.py", folder], {**os.environ, "PYTHONPATH": path}
    parent = subprocess.Popen(
        words,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # else ignored where these tests ignore it
    )
    deadline, wanted = time.monotonic() + 60, 3 if "imported" in moment else 2
    while len(list(folder.glob(moment))) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(parent.pid, signal.SIGINT)
    said, errors = parent.communicate(timeout=60)
    assert (said, errors) == ("interrupted\n", "")


_UNGUARDED = """
from test_parallel import square
from world_model_ros.core.parallel import spread
list(spread(square, range(3), 2))
"""


def test_a_script_that_starts_workers_where_it_is_imported_is_told(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_UNGUARDED)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    words, env = [sys.executable, tmp_path / "script.py"], {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "workers: got '2, of which one ended'" in done.stderr.splitlines()[-1]
    assert 'below if __name__ == "__main__": ' in done.stderr.splitlines()[-1]
