"""A line for paths: what is pasted or dropped is looked at before it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from gpa_mlx_tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.events import Key, Paste


class PathField(Input):
    """A line to type paths into; what is pasted goes on to the screen, whose `on_paste` may put it in here.

    Up and down move in the list below it.
    """

    def on_key(self, event: Key) -> None:
        """Move in the list while typing."""
        if event.key in ("up", "down"):
            rows = self.screen.query_one(Rows)
            (rows.action_cursor_up if event.key == "up" else rows.action_cursor_down)()

    def on_paste(self, event: Paste) -> None:
        """Leave it to the screen."""
        event.prevent_default()  # an Input takes the first line only

    def take(self, text: str) -> None:
        """Put pasted text in, as one line."""
        self.insert_text_at_cursor(" ".join(text.split("\n")).strip())
        self.focus()
