"""Room on a disk."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from gpa_mlx.runtime.macos.purgeable_space import space_for_important_use
from gpa_mlx.text.quantities import readable_size


def free_bytes(
    place: Path,
    *,
    platform: str = sys.platform,
    purgeable: Callable[[Path], int] = space_for_important_use,
) -> int:
    """Return the bytes that can be written, with what macOS gives up for them.

    Args:
        place: A file or folder, which need not be there yet.
        platform: As `sys.platform`.
        purgeable: Asks macOS; it knows nothing of network disks and the like, and says 0 there.
    """
    folder = next(parent for parent in (place.absolute(), *place.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    return max(free, purgeable(folder)) if platform == "darwin" else free


def space_warning(place: Path, needed: int, what: str) -> str:
    """Return what to say when the disk seems too small, empty if it is not.

    It is said and not refused: what counts as free is the system's guess, and it may make room while the work goes on.
    A disk that really is full ends the work with a message of its own, and nothing half-written is left.

    Args:
        place: Where it goes.
        needed: Bytes.
        what: Is written, in a few words.
    """
    free = free_bytes(place)
    if free >= needed:
        return ""
    return f"{what} needs {readable_size(needed)}, and only {readable_size(free)} are free at {place}; it is tried"
