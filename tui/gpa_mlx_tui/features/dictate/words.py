"""The user's own words, read and written from the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.widgets import Label, TextArea

from gpa_mlx.errors import SettingsError
from gpa_mlx_tui.services.messages import Saved, TaskMessage
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

    from gpa_mlx_tui.services.background import BackgroundTask


class WordsRead(TaskMessage):
    """The user's words as they are written.

    Args:
        task: The task.
        path: Where they are, or will be.
        text: The file; empty: there is none yet.
    """

    def __init__(self, task: BackgroundTask, path: Path, text: str) -> None:
        super().__init__(task)
        self.path = path
        self.text = text


def words_path(setting: Path | None) -> Path:
    """Return the file of the setting `words_file`, or the one that is made where it is not set."""
    from gpa_mlx.store.paths import settings_file

    return setting or settings_file().with_name("words.txt")


def read_words(task: BackgroundTask, path: Path) -> None:
    """Read the file of words.

    Raises:
        OSError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    task.post(WordsRead(task, path, text))


def write_words(task: BackgroundTask, path: Path, text: str) -> None:
    """Write the file of words, whole or not at all, and let the setting name it.

    Raises:
        GPAError: The setting cannot be written.
        OSError: It cannot be written.
    """
    from gpa_mlx import settings
    from gpa_mlx.store.files import write_atomically

    write_atomically(path, "".join(f"{line}\n" for line in text.splitlines()))
    settings.store("words_file", str(path))
    task.post(Saved(task, (path.name,)))


class WordsEditor(Dialog[str]):
    """Lets the words be edited; gives the text of the file, or None for Escape.

    Args:
        path: The file.
        text: What it holds.
    """

    DEFAULT_CSS = "WordsEditor TextArea { height: 1fr; min-height: 4; background: $panel; }"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__()
        self._path, self._text = path, text

    def compose(self) -> ComposeResult:
        """Lay out the text and a button."""
        with Vertical(classes="dialog wide"):
            yield Label("Your words, one per line as they are written, or: heard => written", classes="question")
            yield Label(str(self._path), classes="quiet", markup=False)
            yield TextArea(self._text, id="words", compact=True)
            yield Label("", id="problem", markup=False)
            with Horizontal(classes="row"):
                yield Button("Save", id="done", variant="primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the text, or say which line cannot be used."""
        from gpa_mlx.text.custom_vocabulary import CustomVocabulary

        event.stop()
        text = self.query_one("#words", TextArea).text
        try:
            CustomVocabulary(text.splitlines(), "your words")
        except SettingsError as error:
            self.query_one("#problem", Label).update(f"{error.message} {error.hint}")
        else:
            self.dismiss(text)
