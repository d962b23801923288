"""Lines without any colour, as the variable `NO_COLOR` asks for: what colours say is said with reverse and dim.

Textual's own answer is greys, which are colour codes to a terminal, and of the app's choice instead of the user's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

if TYPE_CHECKING:
    from rich.segment import Segment

_LIT = 0.15
"""From the screen's background so much brighter, or darker, is a cursor, a selection or the chosen tab."""

_FAINT = 0.45
"""Text with less contrast than that, in brightness, is beside the point."""

_REVERSE, _DIM = Style(reverse=True), Style(dim=True)


class Colourless(LineFilter):
    """Takes all colours out.

    Args:
        background: Of the screen; what is much unlike it is drawn in reverse.
    """

    def __init__(self, background: Color) -> None:
        super().__init__()
        self._background = background.brightness

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments, with attributes alone."""
        return [
            segment
            if segment.style is None
            else segment._replace(style=_without_colour(segment.style, self._background))
            for segment in segments
        ]


@lru_cache(1024)
def _without_colour(style: Style, screen: float) -> Style:
    plain = style.without_color
    if style.bgcolor is None or plain.reverse:
        return plain
    behind = Color.from_rich_color(style.bgcolor).brightness
    if abs(behind - screen) > _LIT:
        return plain + _REVERSE
    if style.color is not None and abs(Color.from_rich_color(style.color).brightness - behind) < _FAINT:
        return plain + _DIM
    return plain
