"""A full-screen program in a terminal of its own: drawn, left by a key, gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROWS, _COLUMNS = 24, 80
_READ_BYTES = 1 << 16
_POLL_S = 0.1
_LAST_WORDS_S = 2.0
_ENTER_SCREEN, _LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[^\[])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenRun:
    """A full-screen program that has ended.

    Attributes:
        code: Its exit code; negative for a signal, None when its time was over.
        drawn_s: Seconds until it had drawn what was waited for; None if it never did.
        left_s: Seconds from the key that quits to its end; None if the key was never pressed, or in vain.
        left_screen: Whether it gave the terminal its own screen back.
        text: The last it wrote, without control sequences; of a crash or a hang it has Python's stacks.
    """

    code: int | None
    drawn_s: float | None
    left_s: float | None
    left_screen: bool
    text: str


def run_on_screen(
    command: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    words: str,
    key: bytes,
    draw_deadline_s: float,
    leave_deadline_s: float,
) -> ScreenRun:
    """Start a program in a terminal of 80x24, wait for words on its screen, press a key, and wait for its end.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        environ: Its environment.
        words: What it draws when it is ready.
        key: What makes it quit.
        draw_deadline_s: Seconds it may take to be ready.
        leave_deadline_s: Seconds it may take to quit.

    Raises:
        OSError: It cannot be started, or the system has no terminal left.
    """
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            list(command),
            cwd=folder,
            env={**environ, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        screen = _Screen(ours, process)
        try:
            drawn_s = screen.wait(lambda: words.encode() in screen.content, draw_deadline_s)
            left_s = None
            if drawn_s is not None and process.poll() is None:
                os.write(ours, key)
                left_s = screen.wait(lambda: process.poll() is not None, leave_deadline_s)
            code = process.poll()
            if code is None:
                process.send_signal(signal.SIGABRT)  # Python's fault handler writes the stack of every thread
                screen.wait(lambda: process.poll() is not None, _LAST_WORDS_S)
            screen.read(_POLL_S)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    finally:
        os.close(ours)
    entered = _ENTER_SCREEN in screen.content
    return ScreenRun(
        code=code,
        drawn_s=drawn_s,
        left_s=left_s,
        left_screen=not entered or screen.content.rfind(_LEAVE_SCREEN) > screen.content.rfind(_ENTER_SCREEN),
        text=_SEQUENCE.sub(b"", screen.content).decode(errors="replace"),
    )


class _Screen:
    """All that a program writes to its terminal.

    Args:
        terminal: Our end of it.
        process: The program.
    """

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self._terminal = terminal
        self._process = process
        self.content = b""

    def wait(self, is_done: Callable[[], bool], deadline_s: float) -> float | None:
        """Read until something holds; return after how many seconds, None if it did not or the program ended."""
        started = time.monotonic()
        while not is_done():
            if time.monotonic() - started > deadline_s or (self._process.poll() is not None and not self.read(0)):
                return time.monotonic() - started if is_done() else None
            self.read(_POLL_S)
        return time.monotonic() - started

    def read(self, timeout_s: float) -> bool:
        """Take what there is; return whether there was something."""
        if not select.select([self._terminal], [], [], timeout_s)[0]:
            return False
        try:
            content = os.read(self._terminal, _READ_BYTES)
        except OSError:  # nobody is at the other end
            content = b""
        self.content += content
        if not content:
            time.sleep(_POLL_S if timeout_s else 0)
        return bool(content)
