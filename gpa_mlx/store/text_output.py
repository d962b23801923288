"""Text files that a user asked for: checked before the work, written whole or not at all.

Pipes, devices and the descriptors of this process have no whole and nothing to replace: they are written to.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.file_names import is_same_file
from gpa_mlx.store.files import real_target, write_atomically

if TYPE_CHECKING:
    from io import FileIO

STANDARD_OUTPUT = 1
"""Its descriptor."""

_DESCRIPTOR_NAMES = {"/dev/stdin": 0, "/dev/stdout": STANDARD_OUTPUT, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(rf"/(?:dev|proc/(?:self|thread-self|{os.getpid()}))/fd/(\d+)")
_MOST_LINKS = 40


def descriptor_of(path: Path) -> int | None:
    """Return the descriptor of this process that a path stands for, as `/dev/stdout` and `/dev/fd/3` do.

    To open such a path anew would begin at the start of the file behind it, and to replace that file would destroy
    what a shell appends to with `>>`.
    """
    name = os.path.abspath(path)  # noqa: PTH100 - resolving would go through to the file
    for _ in range(_MOST_LINKS):
        if name in _DESCRIPTOR_NAMES:
            return _DESCRIPTOR_NAMES[name]
        if match := _DESCRIPTOR.fullmatch(name):
            return int(match[1])
        try:
            name = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(name)))  # noqa: PTH115, PTH118, PTH120
        except (OSError, ValueError):
            break
    return None


def is_stream(path: Path) -> bool:
    """Return whether a path is written to as it is: a descriptor, a pipe or a device of characters."""
    if descriptor_of(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def open_stream(path: Path) -> FileIO:
    """Open what `is_stream` for writing; a descriptor goes on where it is, a pipe waits for its reader.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = descriptor_of(path)
    return open(path if descriptor is None else os.dup(descriptor), "wb", buffering=0)  # noqa: PTH123


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically: after any failure the old file, or none, is there.

    Args:
        path: The file; an existing one is replaced, a symbolic link is followed. What `is_stream` is written to.
        text: Its content; line ends stay as they are.

    Raises:
        GPAError: Nothing can be written there.
    """
    if is_stream(path):
        _write_to_stream(path, text.encode())
        return
    if not path.parent.is_dir():
        raise unwritable(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    try:
        write_atomically(path, text)
    except OSError as error:
        raise unwritable(path, error) from error


def _write_to_stream(path: Path, content: bytes) -> None:
    try:
        with open_stream(path) as stream:
            rest = memoryview(content)
            while rest:
                rest = rest[stream.write(rest) or 0 :]
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> GPAError:
    """Return the error for an output that cannot be written."""
    return GPAError(
        f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
    )


def require_replaceable(path: Path, *others: Path) -> None:
    """Refuse a text file that cannot be written, so that no work is lost at the end.

    Args:
        path: The file.
        others: Files that must survive; they need not exist yet.

    Raises:
        SettingsError: One of the others.
        GPAError: Nothing can be written there.
    """
    if any(is_same_file(path, other) for other in others):
        raise SettingsError(f"{path} is needed for something else.", hint="Write to another file.")
    if _is_known_place(path):
        return
    try:
        # Asking the permission bits is not enough: the file system may be full or read-only.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise unwritable(path, error) from error


def append_text(path: Path, text: str) -> None:
    """Add a text to a UTF-8 file, on lines of its own, and have it on disk.

    Args:
        path: The file; made if there is none. What `is_stream` is written to.
        text: The text, with or without a line end of its own.

    Raises:
        GPAError: It cannot be written.
    """
    content = (text.rstrip("\n") + "\n").encode()
    if is_stream(path):
        _write_to_stream(path, content)
        return
    try:
        with real_target(path).open("a+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    content = b"\n" + content
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def require_appendable(path: Path) -> None:
    """Refuse a file that `append_text` cannot add to.

    Args:
        path: The file; it need not exist yet, and is not made.

    Raises:
        GPAError: Nothing can be written there.
    """
    if _is_known_place(path):
        return
    try:
        target = real_target(path)
        if target.exists():
            target.open("ab").close()
        else:
            with tempfile.TemporaryFile(dir=target.parent):
                pass
    except OSError as error:
        raise unwritable(path, error) from error


def _is_known_place(path: Path) -> bool:
    """Return whether a path `is_stream`, which needs no trial.

    Raises:
        GPAError: It is something else that is no file.
    """
    if is_stream(path):
        return True
    if path.exists() and not path.is_file():
        raise GPAError(f"{path} is not a regular file.", hint="Choose another place for the output.")
    return False
