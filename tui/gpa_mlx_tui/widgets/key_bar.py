"""The line at the bottom: what the keys do in this mode. One widget, because dozens would delay the first picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from gpa_mlx_tui.bindings import APP, Key, keys_of
from gpa_mlx_tui.services.app_services import app_services

if TYPE_CHECKING:
    from textual.events import Click, MouseMove


class KeyBar(Widget):
    """Keys and words, to be clicked too; the sentence about a key appears under the mouse.

    Args:
        mode: Whose keys.
    """

    COMPONENT_CLASSES = {"keys--key", "keys--label"}  # noqa: RUF012
    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        background: $panel;
        .keys--key { color: $accent; text-style: bold; }
        .keys--label { color: $foreground; }
    }
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode
        self._places: list[tuple[int, int, Key]] = []

    def render(self) -> Text:
        """Draw as many as there is room for."""
        table = app_services(self).keys
        rows = [row for row in (*keys_of(self._mode, table), *keys_of(APP, table)) if row.shown]
        line = Text(no_wrap=True, end="", overflow="crop")
        key_style = self.get_component_rich_style("keys--key")
        label_style = self.get_component_rich_style("keys--label")
        self._places = []
        for row in rows:
            start = line.cell_len
            line.append(f" {_short(row.keys[0])}", key_style)
            line.append(f" {row.label}", label_style)
            self._places.append((start, line.cell_len, row))
        return line

    def on_mouse_move(self, event: MouseMove) -> None:
        """Have the tooltip of the key that is pointed at."""
        row = self._at(event.x)
        self.tooltip = None if row is None else row.tooltip

    def on_click(self, event: Click) -> None:
        """Press the key that is pointed at."""
        row = self._at(event.x)
        if row is not None:
            self.app.simulate_key(row.keys[0])

    def _at(self, column: int) -> Key | None:
        return next((row for start, end, row in self._places if start <= column < end), None)


def _short(key: str) -> str:
    """Return a key in as few columns as people can read: `^r`, `F1`."""
    name = key.replace("ctrl+", "^")
    return name.upper() if name.startswith("f") and name[1:].isdigit() else name
