"""The audio tracks of a file, as `ffprobe` lists them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One audio track.

    Attributes:
        number: For people: 1 for the first audio track.
        index: For ffmpeg: its number among all streams.
        language: Three letters; empty when unknown.
        title: Empty when it has none.
        is_default: The file asks for it to be played.
        is_extra: A comment, or a description for those who cannot see.
        duration_s: None when the file does not say.
    """

    number: int
    index: int
    language: str = ""
    title: str = ""
    is_default: bool = False
    is_extra: bool = False
    duration_s: float | None = None

    def describe(self) -> str:
        """Return it in a few words: `2 (deu, "Commentary", default)`."""
        words = [self.language, f'"{self.title}"' if self.title else "", "default" if self.is_default else ""]
        known = ", ".join(word for word in words if word)
        return f"{self.number} ({known})" if known else f"{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What is in a file.

    Attributes:
        tracks: The audio tracks, in the order of the file.
        has_video: There are pictures.
        format_names: ffmpeg's names of its format.
        start_s: When the first of all streams starts.
        duration_s: Of the whole; None when unknown.
        score: How certain ffmpeg is of the format, 0 to 100.
    """

    tracks: tuple[Track, ...]
    has_video: bool
    format_names: frozenset[str]
    start_s: float
    duration_s: float | None
    score: int

    def by_preference(self) -> tuple[Track, ...]:
        """Return the tracks in the order in which they are wanted: the default one first, comments last."""
        return tuple(sorted(self.tracks, key=lambda track: (track.is_extra, not track.is_default, track.number)))


def parse_media(output: bytes) -> Media | None:
    """Return what `ffprobe -of json -show_format -show_streams` printed; None when that is no such thing."""
    try:
        found = json.loads(output)
        streams, form = found["streams"], found["format"]
        tracks: list[Track] = []
        has_video = False
        for stream in streams:
            kind, disposition = stream.get("codec_type"), stream.get("disposition", {})
            if kind == "video":
                has_video = has_video or not disposition.get("attached_pic")
            if kind == "audio":
                tags = {str(name).lower(): value for name, value in stream.get("tags", {}).items()}
                language = _line(tags.get("language"))
                tracks.append(
                    Track(
                        number=len(tracks) + 1,
                        index=int(stream["index"]),
                        language="" if language == "und" else language,
                        title=_line(tags.get("title")),
                        is_default=bool(disposition.get("default")),
                        is_extra=bool(disposition.get("comment") or disposition.get("visual_impaired")),
                        duration_s=_seconds(stream.get("duration")),
                    )
                )
        return Media(
            tracks=tuple(tracks),
            has_video=has_video,
            format_names=frozenset(str(form.get("format_name", "")).split(",")),
            start_s=_seconds(form.get("start_time")) or 0.0,
            duration_s=_seconds(form.get("duration")),
            score=int(form.get("probe_score", 100)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) else None


def _line(value: object) -> str:
    """Return a tag as part of a line: files come from strangers."""
    text = "".join(letter for letter in str(value or "") if letter.isprintable()).replace('"', "'").strip()
    return text if len(text) <= 60 else text[:59] + "…"
