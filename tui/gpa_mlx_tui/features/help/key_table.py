"""What keys do, with their names for the settings file."""

from __future__ import annotations

from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from gpa_mlx_tui.bindings import shown_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size

    from gpa_mlx_tui.bindings import Key

_KEY_WIDTH, _NAME_WIDTH = 15, 20
_LEAST_WIDTH, _GAP = 10, 2


class KeyTable(Widget):
    """A row for each key, with as many lines as its sentence needs; only those in sight are drawn.

    Args:
        keys: What it lists.
    """

    DEFAULT_CSS = "KeyTable { height: auto; max-width: 111; }"

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = tuple(keys)
        self._width = 0
        self._lines: list[tuple[str, str, str]] = []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines."""
        return len(self._laid_out(width))

    def render_line(self, y: int) -> Strip:
        """Draw one line: key, sentence, name."""
        lines = self._laid_out(self.size.width)
        style = self.rich_style
        if y >= len(lines):
            return Strip.blank(self.size.width, style)
        key, about, name = lines[y]
        gap = Segment(" " * _GAP, style)
        segments = (
            [Segment(key.ljust(_KEY_WIDTH), style + Style(bold=True)), gap]
            if key
            else [Segment(" " * (_KEY_WIDTH + _GAP), style)]
        )
        segments += [
            Segment(about.ljust(_about_width(self.size.width)), style),
            gap,
            Segment(name.ljust(_NAME_WIDTH), style + Style(dim=True) if name else style),
        ]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def _laid_out(self, width: int) -> list[tuple[str, str, str]]:
        """Return the three cells of each line."""
        if width != self._width:
            widths = (_KEY_WIDTH, _about_width(width), _NAME_WIDTH)
            self._width, self._lines = width, []
            for row in self._keys:
                texts = (shown_key(row.key), row.tooltip, row.id)
                cells = (wrap(text, room, break_on_hyphens=False) for text, room in zip(texts, widths, strict=True))
                self._lines += [(key, about, name) for key, about, name in zip_longest(*cells, fillvalue="")]
        return self._lines


def _about_width(width: int) -> int:
    return max(width - _KEY_WIDTH - _NAME_WIDTH - 2 * _GAP, _LEAST_WIDTH)
