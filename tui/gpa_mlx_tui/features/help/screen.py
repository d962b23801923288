"""Help: what every key does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.widgets import Static

from gpa_mlx_tui.bindings import APP, keys_of
from gpa_mlx_tui.features.help.key_table import KeyTable
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.modes import MODES

if TYPE_CHECKING:
    from textual.app import ComposeResult

_INTRODUCTION = """\
Everything runs on this computer. F-keys or a click change the mode; Escape stops what is going on; \
Ctrl+P finds any command. The names on the right are those of the settings file: there every key can be changed."""
_DEMO = """\
The demo model hears and says twenty words: zero to nine, yes, no, on, off, up, down, stop, go, left and right. \
It is small and quick, for trying things out. For real speech, get the published model in the mode Models."""


class HelpScreen(ModeScreen):
    """Lists the keys, by mode."""

    mode = "help"
    first_focus: ClassVar[str] = "#help"

    def compose_body(self) -> ComposeResult:
        """Lay out the list."""
        with VerticalScroll(id="help", can_focus=True):
            yield Static(_INTRODUCTION, classes="prose", markup=False)
            if self.gpa_app.is_demo:
                yield Static(_DEMO, classes="prose", markup=False)
            yield from self._sections()

    def _sections(self) -> ComposeResult:
        for mode, title in ((APP, "Everywhere"), *((mode.id, mode.title) for mode in MODES)):
            rows = keys_of(mode, self.gpa_app.keys)
            if rows:
                yield Static(title, classes="heading", markup=False)
                yield KeyTable(rows)
