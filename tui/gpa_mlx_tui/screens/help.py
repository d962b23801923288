"""Help: what every key does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.widgets import Static

from gpa_mlx_tui.bindings import APP, keys_of, shown_key
from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.screens.base import ModeScreen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table
    from textual.app import ComposeResult

    from gpa_mlx_tui.bindings import Key

_KEY_WIDTH, _ABOUT_WIDTH, _NAME_WIDTH = 15, 70, 20
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
            if self.gpa.is_demo:
                yield Static(_DEMO, classes="prose", markup=False)
            yield from self._sections()

    def _sections(self) -> ComposeResult:
        for mode, title in ((APP, "Everywhere"), *((mode.id, mode.title) for mode in MODES)):
            rows = keys_of(mode, self.gpa.keys)
            if rows:
                yield Static(title, classes="heading", markup=False)
                yield Static(_table(rows), classes="help-keys")


def _table(rows: Iterable[Key]) -> Table:
    """Lay out keys, sentences and names; one widget for all of them, because hundreds take seconds to be shown."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=_KEY_WIDTH)
    table.add_column(ratio=1, max_width=_ABOUT_WIDTH)
    table.add_column(width=_NAME_WIDTH)
    for row in rows:
        table.add_row(Text(shown_key(row.key), "bold"), Text(row.tooltip), Text(row.id, "dim"))
    return table
