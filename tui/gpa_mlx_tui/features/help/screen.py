"""Help: what every key does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from gpa_mlx_tui.bindings import APP, keys_of
from gpa_mlx_tui.features.help.key_table import KeyTable
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.modes import MODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from gpa_mlx_tui.bindings import Key

_INTRODUCTION = """\
Everything runs on this computer. F-keys or a click change the mode; Escape stops what is going on; \
Ctrl+P finds any command. The names on the right are those of the settings file: there every key can be changed."""
_DEMO = """\
The demo model hears and says twenty words: zero to nine, yes, no, on, off, up, down, stop, go, left and right. \
It is small and quick, for trying things out. For real speech, get the published model in the mode Models."""


class Section(Vertical):
    """The keys of one mode.

    Args:
        mode: Its id, or `APP`.
        title: What people call it.
        rows: Its keys.
    """

    DEFAULT_CSS = "Section { height: auto; margin-top: 1; }"

    def __init__(self, mode: str, title: str, rows: Sequence[Key]) -> None:
        super().__init__()
        self.mode = mode
        self._title, self._rows = title, rows

    def compose(self) -> ComposeResult:
        """Lay out a heading and the keys."""
        yield Static(self._title, classes="heading", markup=False)
        yield KeyTable(self._rows)

    def mark(self, *, came_from: bool) -> None:
        """Say whether the user comes from there."""
        self.query_one(".heading", Static).update(f"{self._title}: Esc goes back" if came_from else self._title)


class HelpScreen(ModeScreen):
    """Lists the keys, by mode: those of the mode that the user comes from first. Escape goes back to it."""

    mode = "help"
    first_focus: ClassVar[str] = "#help"

    def __init__(self) -> None:
        super().__init__()
        self._came_from = ""

    def compose_body(self) -> ComposeResult:
        """Lay out the list."""
        with VerticalScroll(id="help", can_focus=True):
            yield Static(_INTRODUCTION, classes="prose", markup=False)
            if self.gpa_app.is_demo:
                yield Static(_DEMO, classes="prose", markup=False)
            yield from self._sections()

    def on_screen_resume(self) -> None:
        """Put the mode that the user comes from first."""
        came_from = self.gpa_app.previous_mode
        self._came_from = "" if came_from == self.mode else came_from
        sections = list(self.query(Section))
        for section in sections:
            section.mark(came_from=section.mode == self._came_from)
        first = next((section for section in sections if section.mode == self._came_from), None)
        parent = self.query_one("#help", VerticalScroll)
        order = [mode.id for mode in MODES]
        for section in sorted(sections, key=lambda one: order.index(one.mode) if one.mode in order else -1):
            parent.move_child(section, after=parent.children[-1])
        if first is not None:
            parent.move_child(first, before=next(section for section in parent.query(Section)))
        parent.scroll_home(animate=False)

    def cancel_tasks(self) -> bool:
        """Go back to the mode that the user comes from."""
        if self._came_from:
            self.call_later(self.gpa_app.action_go, self._came_from)
        return True

    def _sections(self) -> ComposeResult:
        for mode, title in ((APP, "Everywhere"), *((mode.id, mode.title) for mode in MODES)):
            if rows := keys_of(mode, self.gpa_app.keys):
                yield Section(mode, title, rows)
