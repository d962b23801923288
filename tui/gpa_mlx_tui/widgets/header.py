"""The two lines at the top: which model, what it is doing, and the modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from gpa_mlx_tui.bindings import shown_key
from gpa_mlx_tui.modes import MODES, Mode
from gpa_mlx_tui.themes import UNICODE, Symbols

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Click

    from gpa_mlx.runner import State

_WORDS: dict[State, str] = {"idle": "ready", "opening": "loading", "busy": "working", "closed": "closed"}


class Header(Widget):
    """Program, model, what the engine does and how much memory the model takes."""

    def __init__(self) -> None:
        super().__init__()
        self._model = self._engine = ""

    def show(self, model: str, state: State, memory_bytes: int | None) -> None:
        """Say how things are.

        Args:
            model: Name of the model.
            state: Of the engine.
            memory_bytes: What the model's arrays take; None: nothing is loaded.
        """
        symbols: Symbols = getattr(self.app, "symbols", UNICODE)
        sign = symbols.idle if state in ("idle", "closed") else symbols.busy
        memory = "not loaded" if memory_bytes is None else megabytes(memory_bytes)
        engine = f"{sign} {_WORDS[state]} {symbols.dot} {memory}"
        if (model, engine) != (self._model, self._engine):
            self._model, self._engine = model, engine
            self.refresh()

    def render(self) -> Text:
        """Draw both ends of the line; a long name of a model is cut, its state is not."""
        line = Text.assemble(("gpa-mlx", "bold"), f" {self._model}", no_wrap=True, end="")
        line.truncate(max(self.size.width - cell_len(self._engine) - 1, 0), pad=True)
        line.append(f" {self._engine}")
        return line


class ModeBar(Horizontal):
    """The modes, to be clicked; the keys are in the tooltips and in Help.

    Args:
        current: Id of the mode that is shown.
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the names."""
        for mode in MODES:
            yield _Tab(mode, is_current=mode.id == self._current)


class _Tab(Static):
    def __init__(self, mode: Mode, *, is_current: bool) -> None:
        super().__init__(mode.title, markup=False, classes="-current" if is_current else "")
        self._mode = mode

    def on_mount(self) -> None:
        key = next((row for row in getattr(self.app, "keys", ()) if row.id == f"app.mode_{self._mode.id}"), None)
        if key is not None:
            self.tooltip = f"{shown_key(key.key)}: {key.tooltip}"

    async def on_click(self, event: Click) -> None:
        event.stop()
        await self.app.run_action(f"app.go({self._mode.id!r})")


def megabytes(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
