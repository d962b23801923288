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
    """Program, model, whether the microphone is recorded, what the engine does, and the memory the model takes."""

    COMPONENT_CLASSES = {"header--recording"}  # noqa: RUF012
    DEFAULT_CSS = "Header .header--recording { color: $error; text-style: bold; }"

    def __init__(self) -> None:
        super().__init__()
        self._model = ""
        self._state: State = "idle"
        self._memory_bytes: int | None = None
        self._is_recording = False
        self._symbols = UNICODE

    def show(self, model: str, state: State, memory_bytes: int | None, *, is_recording: bool = False) -> None:
        """Say how things are.

        Args:
            model: Name of the model.
            state: Of the engine.
            memory_bytes: What the model's arrays take; None: nothing is loaded.
            is_recording: The microphone is recorded, in whichever mode.
        """
        symbols = symbols_of(self.app)
        shown = (model, state, memory_bytes, symbols, is_recording)
        if shown != (self._model, self._state, self._memory_bytes, self._symbols, self._is_recording):
            self._model, self._state, self._memory_bytes, self._symbols, self._is_recording = shown
            self.refresh()

    def render(self) -> Text:
        """Draw both ends of the line; a long name of a model is cut, its state is not."""
        symbols = self._symbols
        sign = symbols.idle if self._state in ("idle", "closed") else symbols.busy
        memory = "not loaded" if self._memory_bytes is None else readable_size(self._memory_bytes)
        engine = f"{sign} {_WORDS[self._state]} {symbols.dot} {memory}"
        record = f"{symbols.recording} REC  " if self._is_recording else ""
        line = Text.assemble(("gpa-mlx", "bold"), f" {self._model}", no_wrap=True, end="")
        line.truncate(max(self.size.width - cell_len(record) - cell_len(engine) - 1, 0), pad=True)
        line.append(" ")
        line.append(record, self.get_component_rich_style("header--recording"))
        line.append(engine)
        return line


class ModeBar(Widget):
    """The modes, with their keys, to be clicked too. One widget, as each takes its time.

    Where there is no room for all of them, those around the current one are shown.

    Args:
        current: Id of the mode that is shown.
    """

    COMPONENT_CLASSES = {"modes--current", "modes--other", "modes--key"}  # noqa: RUF012
    DEFAULT_CSS = """
    ModeBar {
        height: 1;
        background: $surface;
        .modes--current { color: $background; background: $primary; text-style: bold; }
        .modes--other { color: $foreground 80%; }
        .modes--key { color: $accent; }
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._places: list[tuple[int, int, Mode]] = []

    def render(self) -> Text:
        """Draw names and keys; where there is no room for all, the current mode is in sight."""
        table = {row.id: row for row in app_services(self).keys}
        # Without the fn of Macs: nine of them would leave no room for the names.
        keys = {mode.id: shown_key(table[f"app.mode_{mode.id}"].keys[0], platform="any") for mode in MODES}
        roomy = sum(cell_len(f" {keys[mode.id]} {mode.title} ") for mode in MODES) <= self.size.width
        key_style, gap = self.get_component_rich_style("modes--key"), " " if roomy else ""
        line, places = Text(no_wrap=True, end="", overflow="crop"), []
        for mode in MODES:
            kind = "current" if mode.id == self._current else "other"
            style = self.get_component_rich_style(f"modes--{kind}")
            start = line.cell_len
            line.append(f"{gap}{keys[mode.id]}", style if kind == "current" else key_style)
            line.append(f"{gap}{mode.title}{gap}", style)
            places.append((start, line.cell_len, mode))
            if not roomy and mode is not MODES[-1]:
                line.append(" ", self.get_component_rich_style("modes--other"))
        middle = next((start + end) // 2 for start, end, mode in places if mode.id == self._current)
        hidden = max(min(middle - self.size.width // 2, line.cell_len - self.size.width), 0)
        self._places = [(start - hidden, end - hidden, mode) for start, end, mode in places]
        return line[hidden:] if hidden else line

    def on_mouse_move(self, event: MouseMove) -> None:
        """Have the tooltip of the mode that is pointed at."""
        mode = self._at(event.x)
        table = app_services(self).keys
        key = next((row for row in table if mode is not None and row.id == f"app.mode_{mode.id}"), None)
        self.tooltip = None if key is None else f"{shown_key(key.key)}: {key.tooltip}"

    async def on_click(self, event: Click) -> None:
        """Go to the mode that is pointed at."""
        if (mode := self._at(event.x)) is not None:
            await self.app.run_action(f"app.go({mode.id!r})")

    def _at(self, column: int) -> Mode | None:
        return next((mode for start, end, mode in self._places if start <= column < end), None)
