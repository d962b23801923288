"""What is known of a voice, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from gpa_mlx_tui.features.voice.listed_voice import describe
from gpa_mlx_tui.widgets.button import Button

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from gpa_mlx_tui.features.voice.listed_voice import ListedVoice


class KeptPanel(Vertical):
    """Shows one voice that is kept or built in.

    Args:
        id: Of the widget.
    """

    def compose(self) -> ComposeResult:
        """Lay out the facts and the buttons."""
        yield Static(id="name", classes="heading", markup=False)
        with VerticalScroll(id="facts", can_focus=False):
            yield Static(id="about")
        with Horizontal(classes="row"):
            yield Button("Copy card", id="copy", action="screen.copy")
            yield Button("Export", id="export", action="screen.export")
            yield Button("Rename", id="rename", action="screen.rename")
            yield Button("Remove", id="remove", action="screen.remove")

    def show(self, voice: ListedVoice) -> None:
        """Show this voice."""
        rows = [
            Content.from_markup("[b]$label[/b] $text", label=label, text=text) if label else Content(text)
            for label, text in describe(voice)
        ]
        self.query_one("#name", Static).update(voice.name)
        self.query_one("#about", Static).update(Content("\n").join(rows))
        for selector, is_enabled in (
            ("#copy", voice.voice is not None),
            ("#export", voice.voice is not None),
            ("#rename", voice.kind == "kept" and voice.voice is not None),
            ("#remove", voice.kind == "kept"),
        ):
            self.query_one(selector, Button).disabled = not is_enabled
