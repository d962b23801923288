"""One dictation that a desktop shortcut reaches: a file with its process, and two signals.

`SIGUSR1` begins a recording, or ends it; `SIGUSR2` pauses it, or goes on. Whoever can be reached holds the lock of the
file for as long as it lives, so that a number that was left behind, and belongs to another process by now, is never
sent a signal.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

TOGGLE, PAUSE = signal.SIGUSR1, signal.SIGUSR2
"""Begin or end a recording; pause it or go on."""

_START_S, _POLL_S = 1.0, 0.01
"""A process has the lock before it has written its number."""


@contextmanager
def reachable(folder: Path) -> Iterator[bool]:
    """Be the dictation that `send` reaches; yields False where another process is that already, or nothing is writable.

    Args:
        folder: Of the file: `gpa_mlx.store.paths.app_state_dir`.
    """
    path = _file(folder)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError:
        yield False
        return
    with file:
        while not _lock(file, fcntl.LOCK_EX):
            if not _lock(file, fcntl.LOCK_SH):
                yield False
                return
            # Only somebody who looks for us, and lets go at once.
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(_POLL_S)
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        try:
            yield True
        finally:
            file.truncate(0)


def send(number: signal.Signals, folder: Path) -> bool:
    """Send a signal to the dictation that runs; return whether there is one.

    Args:
        number: `TOGGLE` or `PAUSE`.
        folder: Of the file: `gpa_mlx.store.paths.app_state_dir`.
    """
    with suppress(OSError, ValueError), _file(folder).open("rb") as file:
        if _lock(file, fcntl.LOCK_SH):
            return False
        deadline = time.monotonic() + _START_S
        while not (process := file.read()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        os.kill(int(process), number)
        return True
    return False


def _lock(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _file(folder: Path) -> Path:
    return folder / "dictation.pid"
