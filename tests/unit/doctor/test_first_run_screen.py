"""A full-screen program in a terminal of its own: how it draws, leaves, hangs and crashes."""

from __future__ import annotations

import os
import sys

import pytest

from gpa_mlx.doctor.first_run.app_step import try_app
from gpa_mlx.doctor.first_run.step import Notes, Surroundings
from gpa_mlx.doctor.first_run.terminal_process import ScreenRun, run_on_screen

BEGIN = """
import os, sys, termios, time, tty
tty.setraw(0)
def put(text): os.write(1, text.encode())
put("\\x1b[?1049h\\x1b[31mready\\x1b[0m")
"""


def run(code, folder, draw_deadline_s=60.0, leave_deadline_s=60.0):
    return run_on_screen(
        [sys.executable, "-c", code],
        folder=folder,
        environ={**os.environ, "PYTHONFAULTHANDLER": "1"},
        words="ready",
        key=b"q",
        draw_deadline_s=draw_deadline_s,
        leave_deadline_s=leave_deadline_s,
    )


def test_a_program_that_draws_and_leaves(tmp_path):
    found = run(BEGIN + "assert os.read(0, 1) == b'q'\nput('\\x1b[?1049lbye')", tmp_path)
    assert (found.code, found.left_screen) == (0, True)
    assert found.drawn_s is not None
    assert found.left_s is not None
    assert found.text == "readybye"


def test_a_terminal_that_is_not_given_back(tmp_path):
    found = run(BEGIN + "os.read(0, 1)\nsys.exit(3)", tmp_path)
    assert (found.code, found.left_screen) == (3, False)


def test_a_program_that_ends_before_it_draws(tmp_path):
    found = run("print('no', flush=True); raise SystemExit(2)", tmp_path)
    assert (found.code, found.drawn_s, found.left_s, found.left_screen) == (2, None, None, True)
    assert found.text.strip() == "no"


def test_a_program_that_does_not_leave_says_where_it_is(tmp_path):
    found = run(BEGIN + "def here():\n    time.sleep(600)\nhere()", tmp_path, leave_deadline_s=1.0)
    assert (found.code, found.left_s) == (None, None)
    assert found.drawn_s is not None
    assert "in here" in found.text


@pytest.mark.parametrize(
    ("run", "problems"),
    [
        (ScreenRun(code=0, drawn_s=1.0, left_s=0.5, left_screen=True, text=""), []),
        (ScreenRun(code=1, drawn_s=None, left_s=None, left_screen=True, text="error"), ["not drawn", "exit code 1"]),
        (ScreenRun(code=None, drawn_s=1.0, left_s=None, left_screen=False, text=""), ["did not end"]),
        (ScreenRun(code=0, drawn_s=1.0, left_s=0.5, left_screen=False, text=""), ["left its screen"]),
        (ScreenRun(code=-6, drawn_s=1.0, left_s=0.5, left_screen=True, text="abort"), ["exit code -6"]),
    ],
)
def test_what_is_a_problem_of_the_app(tmp_path, make_host, run, problems):
    class Processes:
        def on_screen(self, *arguments, **options):
            return run

    notes = Notes()
    surroundings = Surroundings(
        folder=tmp_path, host=make_host(), processes=Processes(), person=None, show=lambda message: None
    )
    try_app(surroundings, notes)
    assert len(notes.problems) == len(problems)
    assert all(words in problem for words, problem in zip(problems, notes.problems, strict=True))
    assert ("text" in notes.facts) == bool(problems)
