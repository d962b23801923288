"""What the app draws cannot command the terminal, wherever a text came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter

from gpa_mlx.text.printable import is_printable, without_controls

if TYPE_CHECKING:
    from textual.color import Color


class HarmlessText(LineFilter):
    """Takes out what a terminal would obey (`gpa_mlx.text.printable`); it has no width, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return a line without it."""
        if all(segment.control or is_printable(segment.text) for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(without_controls(segment.text), segment.style)
            for segment in segments
        ]
