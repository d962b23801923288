"""The key that pastes: which one has the letter "v" depends on the layout of the keyboard.

`python -m gpa_mlx.runtime.macos.keyboard_layout` writes its code. Input sources may be asked on the main thread of a
process only (elsewhere the system ends the process), so programs with threads ask a process of its own.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import TYPE_CHECKING

from gpa_mlx.runtime.macos.frameworks import Framework, load_framework, released

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ANSI_V = 9
"""`kVK_ANSI_V`: the place of the key on most keyboards."""

_CODES = range(128)
_COMMAND = 1
"""The state of the modifiers in which the letter counts: some layouts are another one while Command is held."""

_DISPLAY = 3
"""`kUCKeyActionDisplay`."""

_NO_DEAD_KEYS = 1
_MOST_UNITS = 4
_TIMEOUT_S = 5.0


def paste_key_code(load: Callable[[str], Framework] = load_framework) -> int:
    """Return the code of the key with "v" in the current layout that has Latin letters; for the main thread.

    A Russian, Hebrew or Korean layout has none; macOS then uses the last Latin one for shortcuts, and so does this.

    Args:
        load: Loads a framework.

    Returns:
        `ANSI_V` where the system does not say.
    """
    try:
        return _key_code("v", load("Carbon"), load("CoreFoundation"))
    except (OSError, AttributeError, ValueError):
        return ANSI_V


def asked_key_code(
    command: Sequence[str] = (sys.executable, "-m", "gpa_mlx.runtime.macos.keyboard_layout"),
) -> int:
    """Return `paste_key_code` of a process of its own; `ANSI_V` where that fails."""
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed list
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
        code = int(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ANSI_V
    return code if code in _CODES else ANSI_V


def _key_code(letter: str, carbon: Framework, core: Framework) -> int:
    pointer = ctypes.c_void_p
    copy = carbon.function("TISCopyCurrentASCIICapableKeyboardLayoutInputSource", pointer)
    read = carbon.function("TISGetInputSourceProperty", pointer, pointer, pointer)
    with released(core, copy()) as source:
        data = read(source, carbon.constant("kTISPropertyUnicodeKeyLayoutData"))
        if not data:
            raise OSError("the layout has no table")
        layout = core.function("CFDataGetBytePtr", pointer, pointer)(data)
        return next((code for code in _CODES if _typed(carbon, layout, code) == letter), ANSI_V)


def _typed(carbon: Framework, layout: int, code: int) -> str:
    """Return what a key types while Command is held."""
    keyboard = carbon.function("LMGetKbdType", ctypes.c_uint8)()
    translate = carbon.function(
        "UCKeyTranslate",
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint16,
        ctypes.c_uint16,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
        ctypes.c_ulong,
        ctypes.POINTER(ctypes.c_ulong),
        ctypes.POINTER(ctypes.c_uint16),
    )
    dead, length, units = ctypes.c_uint32(), ctypes.c_ulong(), (ctypes.c_uint16 * _MOST_UNITS)()
    status = translate(
        layout,
        code,
        _DISPLAY,
        _COMMAND,
        keyboard,
        _NO_DEAD_KEYS,
        ctypes.byref(dead),
        _MOST_UNITS,
        ctypes.byref(length),
        units,
    )
    return "".join(map(chr, units[: length.value])).lower() if status == 0 else ""


if __name__ == "__main__":
    sys.stdout.write(f"{paste_key_code()}\n")
