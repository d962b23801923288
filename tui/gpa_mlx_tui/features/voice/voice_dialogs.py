"""Questions about voices: what one shall be called, and the card of somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from gpa_mlx.errors import VoiceError
from gpa_mlx.store.file_names import name_key
from gpa_mlx.types import Voice
from gpa_mlx_tui.features.voice.library_jobs import read_file
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.typed_paths import dropped_files
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog, PathPicker
from gpa_mlx_tui.widgets.file_fields import TextEntry

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult
    from textual.events import Paste

    from gpa_mlx_tui.features.voice.messages import CardRead
    from gpa_mlx_tui.services.messages import TaskEnded

CARDS = (".voice", ".txt")
"""Usual ends of the names of card files."""


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
        self._taken = {name_key(name) for name in taken}

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
        return f"There is a voice '{name}' already." if name_key(name) in self._taken else ""


class PasteCard(Dialog[Voice]):
    """Asks for the text of a voice card, or a file with one; gives its voice, or None for Escape.

    What holds no sound card stays there, with what is wrong with it, to be mended.

    Args:
        text: The text that is there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "add", "Add", show=False, priority=True),
        Binding("ctrl+o", "file", "From a file", show=False, priority=True),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out a text area, a line for what is wrong, and the buttons."""
        with Vertical(classes="dialog wide"):
            yield Label("Paste a voice card; words around it do not matter.", classes="question", markup=False)
            yield TextEntry(self._text, id="card", compact=True, placeholder="gpa-mlx voice card, version 1 ...")
            yield Label("", id="problem", markup=False)
            with Horizontal(classes="row"):
                yield Button("Add (Ctrl+S)", id="add", variant="primary")
                yield Button("From a file (Ctrl+O)", id="file")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        (self.action_add if event.button.id == "add" else self.action_file)()

    def action_add(self) -> None:
        """Take what was pasted, or say what is wrong with it."""
        from gpa_mlx.voices.card import parse_card

        text = self.query_one(TextEntry).text
        if not text.strip():
            self._say("Paste a card first, or take one from a file.")
            return
        try:
            voice = parse_card(text, "What you pasted")
        except VoiceError as error:
            self._say(f"{error.message} {error.hint}")
        else:
            self.dismiss(voice)

    def action_file(self) -> None:
        """Let the user choose a file instead; the text stays for the case that there is no card in it."""
        self.app.push_screen(PathPicker("A voice card", "open", Path.cwd(), suffixes=CARDS), self._read)

    def on_paste(self, event: Paste) -> None:
        """Take a file that is dropped."""
        if paths := dropped_files(event.text):
            event.stop()
            self._read(paths[0])

    def on_text_area_changed(self) -> None:
        """It may be right now."""
        self._say("")

    def on_card_read(self, message: CardRead) -> None:
        """Take the voice of a file."""
        message.stop()
        self.dismiss(message.voice)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what is wrong with a file."""
        message.stop()
        if message.error is not None:
            self._say(f"{message.error.message} {message.error.hint}")

    def _read(self, path: Path | None) -> None:
        if path is not None:
            app_services(self).service.start("card", self, lambda task: read_file(task, path))

    def _say(self, words: str) -> None:
        self.query_one("#problem", Label).update(words)
