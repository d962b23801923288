"""The text that comes while somebody speaks, or while a file is written down: its newest words stay in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from gpa_mlx_tui.themes import symbols_of

if TYPE_CHECKING:
    from textual.app import ComposeResult

_SHOWN_CHARACTERS = 2000
"""More than fits; laying out an hour of text for each new word would take longer than the word."""


class LiveText(VerticalScroll, can_focus=False):
    """A few lines that follow their end."""

    DEFAULT_CSS = "LiveText { height: auto; max-height: 5; }"

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield Static(id="live")

    def on_mount(self) -> None:
        """Stay at the end."""
        self.anchor()

    def show(self, confirmed: str, unconfirmed: str = "") -> None:
        """Show the text so far.

        Args:
            confirmed: Stays, most likely.
            unconfirmed: Follows it, and may still change.
        """
        ellipsis = symbols_of(self.app).ellipsis
        if len(confirmed) > _SHOWN_CHARACTERS:
            confirmed = f"{ellipsis}{confirmed[-_SHOWN_CHARACTERS:]}"
        guess = f" {unconfirmed}{ellipsis}" if unconfirmed else ""
        self.query_one("#live", Static).update(
            Content.from_markup("$confirmed[italic dim]$guess[/]", confirmed=confirmed, guess=guess)
        )
