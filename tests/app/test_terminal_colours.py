"""Whether the terminal's background is light."""

from __future__ import annotations

import os
import pty
import select

import pytest

from gpa_mlx_tui.services.terminal_colours import has_light_background

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
    os.write(own, answer + b"\n")
    assert has_light_background(theirs, {}) is is_light
    asked = b""
    while b"\x1b]11;?" not in asked:  # the terminal's echo of the answer may come before it, on its own
        assert select.select([own], [], [], 10)[0], asked
        asked += os.read(own, 1000)


def test_one_that_does_not_know_is_judged_by_the_variable(terminal):
    os.write(terminal[0], DEVICE + b"\n")
    assert has_light_background(terminal[1], {"COLORFGBG": "0;15"})


def test_what_is_no_terminal_is_dark():
    reading, writing = os.pipe()
    try:
        assert not has_light_background(reading, {})
    finally:
        os.close(reading)
        os.close(writing)
