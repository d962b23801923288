"""Running transcriptions as wholes, and the files their text goes to: no two recordings share one."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import SettingsError
from gpa_mlx.transcripts.subtitles import Format

if TYPE_CHECKING:
    from collections.abc import Iterable


Targets: TypeAlias = dict[Format, Path]
"""The files to write for one recording."""


class OutputRegistry:
    """Which recording is written to which files.

    Args:
        recordings: Path and name for messages of each one; nothing may be written over them.
    """

    def __init__(self, recordings: Iterable[tuple[Path, str]]) -> None:
        self._recordings = {_identity(path): label for path, label in recordings}
        self._claimed: dict[str, str] = {}

    def claim(self, label: str, targets: Targets) -> None:
        """Take files for a recording.

        Args:
            label: Its name for messages.
            targets: The files.

        Raises:
            SettingsError: One of them is a recording, or another recording has claimed it; then none is taken.
        """
        taken: dict[str, str] = {}
        for path in targets.values():
            if (identity := _identity(path)) and (recording := self._recordings.get(identity)):
                raise SettingsError(f"{path} is a recording: {recording}.", hint="Write to another file.")
            # As file systems may compare names: without case, and composed characters like decomposed ones.
            key = unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
            if (first := self._claimed.get(key)) is not None:
                raise SettingsError(
                    f"{first} and {label} would both be written to {path}.",
                    hint="Transcribe them one by one, or into different folders.",
                )
            taken[key] = label
        self._claimed |= taken


def targets_in(folder: Path, place: Path, formats: Iterable[Format]) -> Targets:
    """Return the files for one recording in a folder.

    Args:
        folder: Where to write.
        place: What to call the files below the folder, without extension.
        formats: One file each.
    """
    return {kind: folder / place.with_name(f"{place.name}.{kind}") for kind in formats}


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what all names of a file have in common; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
