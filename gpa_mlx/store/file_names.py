"""Which names mean the same file: macOS compares them without case, and composed characters like decomposed ones."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TypeAlias

Spelling: TypeAlias = tuple[str, tuple[int, int] | None]
"""A path, as `same_spelling` tells it from others."""


def name_key(name: str) -> str:
    """Return what all spellings of a name have in common that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def file_id(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return what all names of a file have in common; None where there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def is_same_file(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> bool:
    """Return whether two names lead to one file, as the file system has it; a file that is not there has its folder."""
    return _place(Path(first)) == _place(Path(second))


def lies_in(path: Path, folder: Path) -> bool:
    """Return whether a file or folder is a folder, or lies below it, however both are spelled."""
    real = Path(os.path.realpath(path))
    return any(is_same_file(place, folder) for place in (real, *real.parents))


def same_spelling(path: str) -> Spelling:
    """Return a key that two paths share if they differ in spelling only and are one file.

    Names that mean the same file in other ways, such as links, keep keys of their own.
    """
    place = os.path.abspath(path)  # noqa: PTH100 - a link is not followed
    found = file_id(place)
    return (place, None) if found is None else (name_key(place), found)


def _place(path: Path) -> tuple[tuple[int, int] | None, str]:
    real = Path(os.path.realpath(path))
    if (found := file_id(real)) is not None:
        return found, ""
    folder = file_id(real.parent)
    return (folder, str(real)) if folder is None else (folder, real.name)
