"""Transcript formats, by name: a new one is a function and a line in `FORMATS`, and `--help` lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gpa_mlx.transcripts.formats.document import json_document
from gpa_mlx.transcripts.formats.subtitles import subrip, webvtt
from gpa_mlx.transcripts.formats.tables import audacity_labels, plain_text, tab_separated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gpa_mlx.transcripts.cues import Layout
    from gpa_mlx.types import EmptyReason, Segment

Format: TypeAlias = str
"""The name of a format, a key of `FORMATS`."""


class TranscriptFormat(NamedTuple):
    """One way to write a transcript.

    Attributes:
        write: Returns the content of a file, to be encoded as UTF-8, from the segments, the layout of subtitles, which
            matters to SubRip and WebVTT only (None has one line per segment), and why there is no text, which matters
            to JSON only.
        suffix: What the names of its files end in.
    """

    write: Callable[[Sequence[Segment], Layout | None, EmptyReason | None], str]
    suffix: str


FORMATS: Mapping[Format, TranscriptFormat] = {
    "txt": TranscriptFormat(plain_text, ".txt"),
    "srt": TranscriptFormat(subrip, ".srt"),
    "vtt": TranscriptFormat(webvtt, ".vtt"),
    "tsv": TranscriptFormat(tab_separated, ".tsv"),
    "json": TranscriptFormat(json_document, ".json"),
    "audacity": TranscriptFormat(audacity_labels, ".labels.txt"),
}
"""In the order in which they are listed."""

SUBTITLES: frozenset[Format] = frozenset(("srt", "vtt"))
"""Those that heed the layout."""


def render(
    name: Format,
    segments: Sequence[Segment],
    layout: Layout | None = None,
    empty_reason: EmptyReason | None = None,
) -> str:
    """Return the content of a file in a format, to be encoded as UTF-8."""
    return FORMATS[name].write(segments, layout, empty_reason)


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name ends in, the longest suffix first; None when it says none."""
    base = path.name.lower()
    fitting = [name for name, kind in FORMATS.items() if base.endswith(kind.suffix) and base != kind.suffix]
    return max(fitting, key=lambda name: len(FORMATS[name].suffix), default=None)
