"""Recordings that must be there before any work begins; light, for front ends that answer at once."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioFileError
from gpa_mlx.text.printable import printable_line

if TYPE_CHECKING:
    from pathlib import Path

_ADDRESS = re.compile(r"((?i:https?|ftps?|rtsp|rtmp)):/+")


def address_error(name: str) -> AudioFileError | None:
    """Return the error for a name that is an address of the web, also as a path writes it; None for all others."""
    if not (match := _ADDRESS.match(name)) or os.path.lexists(name):
        return None
    address = f"{match[1]}://{name[match.end() :]}"
    return AudioFileError(
        f"{printable_line(address)} is an address, and nothing is fetched from the network.",
        hint=f"Download it first, for example with `curl -LO '{address}'` or `yt-dlp -x '{address}'`, and name the "
        "file.",
    )


def require_audio(path: Path) -> Path:
    """Return the path of an existing file.

    Raises:
        AudioFileError: Nothing there, not a file, or an address of the web.
    """
    if path.is_dir():
        raise AudioFileError(f"{path} is a directory.", hint="Give an audio file.")
    if not path.exists():
        raise address_error(str(path)) or missing(path)
    return path


def missing(path: Path) -> AudioFileError:
    """Return the error for a recording that is not there."""
    return AudioFileError(f"{path} does not exist.", hint="Check the path.")
