"""Whether the terminal's background is light: asked with OSC 11, else read from COLORFGBG, else taken to be dark."""

from __future__ import annotations

import os
import re
import select
import termios
import time
import tty
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_ASK = b"\x1b]11;?\x1b\\\x1b[c"
"""The colour, then what every terminal answers (DA1): one that does not know the first need not be waited for."""

_BACKGROUND = re.compile(rb"\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_LAST_ANSWER = re.compile(rb"\x1b\[\?[0-9;]*c")
_WAIT_S = 0.25
_LIGHT = 0.5
_LIGHT_COLOURS = {"7", "9", "10", "11", "12", "13", "14", "15"}


class BackgroundQuestion:
    """Asks a terminal for its background while this context manager is open; the answer is read when it is needed.

    Between asking and reading, the program can do what takes longer than any terminal needs to answer.

    Args:
        terminal: Descriptor that is read from and written to; nobody else may read meanwhile.
        environ: Environment variables.
    """

    def __init__(self, terminal: int, environ: Mapping[str, str]) -> None:
        self._terminal, self._environ = terminal, environ
        self._before: list[Any] | None = None
        self._deadline = 0.0

    def __enter__(self) -> Self:
        try:
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal, termios.TCSANOW)
            os.write(self._terminal, _ASK)
        except (OSError, termios.error):
            return self
        self._deadline = time.monotonic() + _WAIT_S
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            with suppress(termios.error):  # the terminal may be gone
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def is_light(self) -> bool:
        """Return whether dark letters can be read there; what has not answered 0.25 s after it was asked is dark."""
        if match := _BACKGROUND.search(self._answer()):
            red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT
        return self._environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT_COLOURS

    def _answer(self) -> bytes:
        answer = b""
        if not self._deadline:
            return answer
        with suppress(OSError):
            while not _LAST_ANSWER.search(answer):
                left_s = max(self._deadline - time.monotonic(), 0.0)
                if not select.select([self._terminal], [], [], left_s)[0]:
                    break
                answer += os.read(self._terminal, 1024)
        return answer
