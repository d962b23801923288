"""A table that fits its width: columns of fixed widths, and columns that share the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip
from textual.widgets import DataTable

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Resize

_GAP = 2
_SCROLLBAR = 1
_LEAST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: At its top.
        width: In cells; 0: a share of what is left.
        share: How large that is, compared with the others that share.
    """

    title: str
    width: int = 0
    share: int = 1


class Rows(DataTable[Text]):
    """Shows rows of plain text, cut to the width; one of them is chosen.

    Args:
        columns: From left to right.
        note: What to say while there are no rows.
        id: Of the widget.
    """

    COMPONENT_CLASSES = {"rows--note"}  # noqa: RUF012
    DEFAULT_CSS = """
    Rows { scrollbar-size-vertical: 1; .rows--note { color: $foreground 70%; } }
    """

    def __init__(self, columns: Sequence[Column], *, note: str = "", id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._columns_wanted = tuple(columns)
        self._note = note
        self._shown: dict[str, tuple[str, ...]] = {}
        self._widths: list[int] = []

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
        names = [str(index) for index in range(len(self._columns_wanted))]
        for key, cells in wanted.items():
            for name, cell, old, width in zip(names, cells, self._shown[key], self._widths, strict=True):
                if cell != old:
                    self.update_cell(key, name, self._cut(cell, width))
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
            for index, (column, width) in enumerate(zip(self._columns_wanted, widths, strict=True)):
                self.add_column(Text(column.title), key=str(index), width=width)
            self._fill(chosen, before)

    def render_line(self, y: int) -> Strip:
        """Draw one row of cells, or the note."""
        strip = super().render_line(y)
        lines = self._note.splitlines()
        if self._shown or not 2 <= y < 2 + len(lines):
            return strip
        width = self.size.width
        style = self.get_component_rich_style("rows--note")
        return Strip([Segment(set_cell_size(f" {lines[y - 2]}", width), style)], width)

    def _fill(self, chosen: str | None, before: int) -> None:
        if not self._widths:
            return
        self.clear()
        for key, cells in self._shown.items():
            self.add_row(*map(self._cut, cells, self._widths), key=key)
        keys = list(self._shown)
        if keys:
            row = keys.index(chosen) if chosen in self._shown else min(max(before, 0), len(keys) - 1)
            self.move_cursor(row=row)

    def _fitting(self, width: int) -> list[int]:
        wanted = self._columns_wanted
        rest = width - _SCROLLBAR - sum(column.width for column in wanted) - _GAP * len(wanted)
        shares = sum(column.share for column in wanted if not column.width) or 1
        return [column.width or max(rest * column.share // shares, _LEAST) for column in wanted]

    def _cut(self, cell: str, width: int) -> Text:
        words = " ".join(cell.split())
        if cell_len(words) > width:
            more = symbols_of(self.app).ellipsis
            words = set_cell_size(words, max(width - cell_len(more), 0)).rstrip() + more
        return Text(words, no_wrap=True, end="")
