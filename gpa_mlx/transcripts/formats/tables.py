"""One line per segment: plain text, a table, and Audacity's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.transcripts.cues import make_cues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.transcripts.cues import Layout, TimedText
    from gpa_mlx.types import EmptyReason


def plain_text(segments: Iterable[TimedText], layout: Layout | None, empty_reason: EmptyReason | None = None) -> str:
    """Return the text alone."""
    return "".join(f"{cue.labelled_lines[0]}\n" for cue in make_cues(segments))


def tab_separated(segments: Iterable[TimedText], layout: Layout | None, empty_reason: EmptyReason | None = None) -> str:
    """Return start and end in milliseconds and the text, under a line of headings, as openai-whisper writes them.

    Where channels were transcribed apart, a fourth column names them.
    """
    cues = make_cues(segments)
    if all(cue.channel is None for cue in cues):
        rows = (f"{cue.start_ms}\t{cue.end_ms}\t{cue.lines[0]}\n" for cue in cues)
        return "start\tend\ttext\n" + "".join(rows)
    rows = (f"{cue.start_ms}\t{cue.end_ms}\t{cue.lines[0]}\t{cue.channel or ''}\n" for cue in cues)
    return "start\tend\ttext\tchannel\n" + "".join(rows)


def audacity_labels(
    segments: Iterable[TimedText], layout: Layout | None, empty_reason: EmptyReason | None = None
) -> str:
    """Return a label track of Audacity: start and end in seconds with six decimals, and the text, without headings."""
    cues = make_cues(segments)
    return "".join(f"{cue.start_ms / 1000:.6f}\t{cue.end_ms / 1000:.6f}\t{cue.labelled_lines[0]}\n" for cue in cues)
