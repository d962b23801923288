"""Single keys of the terminal, read as they are pressed; the one place that changes the terminal's mode."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

ENTER = "\r"
SPACE = " "
ESCAPE = "\x1b"


class Keys:
    """The keyboard, while this context manager is open; Ctrl-C stays what it is.

    The terminal is as before when it is left, whatever ends it. Without a terminal there are no keys.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: list[Any] = []

    @staticmethod
    def exist() -> bool:
        """Return whether there is a terminal whose keys can be read."""
        return sys.stdin.isatty()

    def __enter__(self) -> Self:
        if self.exist():
            descriptor = self._descriptor = sys.stdin.fileno()
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            with suppress(termios.error):  # the terminal may be gone
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._descriptor = None

    def read(self, timeout_s: float) -> str:
        """Wait for a key; return it, `ENTER` for both kinds of line ends, or nothing if none was pressed.

        Keys that send several characters, such as arrows, are no keys here.
        """
        if self._descriptor is None:
            select.select([], [], [], timeout_s)
            return ""
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return ""
        pressed = os.read(self._descriptor, 64).decode(errors="ignore")
        if len(pressed) > 1 and pressed.startswith(ESCAPE):
            return ""
        return ENTER if pressed[:1] == "\n" else pressed[:1]
