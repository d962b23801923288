"""Fields in which a dragged file is a file: a line for paths, and texts that leave files to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, TextArea

from gpa_mlx_tui.services.typed_paths import dropped_files, written_paths

if TYPE_CHECKING:
    from textual.events import Paste


class PathInput(Input):
    """A line for paths: files that are dropped or pasted take the place of what is in it."""

    def on_paste(self, event: Paste) -> None:
        """Put files in as a line that means them; other text is inserted as in any line."""
        if paths := dropped_files(event.text):
            event.prevent_default()
            event.stop()
            self.value = written_paths(paths)
            self.cursor_position = len(self.value)


class TextField(Input):
    """A line for anything but paths: files that are dropped on it go on to the screen."""

    def on_paste(self, event: Paste) -> None:
        """Leave files to the screen."""
        if dropped_files(event.text):
            event.prevent_default()


class TextEntry(TextArea):
    """A text to write: files that are dropped on it go on to the screen."""

    def on_paste(self, event: Paste) -> None:
        """Leave files to the screen, and no text."""
        if dropped_files(event.text):
            event.prevent_default()
        else:
            event.stop()
