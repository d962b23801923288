"""How loud the microphone is."""

from __future__ import annotations

import math

from rich.text import Text
from textual.widget import Widget

from gpa_mlx_tui.themes import symbols_of

_FLOOR_DB = -60.0
_HOT_DB = -3.0
_GOOD_DB = -30.0


class LevelMeter(Widget):
    """A bar from -60 to 0 dB full scale, with a word for what to do about it.

    Args:
        id: Of the widget.
    """

    COMPONENT_CLASSES = {"meter--full", "meter--empty", "meter--hot"}  # noqa: RUF012
    DEFAULT_CSS = """
    LevelMeter {
        height: 1;
        .meter--full { color: $primary; }
        .meter--empty { color: $foreground 30%; }
        .meter--hot { color: $error; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._peak: float | None = None

    def show(self, peak: float | None) -> None:
        """Set the level.

        Args:
            peak: Largest magnitude of the last moment, 0 to 1; None: nothing is heard at all.
        """
        if peak != self._peak:
            self._peak = peak
            self.refresh()

    @property
    def verdict(self) -> str:
        """A word about the level; empty when there is none."""
        if self._peak is None:
            return ""
        level_db = _decibels(self._peak)
        if level_db >= _HOT_DB:
            return "too loud"
        return "good" if level_db >= _GOOD_DB else "quiet"

    def render(self) -> Text:
        """Draw the bar, its level and the word."""
        symbols = symbols_of(self.app)
        label = "   off" if self._peak is None else f"{_decibels(self._peak):4.0f} dB {self.verdict}"
        width = max(self.size.width - 18, 4)
        share = 0.0 if self._peak is None else (_decibels(self._peak) - _FLOOR_DB) / -_FLOOR_DB
        filled = round(min(max(share, 0.0), 1.0) * width)
        full = "meter--hot" if self.verdict == "too loud" else "meter--full"
        return Text.assemble(
            (symbols.full * filled, self.get_component_rich_style(full)),
            (symbols.empty * (width - filled), self.get_component_rich_style("meter--empty")),
            (f"  {label}", self.rich_style),
            no_wrap=True,
            end="",
        )


def _decibels(peak: float) -> float:
    return max(20 * math.log10(peak), _FLOOR_DB) if peak > 0 else _FLOOR_DB
