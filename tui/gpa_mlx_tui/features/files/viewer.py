"""A text to be read, copied and opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.widgets import Label, TextArea

from gpa_mlx_tui.features.files.opening import can_open, open_in_system
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from gpa_mlx_tui.services.messages import TaskEnded


class TextViewer(Dialog[None]):
    """Shows a text; Escape closes it.

    Args:
        title: What it is.
        text: As it is.
        files: Where it is written; the first can be opened in the system's program, if there is one.
    """

    def __init__(self, title: str, text: str, files: Sequence[Path] = ()) -> None:
        super().__init__()
        self._title, self._text, self._files = title, text, tuple(files)

    def compose(self) -> ComposeResult:
        """Lay out the text and the buttons."""
        with Vertical(classes="dialog wide"):
            yield Label(self._title, classes="question", markup=False)
            yield TextArea(self._text, id="viewed", read_only=True, compact=True, soft_wrap=True)
            yield Label("\n".join(map(str, self._files)), classes="quiet", id="places", markup=False)
            with Horizontal(classes="row"):
                yield Button("Close", id="close")
                yield Button("Copy", id="copy", variant="primary")
                if self._files and can_open():
                    yield Button("Open", id="open")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        event.stop()
        app = app_services(self)
        if event.button.id == "copy":
            app.copy(self.query_one(TextArea).selected_text or self._text)
        elif event.button.id == "open":
            app.service.start("open", self, lambda task: open_in_system(self._files[0]))
        else:
            self.dismiss(None)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what went wrong."""
        if message.error is not None:
            app_services(self).show_error(message.error)
