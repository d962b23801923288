"""A key to be pressed, whatever it usually does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from gpa_mlx_tui.services.app_services import app_services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.events import Key


_UNUSED = "f35"


class PressKey(ModalScreen[str]):
    """Asks for a key; gives Textual's name of it, or None for Escape.

    Args:
        title: What the key will do.
        keys: The user's keys, which hold again afterwards.
    """

    def __init__(self, title: str, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._title, self._keys = title, dict(keys)

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        with Vertical(classes="dialog"):
            yield Label(self._title, classes="question", markup=False)
            yield Label("Press the new key. Esc leaves it as it is.", markup=False)

    def on_mount(self) -> None:
        """Take the keys away from everything else."""
        self.app.set_keymap({row.id: _UNUSED for row in app_services(self).keys})

    def on_key(self, event: Key) -> None:
        """Answer."""
        event.stop()
        event.prevent_default()
        self.app.set_keymap(self._keys)
        self.dismiss(None if event.key == "escape" else event.key)
