"""The app as a process in a terminal: what is typed, what is drawn, how it leaves."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Self


def readable(picture: bytes) -> str:
    """What was drawn, piece by piece, each once: a cursor that blinks would cover everything else."""
    pieces = re.split(
        r"\x1b\[[0-9;]*[Hf]", re.sub(r"\x1b\[[0-9;?=]*[A-GI-Za-eg-z]", "", picture.decode(errors="replace"))
    )
    return "\n".join(dict.fromkeys(pieces))


class Terminal:
    """The app in a terminal of its own; at the end of the block it is ended, however the test went.

    Attributes:
        picture: What the app has written since `until` was called last.
        is_restored: Whether the terminal is as it was before; known when it was left.
    """

    def __init__(
        self, *arguments: str, environment=None, stdout: Path | None = None, rows: int = 24, columns: int = 80
    ):
        self.picture = b""
        own, theirs = pty.openpty()
        self._modes = termios.tcgetattr(own)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        command = [sys.executable, "-m", "gpa_mlx", "tui", *arguments]
        environment = {**(environment or os.environ), "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
        with contextlib.ExitStack() as stack:
            out = theirs if stdout is None else stack.enter_context(stdout.open("wb"))
            self._process = subprocess.Popen(command, stdin=theirs, stdout=out, stderr=theirs, env=environment)
        os.close(theirs)
        self._own = own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._own)

    def write(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def until(self, words: bytes, timeout_s: float = 60.0) -> None:
        """Read until something is on the screen."""
        self.picture, deadline = b"", time.monotonic() + timeout_s
        while words not in self.picture:
            assert time.monotonic() < deadline, readable(self.picture)
            self._read(0.1)

    def leave(self, *, asked: bool = False) -> tuple[int, float]:
        """Press the key that quits, and y if that is `asked` about; return exit status and seconds since then."""
        start = time.monotonic()
        self.write(b"\x11")
        if asked:
            self.until(b"Leave all the same?")
            start = time.monotonic()
            self.write(b"y")
        while self._process.poll() is None:
            assert time.monotonic() - start < 30
            self._read(0.01)
        seconds = time.monotonic() - start
        self._read(0.1)
        self.is_restored = termios.tcgetattr(self._own) == self._modes and b"\x1b[?1049l" in self.picture
        return self._process.returncode, seconds

    def _read(self, timeout_s: float) -> None:
        if select.select([self._own], [], [], timeout_s)[0]:
            try:
                self.picture += os.read(self._own, 1 << 16)
            except OSError:
                time.sleep(0.01)
