"""Trainings in processes of their own: they end together, and leave nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.training.processes import run_distributed, run_processes

pytestmark = pytest.mark.slow  # not part of `make fast`


def write_sum(folder: Path) -> None:
    from gpa_mlx.runtime.backend import mx

    group = mx.distributed.init()
    total = mx.distributed.all_sum(mx.array(float(group.rank() + 1)), group=group).item()
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    (folder / str(group.rank())).write_text(f"{group.size()} {total:g} {threads}", encoding="utf-8")


def fail() -> None:
    raise GPAError("The training diverged.", hint="Lower the rate.")


def die() -> None:
    os._exit(7)


def stay(folder: Path, name: str) -> None:
    (folder / name).write_text(str(os.getpid()), encoding="utf-8")
    while True:
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_group_shares_its_numbers_on_one_core_each(tmp_path):
    run_distributed(partial(write_sum, tmp_path), 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
    assert {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"2 3 1"}
    assert "MLX_RANK" not in os.environ


@pytest.mark.parametrize(("task", "message"), [(fail, "The training diverged."), (die, "ended with status 7")])
def test_one_that_fails_ends_the_others(task, message, tmp_path):
    with pytest.raises(GPAError, match=message):
        run_processes([partial(stay, tmp_path, "other"), task])
    pid = tmp_path / "other"
    if pid.exists():  # else it was ended before it began
        wait_for(lambda: not is_alive(int(pid.read_text(encoding="utf-8"))))


CALLER = """
import sys
from functools import partial
from pathlib import Path
sys.path[:0] = {path!r}
from tests.unit.recipes.test_demo_processes import stay
from gpa_mlx.recipes.demo.training.processes import run_processes
if __name__ == "__main__":
    folder = Path({folder!r})
    run_processes([partial(stay, folder, "one"), partial(stay, folder, "two")])
"""


def test_a_caller_that_is_killed_leaves_nobody_at_the_checkpoints(tmp_path):
    root = str(Path(__file__).parents[3])
    script = tmp_path / "caller.py"
    script.write_text(CALLER.format(path=[root, *sys.path], folder=str(tmp_path)), encoding="utf-8")
    caller = subprocess.Popen([sys.executable, str(script)])
    names = [tmp_path / "one", tmp_path / "two"]
    try:
        wait_for(lambda: all(name.exists() and name.read_text(encoding="utf-8") for name in names))
        pids = [int(name.read_text(encoding="utf-8")) for name in names]
        assert all(map(is_alive, pids))
        caller.send_signal(signal.SIGKILL)
        caller.wait()
        wait_for(lambda: not any(map(is_alive, pids)))
    finally:
        caller.kill()
        caller.wait()
