"""Whether the terminal's background is light: asked with OSC 11, else read from COLORFGBG, else taken to be dark."""

from __future__ import annotations

import os
import re
import select
import termios
import time
import tty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASK = b"\x1b]11;?\x1b\\\x1b[c"
"""The colour, then what every terminal answers (DA1): one that does not know the first need not be waited for."""

_BACKGROUND = re.compile(rb"\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_LAST_ANSWER = re.compile(rb"\x1b\[\?[0-9;]*c")
_WAIT_S = 0.25
_LIGHT = 0.5
_LIGHT_COLOURS = {"7", "9", "10", "11", "12", "13", "14", "15"}


def has_light_background(terminal: int, environ: Mapping[str, str]) -> bool:
    """Return whether dark letters can be read there; a terminal that does not answer within 0.25 s has a dark one.

    Args:
        terminal: Descriptor that is read from and written to; nobody else may read meanwhile.
        environ: Environment variables.
    """
    answer = _asked(terminal)
    if match := _BACKGROUND.search(answer):
        red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue > _LIGHT
    return environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT_COLOURS


def _asked(terminal: int) -> bytes:
    try:
        before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal, termios.TCSANOW)
    except (OSError, termios.error):
        return b""
    answer, deadline = b"", time.monotonic() + _WAIT_S
    try:
        os.write(terminal, _ASK)
        while not _LAST_ANSWER.search(answer) and (left_s := deadline - time.monotonic()) > 0:
            if not select.select([terminal], [], [], left_s)[0]:
                break
            answer += os.read(terminal, 1024)
    except OSError:
        pass
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    return answer
