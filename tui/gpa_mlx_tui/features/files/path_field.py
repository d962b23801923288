"""A line for paths: what is pasted or dropped is looked at before it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual.events import Paste


class PathField(Input):
    """A line to type paths into; what is pasted goes on to the screen, whose `on_paste` may put it in here."""

    def on_paste(self, event: Paste) -> None:
        """Leave it to the screen."""
        event.prevent_default()  # an Input takes the first line only

    def take(self, text: str) -> None:
        """Put pasted text in, as one line."""
        self.insert_text_at_cursor(" ".join(text.split("\n")).strip())
        self.focus()
