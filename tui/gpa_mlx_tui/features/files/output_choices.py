"""Which formats the texts get, and where they go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Static

from gpa_mlx.transcripts.formats import FORMATS, Format
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Choose, PathPicker
from gpa_mlx_tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult


class OutputChoices(Horizontal):
    """A toggle for each format, and a button for the place.

    Args:
        id: Of the widget.

    Attributes:
        folder: Where the texts go; None: beside each recording.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="row")
        self.folder: Path | None = None

    @property
    def formats(self) -> list[Format]:
        """What is chosen; may be nothing."""
        return [kind for kind in FORMATS if self.query_one(f"#{kind}", Toggle).value]

    def compose(self) -> ComposeResult:
        """Lay out the row."""
        yield Static("Write", classes="label")
        for kind in FORMATS:
            yield Toggle(kind, kind == "txt", id=kind)
        yield Static("to", classes="label")
        yield Button("", id="folder", action="screen.folder", tooltip="Choose where the texts go.")

    def on_mount(self) -> None:
        """Show the place."""
        self._show_place()

    def bring_back(self, formats: Collection[str], folder: str) -> None:
        """Choose what was chosen in the last run; a folder that is gone is not.

        Args:
            formats: Names.
            folder: Empty: beside each recording.
        """
        for kind in FORMATS:
            self.query_one(f"#{kind}", Toggle).value = kind in formats
        self.folder = Path(folder) if folder and Path(folder).is_dir() else None
        self._show_place()

    def choose_place(self) -> None:
        """Let the user choose where the texts go."""

        def take(index: int | None) -> None:
            if index == 0:
                take_folder(None)
            elif index == 1:
                dialog = PathPicker("Write the texts to", "folder", Path.cwd())
                self.app.push_screen(dialog, lambda path: None if path is None else take_folder(path))

        def take_folder(path: Path | None) -> None:
            self.folder = path
            self._show_place()

        names = ["beside each recording", f"a folder{symbols_of(self.app).ellipsis}"]
        self.app.push_screen(Choose("Where do the texts go?", names), take)

    def _show_place(self) -> None:
        place = "beside it" if self.folder is None else self.folder.name or str(self.folder)
        self.query_one("#folder", Button).label = f"{place} {symbols_of(self.app).more}"
