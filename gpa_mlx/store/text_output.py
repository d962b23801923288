"""Text files that a user asked for: checked before the work, written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically: after any failure the old file, or none, is there.

    Args:
        path: The file; an existing one is replaced, a symbolic link is followed.
        text: Its content; line ends stay as they are.

    Raises:
        GPAError: Nothing can be written there.
    """
    if not path.parent.is_dir():
        raise unwritable(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    try:
        write_atomically(path, text)
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
    if os.path.realpath(path) in map(os.path.realpath, others):
        raise SettingsError(f"{path} is needed for something else.", hint="Write to another file.")
    if path.exists() and not path.is_file():
        raise GPAError(f"{path} is not a regular file.", hint="Choose another place for the output.")
    try:
        # Asking the permission bits is not enough: the file system may be full or read-only.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise unwritable(path, error) from error
