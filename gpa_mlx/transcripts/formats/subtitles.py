"""Subtitles: SubRip and WebVTT, laid out as openai-whisper's tools do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.transcripts.cues import make_cues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.transcripts.cues import Cue, Layout, TimedText
    from gpa_mlx.types import EmptyReason

_VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def subrip(segments: Iterable[TimedText], layout: Layout | None, empty_reason: EmptyReason | None = None) -> str:
    """Return a SubRip file of segments."""
    return write_srt(make_cues(segments, layout))


def webvtt(segments: Iterable[TimedText], layout: Layout | None, empty_reason: EmptyReason | None = None) -> str:
    """Return a WebVTT file of segments."""
    return write_vtt(make_cues(segments, layout))


def write_srt(cues: Iterable[Cue]) -> str:
    """Return a SubRip file of cues; its times always have hours, and a comma before the milliseconds."""
    return "".join(
        f"{number}\n{_timestamp(cue.start_ms)} --> {_timestamp(cue.end_ms)}\n" + "\n".join(cue.labelled_lines) + "\n\n"
        for number, cue in enumerate(cues, start=1)
    )


def write_vtt(cues: Iterable[Cue]) -> str:
    """Return a WebVTT file of cues; its times have hours where there are any, a point before the milliseconds."""
    return "WEBVTT\n\n" + "".join(
        f"{_short_timestamp(cue.start_ms)} --> {_short_timestamp(cue.end_ms)}\n"
        + ("" if cue.channel is None else f"<v {cue.channel}>")
        + "\n".join(line.translate(_VTT_ESCAPES) for line in cue.lines)
        + "\n\n"
        for cue in cues
    )


def _timestamp(time_ms: int) -> str:
    hours, rest = divmod(time_ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02},{rest % 1000:03}"


def _short_timestamp(time_ms: int) -> str:
    return _timestamp(time_ms).replace(",", ".").removeprefix("00:")
