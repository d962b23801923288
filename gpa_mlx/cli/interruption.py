"""SIGINT, SIGTERM and SIGHUP as one orderly end of the run: what there is gets kept, nothing is left behind.

The signal is raised as `SignalInterrupt` on the main thread, so that every `with`, `finally` and `except
KeyboardInterrupt` of a command does for all three what it does for Ctrl-C. While these clean up, a second signal would
tear them down halfway; it is left alone for some seconds, and ends a clean-up that hangs after that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run: Ctrl-C, a request of the system or a supervisor, a terminal that was closed."""

_PATIENCE_S = 5.0
"""How long a clean-up is left alone; it writes some small files and waits for one evaluation of a network at most."""

_AGAIN_S = 0.01


class SignalInterrupt(KeyboardInterrupt):
    """A signal that ends the run.

    Attributes:
        number: Which one.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interruption:
    """Whether this run was told to end, and by which signal.

    Attributes:
        number: The signal; None while there was none.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._since_s = 0.0
        self._is_over = False

    @property
    def exit_code(self) -> int:
        """What a shell reports for a process that the signal killed: 130, 143 or 129."""
        return 128 + (signal.SIGINT if self.number is None else self.number)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed signals inside the block, on the main thread; those that are ignored, as under `nohup`, stay so.

        When the block is left, the run is over: signals do nothing more, for the process is ending anyway, and to
        interrupt that would leave threads in the middle of MLX.
        """
        hook = sys.unraisablehook

        def notice_lost(unraisable: sys.UnraisableHookArgs) -> None:
            if isinstance(unraisable.exc_value, KeyboardInterrupt):
                self._raise_again()
            else:
                hook(unraisable)

        sys.unraisablehook = notice_lost
        try:
            with handled(self._handle):
                try:
                    yield
                finally:
                    self._is_over = True
                    ignore_signals()
        finally:
            sys.unraisablehook = hook

    def note(self, number: int) -> None:
        """Remember that a signal came."""
        self.number, self._since_s = number, time.monotonic()

    def forget(self) -> None:
        """Go on: the signal was a wish that has been granted in another way."""
        self.number = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        is_cleaning_up = self.number is not None and time.monotonic() - self._since_s < _PATIENCE_S
        if not (self._is_over or is_cleaning_up):
            self.note(number)
            raise SignalInterrupt(number)

    def _raise_again(self) -> None:
        """Raise once more what came in a finaliser of Python's, where exceptions are lost."""
        number = signal.SIGINT if self.number is None else self.number
        self.number = None
        # From another thread and a moment later: here it would be lost as well.
        threading.Timer(_AGAIN_S, os.kill, (os.getpid(), number)).start()


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have `handler` called for every signal that ends a run, inside the block; ignored ones stay ignored."""
    before = {}
    try:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, old)


def ignore_signals() -> None:
    """Let no signal that ends a run do so any more: it is at its end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
