"""Space on a disk of macOS, with what the system gives up by itself for something important.

Local snapshots of Time Machine and files that are in iCloud as well fill most of what seems full; `statvfs` counts them
as used.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from gpa_mlx.runtime.macos.frameworks import Framework, load_framework, released

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KEY = "kCFURLVolumeAvailableCapacityForImportantUsageKey"
_SINT64 = 4
"""`kCFNumberSInt64Type`."""


def space_for_important_use(
    folder: Path, platform: str = sys.platform, load: Callable[[str], Framework] = load_framework
) -> int:
    """Return the bytes that macOS would make room for; 0 where it does not say, as for disks that are not its own.

    Args:
        folder: Is there.
        platform: As `sys.platform`.
        load: Loads a framework.
    """
    if platform != "darwin":
        return 0
    try:
        return _space(os.fsencode(folder), load("CoreFoundation"))
    except (OSError, AttributeError, ValueError):
        return 0


def _space(path: bytes, core: Framework) -> int:
    pointer = ctypes.c_void_p
    make_url = core.function(
        "CFURLCreateFromFileSystemRepresentation", pointer, pointer, ctypes.c_char_p, ctypes.c_long, ctypes.c_ubyte
    )
    copy = core.function(
        "CFURLCopyResourcePropertyForKey", ctypes.c_ubyte, pointer, pointer, ctypes.POINTER(pointer), pointer
    )
    number, value = ctypes.c_void_p(), ctypes.c_int64()
    with released(core, make_url(None, path, len(path), 1)) as url:
        if not copy(url, core.constant(_KEY), ctypes.byref(number), None):
            raise OSError("the volume does not say")
    with released(core, number.value or 0) as found:
        read = core.function("CFNumberGetValue", ctypes.c_ubyte, pointer, ctypes.c_long, pointer)
        read(found, _SINT64, ctypes.byref(value))
    return max(value.value, 0)
