"""Small panes: screens have classes for them, so that their styles leave out and shorten what matters least."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.widget import Widget

_SHORT_ROWS, _NARROW_COLUMNS = 18, 64


def note_pane_size(screen: Widget, size: Size) -> None:
    """Give a screen the class `-short` or `-narrow` where rows or columns are few.

    Textual's breakpoints name a class for every size: at the usual one all widgets would get their styles once more.
    """
    screen.set_class(size.height < _SHORT_ROWS, "-short")
    screen.set_class(size.width < _NARROW_COLUMNS, "-narrow")
