"""A table that fits its width: columns of fixed widths, and columns that share the rest."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widgets import DataTable

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Resize

_GAP = 2
_SCROLLBAR = 1
_LEAST = 6
_ENOUGH = 10
"""So much at least those that share should have before another column is left out."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: At its top.
        width: In cells; 0: a share of what is left.
        share: How large that is, compared with the others that share.
        drop: Where there is no room, the column of the largest number is left out first; 0: none ever is.
    """

    title: str
    width: int = 0
    share: int = 1
    drop: int = 0


class Rows(DataTable[Text]):
    """Shows rows of plain text, cut to the width; one of them is chosen.

    Args:
        columns: From left to right.
        note: What to say while there are no rows.
        id: Of the widget.

    Attributes:
        note: What to say while there are no rows.
    """

    COMPONENT_CLASSES = {"rows--note"}  # noqa: RUF012
    # Textual's own moves sideways; here there is nothing at the side.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]
    DEFAULT_CSS = """
    Rows { scrollbar-size-vertical: 1; .rows--note { color: $foreground 80%; } }
    """

    def __init__(self, columns: Sequence[Column], *, note: str = "", id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._columns_wanted = tuple(columns)
        self.note = note
        self._shown: dict[str, tuple[str, ...]] = {}
        self._widths: dict[int, int] = {}

    @property
    def chosen(self) -> str | None:
        """Key of the chosen row; None when there is none."""
        keys = list(self._shown)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Show these rows; the chosen one stays chosen as long as it is there.

        Args:
            rows: Key and cells of each.
        """
        wanted = {key: tuple(cells) for key, cells in rows}
        if list(wanted) != list(self._shown) or not self._widths:
            chosen, before = self.chosen, self.cursor_row
            self._shown = wanted
            self._fill(chosen, before)
            return
        for key, cells in wanted.items():
            for index, width in self._widths.items():
                if cells[index] != self._shown[key][index]:
                    self.update_cell(key, str(index), self._cut(cells[index], width))
        self._shown = wanted

    def choose(self, key: str) -> None:
        """Choose a row."""
        if key in self._shown:
            self.move_cursor(row=list(self._shown).index(key))

    def on_resize(self, event: Resize) -> None:
        """Fit the columns."""
        widths = self._fitting(event.size.width)
        if widths != self._widths:
            chosen, before = self.chosen, self.cursor_row
            self._widths = widths
            self.clear(columns=True)
            for index, width in widths.items():
                self.add_column(Text(self._columns_wanted[index].title), key=str(index), width=width)
            self._fill(chosen, before)

    def render_line(self, y: int) -> Strip:
        """Draw one row of cells, or the note."""
        strip = super().render_line(y)
        if self._shown or y < 2:
            return strip
        width = self.size.width
        lines = [part for line in self.note.splitlines() for part in wrap(line, max(width - 1, 1))]
        if y >= 2 + len(lines):
            return strip
        style = self.get_component_rich_style("rows--note")
        return Strip([Segment(set_cell_size(f" {lines[y - 2]}", width), style)], width)

    def _fill(self, chosen: str | None, before: int) -> None:
        if not self._widths:
            return
        self.clear()
        for key, cells in self._shown.items():
            self.add_row(*(self._cut(cells[index], width) for index, width in self._widths.items()), key=key)
        keys = list(self._shown)
        if keys:
            row = keys.index(chosen) if chosen in self._shown else min(max(before, 0), len(keys) - 1)
            self.move_cursor(row=row)

    def _fitting(self, width: int) -> dict[int, int]:
        """Return the columns there is room for, by their indices, and how wide each is."""
        shown = dict(enumerate(self._columns_wanted))
        while True:
            columns = shown.values()
            rest = width - _SCROLLBAR - sum(column.width for column in columns) - _GAP * len(columns)
            sharing = [column for column in columns if not column.width]
            last = max(shown, key=lambda index: shown[index].drop)
            if rest >= _ENOUGH * len(sharing) or not shown[last].drop:
                break
            del shown[last]
        shares = sum(column.share for column in sharing) or 1
        return {index: column.width or max(rest * column.share // shares, _LEAST) for index, column in shown.items()}

    def _cut(self, cell: str, width: int) -> Text:
        words = " ".join(cell.split())
        if cell_len(words) > width:
            more = symbols_of(self.app).ellipsis
            words = set_cell_size(words, max(width - cell_len(more), 0)).rstrip() + more
        return Text(words, no_wrap=True, end="")
