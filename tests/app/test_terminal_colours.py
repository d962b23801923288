"""Whether the terminal's background is light."""

from __future__ import annotations

import os
import pty
import select
import termios
import time

import pytest

from gpa_mlx_tui.services.terminal_colours import BackgroundQuestion

DEVICE = b"\x1b[?62;22c"


@pytest.fixture
def terminal():
    own, theirs = pty.openpty()
    yield own, theirs
    os.close(own)
    os.close(theirs)


@pytest.mark.parametrize(
    ("answer", "is_light"),
    [
        (b"\x1b]11;rgb:ffff/ffff/eeee\x1b\\" + DEVICE, True),
        (b"\x1b]11;rgb:fd/f6/e3\x07" + DEVICE, True),
        (b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\" + DEVICE, False),
        (DEVICE, False),
    ],
)
def test_the_terminal_is_asked(terminal, answer, is_light):
    own, theirs = terminal
    with BackgroundQuestion(theirs, {}) as question:
        os.write(own, answer)
        assert question.is_light() is is_light
    asked = b""
    while b"\x1b]11;?" not in asked:  # the terminal's echo of the answer may come before it, on its own
        assert select.select([own], [], [], 10)[0], asked
        asked += os.read(own, 1000)


def test_one_that_does_not_know_is_judged_by_the_variable(terminal):
    with BackgroundQuestion(terminal[1], {"COLORFGBG": "0;15"}) as question:
        os.write(terminal[0], DEVICE)
        assert question.is_light()


def test_an_answer_that_came_long_ago_is_read(terminal):
    before = termios.tcgetattr(terminal[1])
    with BackgroundQuestion(terminal[1], {}) as question:
        os.write(terminal[0], b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\" + DEVICE)
        time.sleep(0.3)
        assert question.is_light()
    assert termios.tcgetattr(terminal[1]) == before


def test_one_that_never_answers_is_not_waited_for_twice(terminal):
    with BackgroundQuestion(terminal[1], {}) as question:
        assert not question.is_light()
        started = time.monotonic()
        assert not question.is_light()
        assert time.monotonic() - started < 0.2


def test_what_is_no_terminal_is_dark():
    reading, writing = os.pipe()
    try:
        with BackgroundQuestion(reading, {}) as question:
            assert not question.is_light()
    finally:
        os.close(reading)
        os.close(writing)
