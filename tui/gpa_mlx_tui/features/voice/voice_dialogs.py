"""Questions about voices: what one shall be called, and the card of somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, TextArea

from gpa_mlx.errors import VoiceError
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult

FROM_FILE = ""
"""What `PasteCard` gives when the card is in a file."""


class AskName(Dialog[str]):
    """Asks for the name of a voice until it can be one; gives it, or None for Escape.

    Args:
        title: What it is for.
        value: The name that is there at first.
        taken: Names that other voices have.
    """

    def __init__(self, title: str, value: str, taken: Collection[str]) -> None:
        super().__init__()
        self._title, self._value = title, value
        self._taken = {name.casefold() for name in taken}

    def compose(self) -> ComposeResult:
        """Lay out a field, and a line for what is wrong."""
        with Vertical(classes="dialog"):
            yield Label(self._title, classes="question", markup=False)
            yield Input(self._value, placeholder="name", id="name", compact=True)
            yield Label(self._problem(self._value), id="problem", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong with it."""
        self.query_one("#problem", Label).update(self._problem(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the name, if it can be one."""
        name = event.value.strip()
        if name and not self._problem(name):
            self.dismiss(name)

    def _problem(self, name: str) -> str:
        from gpa_mlx.voices.library import checked_name

        name = name.strip()
        if not name:
            return ""
        try:
            checked_name(name)
        except VoiceError as error:
            return f"{error.message} {error.hint}"
        return f"There is a voice '{name}' already." if name.casefold() in self._taken else ""


class PasteCard(Dialog[str]):
    """Asks for the text of a voice card; gives it, `FROM_FILE` when it is in a file, or None for Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "add", "Add", show=False, priority=True),
        Binding("ctrl+o", "file", "From a file", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Lay out a text area and the buttons."""
        with Vertical(classes="dialog wide"):
            yield Label("Paste a voice card; words around it do not matter.", classes="question", markup=False)
            yield TextArea(id="card", compact=True, placeholder="gpa-mlx voice card, version 1 ...")
            with Horizontal(classes="row"):
                yield Button("Add (Ctrl+S)", id="add", variant="primary")
                yield Button("From a file (Ctrl+O)", id="file")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        (self.action_add if event.button.id == "add" else self.action_file)()

    def action_add(self) -> None:
        """Take what was pasted."""
        if text := self.query_one(TextArea).text.strip():
            self.dismiss(text)

    def action_file(self) -> None:
        """Let the user choose a file instead."""
        self.dismiss(FROM_FILE)
