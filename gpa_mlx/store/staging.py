"""A directory that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from gpa_mlx.errors import SettingsError
from gpa_mlx.store.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PARTIAL = "partial"
_OLD = "old"


def check_destination(destination: Path, *, force: bool) -> None:
    """Refuse to write over anything that must stay.

    Args:
        destination: Where the result goes, resolved.
        force: Whether an existing converted model may be replaced.

    Raises:
        SettingsError: The destination exists and may not be replaced.
    """
    if not destination.exists():
        return
    if not force:
        raise SettingsError(f"{destination} exists.", hint="Choose another destination, or replace it with --force.")
    if not destination.is_dir() or (any(destination.iterdir()) and not (destination / MANIFEST_NAME).is_file()):
        raise SettingsError(
            f"{destination} is not a converted model, and --force replaces nothing else.",
            hint="Choose another destination.",
        )


def recover(destination: Path) -> None:
    """Clean up after conversions that were killed: remove their partial results, put an old model back in its place."""
    for left in _siblings(destination, _OLD):
        if destination.exists():
            shutil.rmtree(left)
        else:
            left.rename(destination)
    for left in _siblings(destination, _PARTIAL):
        shutil.rmtree(left)


@contextlib.contextmanager
def staged(destination: Path, *, replace: bool) -> Iterator[Path]:
    """Provide a temporary sibling of `destination` that takes its place when the block ends without an exception.

    At every moment the destination is the whole old directory, the whole new one, or absent: an old one is moved
    aside first and removed last. After an exception the sibling is removed and the destination is what it was.

    Args:
        destination: Directory to create.
        replace: Whether a directory that is there by then may be replaced.

    Raises:
        OSError: The files cannot be written, or the destination is there and may not be replaced.
    """
    partial = _sibling(destination, _PARTIAL)
    partial.mkdir(parents=True)
    try:
        yield partial
        for folder in (partial, *(entry for entry in partial.rglob("*") if entry.is_dir())):
            _sync(folder)
        if replace and destination.exists():
            _exchange(partial, destination)
        else:
            partial.rename(destination)
            _sync(destination.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exchange(partial: Path, destination: Path) -> None:
    old = _sibling(destination, _OLD)
    try:
        destination.rename(old)
        partial.rename(destination)
    except BaseException:
        if old.exists() and not destination.exists():
            old.rename(destination)
        raise
    _sync(destination.parent)
    shutil.rmtree(old)


def _sibling(destination: Path, role: str) -> Path:
    return destination.with_name(f".{destination.name}.{role}-{os.getpid()}")


def _siblings(destination: Path, role: str) -> list[Path]:
    """Return what processes that no longer run have left behind."""
    prefix = f".{destination.name}.{role}-"
    if not destination.parent.is_dir():
        return []
    found = [entry for entry in destination.parent.iterdir() if entry.name.startswith(prefix)]
    return [entry for entry in found if not _is_running(entry.name.removeprefix(prefix))]


def _is_running(pid: str) -> bool:
    if not pid.isdecimal():
        return True
    # Our own number on a leftover is a dead process's: containers give the same one to every run.
    if int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
