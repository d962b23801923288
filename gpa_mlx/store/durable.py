"""What was written, on the disk itself.

`fsync` of macOS hands it to the drive, which may keep it in its own memory for seconds and forget it when the power
fails; `F_FULLFSYNC` makes the drive write it. That takes long enough not to be done for every block.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable

_FULL_FSYNC = 51
"""`F_FULLFSYNC`, which the module `fcntl` has on macOS only."""


def flush_drive(
    descriptor: int, platform: str = sys.platform, control: Callable[[int, int], object] = fcntl.fcntl
) -> None:
    """Write a file's content through to its disk.

    Args:
        descriptor: Of the file.
        platform: As `sys.platform`.
        control: As `fcntl.fcntl`.

    Raises:
        OSError: It cannot be written.
    """
    if platform == "darwin":
        try:
            control(descriptor, _FULL_FSYNC)
        except OSError:  # network disks and many foreign file systems refuse: ENOTSUP, ENOTTY or EINVAL
            pass
        else:
            return
    os.fsync(descriptor)
