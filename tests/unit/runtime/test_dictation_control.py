"""A dictation that a desktop shortcut reaches."""

from __future__ import annotations

import os
import signal

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
