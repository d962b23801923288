"""Cues: what a transcript shows when, in lines that no text format mistakes for anything but text.

No times of single words are known. Where a segment is split into several cues, their times follow from the number of
characters: as if the segment were spoken evenly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.cjk import CJK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPENING = "（〔［｛《〈「『【〖“‘"
_CLOSING = "）〕］｝》〉」』】〗”’，。、；：！？．…—～,.;:!?"
_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ") | {0xFEFF: None}
_ARROW = re.compile("-{2,}>")


class TimedText(Protocol):
    """What cues are made of: `Segment` is one; times in seconds, finite."""

    @property
    def start_s(self) -> float:
        """Where it begins."""
        ...

    @property
    def end_s(self) -> float:
        """Where it ends."""
        ...

    @property
    def text(self) -> str:
        """Its words, as they come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What is shown at one time.

    Attributes:
        start_ms: From when, at least 0.
        end_ms: Until when, after `start_ms`.
        lines: At least one; none empty, none with a line break, a tab or `-->` in it.
        channel: What the channel of the segment is called, see `Segment`; None where channels are not told apart.
    """

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    channel: str | None = None

    @property
    def labelled_lines(self) -> tuple[str, ...]:
        """The lines, the first one after the channel's name, if there is one."""
        return self.lines if self.channel is None else (f"{self.channel}: {self.lines[0]}", *self.lines[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How much one cue shows. It matters to SubRip and WebVTT only.

    Attributes:
        max_line_width: Most characters of a line; None leaves every segment on one line.
        max_line_count: Most lines of a cue; a longer segment becomes several cues. None keeps each segment one cue.

    Raises:
        SettingsError: Not positive, or a number of lines without a width.
    """

    max_line_width: int | None = None
    max_line_count: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("width", self.max_line_width), ("count", self.max_line_count)):
            if value is not None and value < 1:
                raise SettingsError(f"A line {name} of {value} is not possible.", hint="Allow at least 1.")
        if self.max_line_count is not None and self.max_line_width is None:
            raise SettingsError(
                "A maximal number of lines means nothing without a maximal width.", hint="Give the width, too."
            )


def make_cues(segments: Iterable[TimedText], layout: Layout | None = None) -> list[Cue]:
    """Return what is shown when, in order: no cue is empty, and none begins before the last one has ended.

    Cues of different channels may be shown at the same time. A line has room for the channel's name.

    Args:
        segments: In any order; those without text are dropped, those that overlap end where the next one begins.
        layout: How much one cue shows; each segment is one line by default.
    """
    from gpa_mlx.types import Segment  # which imports numpy, and the layout is made for every command's options

    layout = layout or Layout()
    channels: dict[str | None, list[TimedText]] = {}
    for segment in segments:
        channels.setdefault(segment.channel if isinstance(segment, Segment) else None, []).append(segment)
    cues = [cue for channel, spoken in channels.items() for cue in _cues_of(channel, spoken, layout)]
    return sorted(cues, key=lambda cue: cue.start_ms)


def _cues_of(channel: str | None, segments: list[TimedText], layout: Layout) -> list[Cue]:
    if channel is not None and layout.max_line_width is not None:
        layout = replace(layout, max_line_width=max(1, layout.max_line_width - len(f"{channel}: ")))
    pieces = [
        piece for segment in sorted(segments, key=lambda segment: segment.start_s) for piece in _split(segment, layout)
    ]
    cues: list[Cue] = []
    free_ms = 0
    for index, (start_s, end_s, lines) in enumerate(pieces):
        start_ms = max(round(start_s * 1000), free_ms)
        end_ms = round(end_s * 1000)
        if index + 1 < len(pieces):
            end_ms = min(end_ms, round(pieces[index + 1][0] * 1000))
        free_ms = max(end_ms, start_ms + 1)
        cues.append(Cue(start_ms=start_ms, end_ms=free_ms, lines=lines, channel=channel))
    return cues


def _split(segment: TimedText, layout: Layout) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """Yield start and end in seconds, and lines, of the cues that a segment becomes."""
    text = _clean(segment.text)
    if not text:
        return
    lines = [text] if layout.max_line_width is None else _wrap(text, layout.max_line_width)
    count = layout.max_line_count or len(lines)
    characters = sum(map(len, lines))
    per_character_s = max(segment.end_s - segment.start_s, 0.0) / characters
    start_s, done = segment.start_s, 0
    for first in range(0, len(lines), count):
        shown = tuple(lines[first : first + count])
        done += sum(map(len, shown))
        end_s = segment.end_s if done == characters else segment.start_s + done * per_character_s
        yield start_s, end_s, shown
        start_s = end_s


@cache
def _units() -> re.Pattern[str]:
    """Find what a line may end after: a word, or one Chinese character, with the punctuation that belongs to it.

    It is compiled late, because every command imports this module.
    """
    return re.compile(rf"( ?)([{_OPENING}]*(?:[^ {CJK}{_OPENING}]+|[{CJK}{_OPENING}])[{_CLOSING}]*)")


def _wrap(text: str, width: int) -> list[str]:
    """Fill lines with words and Chinese characters; only a word longer than a line is broken."""
    lines: list[str] = []
    line = ""
    for blank, unit in _units().findall(text):
        if line and len(line) + len(blank) + len(unit) <= width:
            line += blank + unit
            continue
        if line:
            lines.append(line)
        whole = (len(unit) - 1) // width * width
        lines.extend(unit[start : start + width] for start in range(0, whole, width))
        line = unit[whole:]
    return [*lines, line]


def _clean(text: str) -> str:
    """Return the text as one line that no format takes for anything but text."""
    return _ARROW.sub("->", " ".join(encodable(text).translate(_CONTROL).split()))


def encodable(text: str) -> str:
    """Return the text with halves of characters, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
