"""Recordings that must be there before any work begins; light, for front ends that answer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from pathlib import Path


def require_audio(path: Path) -> Path:
    """Return the path of an existing file.

    Raises:
        AudioFileError: Nothing there, or not a file.
    """
    if path.is_dir():
        raise AudioFileError(f"{path} is a directory.", hint="Give an audio file.")
    if not path.exists():
        raise AudioFileError(f"{path} does not exist.", hint="Check the path.")
    return path
