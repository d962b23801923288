"""Running transcriptions as wholes, and the files their text goes to: no two recordings share one."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.joining import join_segments
from gpa_mlx.transcripts.subtitles import Format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.types import FinishReason, Segment, Timings, Transcription, TranscriptionChunk

Targets: TypeAlias = dict[Format, Path]
"""The files to write for one recording."""


@dataclass(slots=True)
class TranscriptCollector:
    """What has come of a running transcription; at every moment as good as if it ended there.

    Attributes:
        segments: Those that are complete.
        position_s: How far the recording has been worked through, in seconds.
        finish_reason: `cancelled` until the last chunk has come.
        timings: None until the last chunk has come.
    """

    segments: list[Segment] = field(default_factory=list)
    position_s: float = 0.0
    finish_reason: FinishReason = "cancelled"
    timings: Timings | None = None

    def take(self, chunk: TranscriptionChunk) -> None:
        """Add the next chunk."""
        self.position_s = chunk.start_s if chunk.segment is None else chunk.segment.end_s
        if chunk.segment is not None:
            self.segments.append(chunk.segment)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.timings = chunk.timings or self.timings

    def result(self) -> Transcription:
        """Return what there is."""
        from gpa_mlx.types import Timings, Transcription  # NumPy, 0.1 s

        return Transcription(
            text=join_segments(segment.text for segment in self.segments),
            segments=tuple(self.segments),
            finish_reason=self.finish_reason,
            timings=self.timings or Timings(),
        )


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
