"""Files that are whole or absent, and folders that one process changes at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL_PREFIX = ".partial-"


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that, whatever happens, the old or the new content is there, never a part of it.

    Args:
        path: The file; its folder is made if needed. Of a link, the file it leads to is replaced.
        content: Text is written as UTF-8.

    Raises:
        OSError: Nothing can be written there; the old file is as it was.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: the target's name plus a suffix can be longer than the file system allows.
    partial = target.parent / f"{_PARTIAL_PREFIX}{secrets.token_hex(8)}"
    try:
        # Inside the block: an interrupt right after the file was made must remove it as well.
        with partial.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def sweep_partials(folder: Path) -> None:
    """Remove what writers left in a folder when they were killed; nobody may be writing there."""
    for partial in folder.glob(f"{_PARTIAL_PREFIX}*"):
        partial.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; others wait. A process that dies lets go.

    Args:
        folder: Made if needed; gets a file `.lock`.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_locked(folder: Path) -> bool:
    """Return whether somebody holds a folder, as `locked` does.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
