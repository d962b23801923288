"""The two lines at the top: which model, what it is doing, and the modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from gpa_mlx.text.quantities import readable_size
from gpa_mlx_tui.bindings import shown_key
from gpa_mlx_tui.modes import MODES, Mode
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.themes import UNICODE, symbols_of

if TYPE_CHECKING:
    from textual.events import Click, MouseMove

    from gpa_mlx.engine.thread import State

_WORDS: dict[State, str] = {"idle": "ready", "opening": "loading", "busy": "working", "closed": "closed"}


class Header(Widget):
    """Program, model, what the engine does and how much memory the model takes."""

    def __init__(self) -> None:
        super().__init__()
        self._model = ""
        self._state: State = "idle"
        self._memory_bytes: int | None = None
        self._symbols = UNICODE

    def show(self, model: str, state: State, memory_bytes: int | None) -> None:
        """Say how things are.

        Args:
            model: Name of the model.
            state: Of the engine.
            memory_bytes: What the model's arrays take; None: nothing is loaded.
        """
        symbols = symbols_of(self.app)
        shown = (model, state, memory_bytes, symbols)
        if shown != (self._model, self._state, self._memory_bytes, self._symbols):
            self._model, self._state, self._memory_bytes, self._symbols = shown
            self.refresh()

    def render(self) -> Text:
        """Draw both ends of the line; a long name of a model is cut, its state is not."""
        symbols = self._symbols
        sign = symbols.idle if self._state in ("idle", "closed") else symbols.busy
        memory = "not loaded" if self._memory_bytes is None else readable_size(self._memory_bytes)
        engine = f"{sign} {_WORDS[self._state]} {symbols.dot} {memory}"
        line = Text.assemble(("gpa-mlx", "bold"), f" {self._model}", no_wrap=True, end="")
        line.truncate(max(self.size.width - cell_len(engine) - 1, 0), pad=True)
        line.append(f" {engine}")
        return line


class ModeBar(Widget):
    """The modes, to be clicked; their keys are in the tooltips and in Help. One widget, as each takes its time.

    Where there is no room for all of them, those around the current one are shown.

    Args:
        current: Id of the mode that is shown.
    """

    COMPONENT_CLASSES = {"modes--current", "modes--other"}  # noqa: RUF012
    DEFAULT_CSS = """
    ModeBar {
        height: 1;
        background: $surface;
        .modes--current { color: $background; background: $primary; text-style: bold; }
        .modes--other { color: $foreground 80%; }
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def render(self) -> Text:
        """Draw the names."""
        line = Text(no_wrap=True, end="", overflow="crop")
        for mode in MODES:
            kind = "current" if mode.id == self._current else "other"
            line.append(_padded(mode), self.get_component_rich_style(f"modes--{kind}"))
        return line[self._offset :]

    def on_mouse_move(self, event: MouseMove) -> None:
        """Have the tooltip of the mode that is pointed at."""
        mode = _mode_at(event.x + self._offset)
        table = app_services(self).keys
        key = next((row for row in table if mode is not None and row.id == f"app.mode_{mode.id}"), None)
        self.tooltip = None if key is None else f"{shown_key(key.key)}: {key.tooltip}"

    async def on_click(self, event: Click) -> None:
        """Go to the mode that is pointed at."""
        if (mode := _mode_at(event.x + self._offset)) is not None:
            await self.app.run_action(f"app.go({mode.id!r})")

    @property
    def _offset(self) -> int:
        """Columns that are left out at the left, so that the current mode is in sight."""
        widths = [cell_len(_padded(mode)) for mode in MODES]
        place = [mode.id for mode in MODES].index(self._current)
        middle = sum(widths[:place]) + widths[place] // 2
        return max(min(middle - self.size.width // 2, sum(widths) - self.size.width), 0)


def _padded(mode: Mode) -> str:
    return f" {mode.title} "


def _mode_at(column: int) -> Mode | None:
    for mode in MODES:
        if 0 <= column < cell_len(_padded(mode)):
            return mode
        column -= cell_len(_padded(mode))
    return None
