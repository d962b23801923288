"""A real clipboard: xclip and a private X server.

Debian and Ubuntu: `apt install xvfb xclip xsel`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gpa_mlx.runtime import clipboard
from gpa_mlx.runtime.clipboard import copy_text, paste_text

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Start an X server of our own; it chooses its number."""
    if shutil.which("Xvfb") is None:
        pytest.skip("not installed: Xvfb")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "64x64x8", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as numbers:
        number = numbers.readline().strip()
    if not number:
        server.wait()
        pytest.skip("the X server does not start here")
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture(params=["xclip", "xsel"])
def program(request, display, monkeypatch) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"not installed: {request.param}")
    for name in ("WAYLAND_DISPLAY", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setattr(clipboard, "_X11", tuple(way for way in clipboard._X11 if way.way == request.param))
    return request.param


def pasted(expected: str) -> str:
    """Return what is pasted, after a moment: the program hands the text over while it is already in the background."""
    deadline = time.monotonic() + 3
    while (text := paste_text()) != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


@pytest.mark.parametrize(
    "text",
    ["hello", "é 😀 中文", "two\r\nlines\n", "", "nu\0l", "x" * 1_000_000 + "é"],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_copied_is_pasted(program, text):
    if program == "xsel" and "\0" in text:
        pytest.skip("xsel ends a text at NUL")
    copy_text(text)
    assert pasted(text) == text


def test_the_last_copy_counts_and_nothing_waits(program):
    started = time.monotonic()
    for number in range(10):
        copy_text(f"text {number}")
    assert pasted("text 9") == "text 9"
    assert time.monotonic() - started < 5


def test_the_text_outlives_an_interrupt(program):
    command = (
        "import time; from gpa_mlx.runtime.clipboard import copy_text; copy_text('still here'); print(1, flush=True); "
    )
    process = subprocess.Popen(
        [sys.executable, "-c", f"{command} time.sleep(60)"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
    process.communicate()
    assert pasted("still here") == "still here"
