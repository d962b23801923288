"""A dictation that a desktop shortcut reaches."""

from __future__ import annotations

import fcntl
import os
import signal
import threading

from gpa_mlx.runtime.dictation_control import PAUSE, TOGGLE, reachable, send


def test_only_what_runs_is_reached_and_only_one(tmp_path):
    came = []
    before = {number: signal.signal(number, lambda *told: came.append(told[0])) for number in (TOGGLE, PAUSE)}
    try:
        assert not send(TOGGLE, tmp_path)
        with reachable(tmp_path) as first, reachable(tmp_path) as second:
            assert (first, second) == (True, False)
            assert send(TOGGLE, tmp_path)
            assert send(PAUSE, tmp_path)
        assert came == [TOGGLE, PAUSE]
        (tmp_path / "dictation.pid").write_text(str(os.getpid()))
        assert not send(TOGGLE, tmp_path), "a number that was left behind is nobody's"
        assert came == [TOGGLE, PAUSE]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_one_that_has_not_written_its_number_yet_is_waited_for(tmp_path):
    came = []
    before = signal.signal(TOGGLE, lambda *told: came.append(told[0]))
    path = tmp_path / "dictation.pid"
    try:
        with path.open("wb", buffering=0) as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            writing = threading.Timer(0.1, lambda: starting.write(str(os.getpid()).encode()))
            writing.start()
            assert send(TOGGLE, tmp_path)
            writing.join()
        assert came == [TOGGLE]
    finally:
        signal.signal(TOGGLE, before)


def test_somebody_who_looks_keeps_nobody_from_being_reachable(tmp_path):
    with (tmp_path / "dictation.pid").open("wb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.1, lambda: fcntl.flock(looking, fcntl.LOCK_UN))
        letting_go.start()
        with reachable(tmp_path) as is_reachable:
            assert is_reachable
        letting_go.join()
