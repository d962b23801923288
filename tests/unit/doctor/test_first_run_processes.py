"""The program as processes of its own: how each ends is told, none goes on after its deadline."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from gpa_mlx.doctor.first_run import processes
from gpa_mlx.doctor.first_run.processes import Ended, Processes, last_words, measured, run_process
from gpa_mlx.errors import GPAError

ENVIRON = {**os.environ, "PYTHONFAULTHANDLER": "1"}


def run(code, folder, deadline_s=60.0):
    return run_process([sys.executable, "-c", code], folder=folder, environ=ENVIRON, deadline_s=deadline_s)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_output_and_exit_code_are_told(tmp_path):
    ended = run("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (ended.code, ended.out, ended.err, ended.fate) == (3, "out\n", "why\n", "ended with exit code 3")
    assert last_words(ended) == " (why)"


def test_a_crash_is_told_with_its_stack(tmp_path):
    ended = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    assert ended.fate == "was ended by SIGSEGV"
    assert 'File "<string>", line 1' in ended.err


@pytest.mark.slow
def test_what_hangs_says_where_and_is_killed_with_its_children(tmp_path):
    code = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
def here(): time.sleep(600)
here()
"""
    ended = run(code, tmp_path, deadline_s=3.0)
    assert ended.code is None
    assert ended.fate.startswith("did not end within ")
    if (tmp_path / "pids").exists():  # it had the time to begin
        assert " in here" in ended.err
        for pid in map(int, (tmp_path / "pids").read_text().split()):
            wait_until(lambda pid=pid: not is_running(pid) or is_zombie(pid))


def is_zombie(pid):
    """Whether a process is over and only waits for whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def test_an_interrupt_ends_the_process(tmp_path):
    pids = []

    class Interrupted(processes.subprocess.Popen):
        def wait(self, timeout=None):
            if timeout is not None and not pids:
                pids.append(self.pid)
                raise KeyboardInterrupt
            return super().wait(timeout)

    original, processes.subprocess.Popen = processes.subprocess.Popen, Interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            run("import time; time.sleep(600)", tmp_path)
    finally:
        processes.subprocess.Popen = original
    assert not is_running(pids[0])


def test_the_program_has_a_home_of_its_own(tmp_path):
    ended = Processes(
        tmp_path, {**os.environ, "GPA_MLX_MODEL": "mine", "PYTHONPATH": os.pathsep.join(sys.path)}
    ).program("settings", "path", deadline_s=120.0)
    assert ended.code == 0, ended.err
    assert ended.out.strip() == str(tmp_path / "home" / "settings.toml")


@pytest.mark.parametrize(("tf32", "seen"), [(None, None), (False, "0"), (True, "1")])
def test_tf32_is_set_before_the_process_starts(tmp_path, monkeypatch, tf32, seen):
    environs = []

    def note(command, *, folder, environ, deadline_s):
        environs.append(environ)
        return Ended(code=0, out='{"a": 1}\n', err="", seconds=0.0)

    monkeypatch.setattr(processes, "run_process", note)
    assert Processes(tmp_path, {"MLX_ENABLE_TF32": "0"}).measure("parity", deadline_s=1.0, tf32=tf32) == {"a": 1}
    assert environs[0].get("MLX_ENABLE_TF32") == seen


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (
            Ended(code=-signal.SIGABRT, out="", err="x\nabort: Metal\n", seconds=1.0),
            "was ended by SIGABRT (abort: Metal)",
        ),
        (Ended(code=None, out="", err="", seconds=300.0), "did not end within 300 s"),
        (Ended(code=0, out="no JSON", err="", seconds=1.0), "ended with exit code 0"),
        (Ended(code=0, out="", err="", seconds=1.0), "ended with exit code 0"),
        (Ended(code=-99, out="", err="", seconds=1.0), "was ended by signal 99"),
    ],
)
def test_a_measurement_without_a_result_says_why(ended, message):
    with pytest.raises(GPAError) as caught:
        measured("memory", ended)
    assert caught.value.message == f"The measurement of memory {message}."
