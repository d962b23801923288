"""Files that are whole or absent, and folders that one process changes at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PARTIAL_PREFIX = ".partial-"
_FULL_BYTES = 1 << 20

MAX_RECORD_BYTES = 8 * 2**20
"""Of a config, a manifest or another record. Parsed JSON takes some thirty times the memory of its text."""


def read_limited(path: Path, limit: int = MAX_RECORD_BYTES) -> bytes:
    """Read a whole file that somebody else may have made.

    Args:
        path: The file.
        limit: Most bytes it may have.

    Raises:
        OSError: It cannot be read, is no regular file (a pipe would be waited for) or is larger; `strerror` says so.
    """
    # Without waiting for somebody who writes into it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        content = file.read(limit + 1) if status.st_size <= limit else b""
    if status.st_size > limit or len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than {limit} bytes", str(path))
    return content


def write_atomically(path: Path, content: bytes | str, *, private: bool = False, like: Path | None = None) -> None:
    """Write a file so that, whatever happens, the old or the new content is there, never a part of it.

    Args:
        path: The file; its folder is made if needed. Of a link, the file it leads to is replaced.
        content: Text is written as UTF-8.
        private: Only its owner may read it; so may whoever could read the file that it replaces otherwise.
        like: A file that a new one is as private as; one that is replaced stays as private as it was.

    Raises:
        OSError: Nothing can be written there; the old file is as it was.
    """
    target = real_target(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, content.encode() if isinstance(content, str) else content, private=private, like=like)


def real_target(path: str | os.PathLike[str]) -> Path:
    """Return the file that a path leads to, through links, to be written.

    Raises:
        PermissionError: The path, or a folder on it, is a link that another user has put into a folder which everybody
            may write, such as `/tmp`: it may lead to a file of ours that he wants to be overwritten.
    """
    target = Path(path)
    for place in (target, *target.absolute().parents):
        if place.is_symlink() and _is_foreign(place):
            raise PermissionError(errno.EACCES, "it is a link of another user in a shared folder", str(place))
    return Path(os.path.realpath(target))


def _is_foreign(link: Path) -> bool:
    own, folder = link.lstat(), link.parent.stat()
    is_shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    return bool(is_shared) and own.st_uid not in (os.geteuid(), folder.st_uid)


def replace_file(target: Path, content: bytes | memoryview, *, private: bool = False, like: Path | None = None) -> None:
    """As `write_atomically`, with a target that is no link and whose folder exists."""
    # A name of its own: the target's name plus a suffix can be longer than the file system allows.
    partial = target.parent / f"{_PARTIAL_PREFIX}{secrets.token_hex(8)}"
    try:
        # Inside the block: an interrupt right after the file was made must remove it as well.
        with _open_partial(partial) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if not private:
                partial.chmod(mode_for(target, like))
            partial.replace(target)  # still locked: nobody takes it for what a dead process left
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def make_private(folder: Path) -> None:
    """Make a folder for what somebody said or chose: nobody else may look into it, not even if it is there already.

    Raises:
        OSError: It cannot be made, or belongs to somebody else.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def is_full(folder: Path) -> bool:
    """Return whether a disk has no room left, which other programs do not always name as their problem."""
    return shutil.disk_usage(folder).free < _FULL_BYTES


def sweep_partials(folder: Path) -> None:
    """Remove what writers left in a folder when they were killed; what somebody is writing stays."""
    for partial in folder.glob(f"{_PARTIAL_PREFIX}*"):
        # What cannot be opened or locked is left to its owner.
        with contextlib.suppress(OSError), partial.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            partial.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; others wait. A process that dies lets go.

    What writers left there when they were killed is removed.

    Args:
        folder: Made if needed; gets a file `.lock`.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep_partials(folder)
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


def mode_for(target: Path, like: Path | None = None) -> int:
    """Return the permissions of a file that is written anew: its own so far, those of another, or the usual ones."""
    for known in filter(None, (target, like)):
        with contextlib.suppress(FileNotFoundError):
            return stat.S_IMODE(known.stat().st_mode)
    return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _open_partial(partial: Path) -> BinaryIO:
    """Open a new file that nobody else sweeps away; only its owner may read it."""
    while True:
        file = open(partial, "xb", opener=_private)  # noqa: SIM115 - the caller closes it
        try:
            with contextlib.suppress(OSError):  # not every file system of the network has locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # swept between its birth and its lock


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)
