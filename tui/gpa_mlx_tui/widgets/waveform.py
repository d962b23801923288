"""Sound as a picture that grows while the sound is made, with a playhead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from gpa_mlx_tui.services.sound import PEAK_S
from gpa_mlx_tui.themes import Symbols, symbols_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_PEAKS = 8192
_FULL_SCALE_SHARE = 0.9


class Waveform(Widget):
    """Draws peaks; the part before the playhead is bright, the rest dim.

    Args:
        tail_s: Show only the last seconds, as a recorder does; None shows all of it.
        id: Of the widget.
    """

    COMPONENT_CLASSES = {"waveform--played", "waveform--rest", "waveform--playhead", "waveform--note"}  # noqa: RUF012
    DEFAULT_CSS = """
    Waveform {
        height: 3;
        .waveform--played { color: $primary; }
        .waveform--rest { color: $foreground 60%; }
        .waveform--playhead { color: $accent; text-style: bold; }
        .waveform--note { color: $foreground 80%; }
    }
    """

    def __init__(self, *, tail_s: float | None = None, note: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._tail_s = tail_s
        self._note = note
        self._peaks: list[float] = []
        self._peak_s = PEAK_S
        self._position_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Seconds of sound that are drawn or have been."""
        return len(self._peaks) * self._peak_s

    @property
    def position_s(self) -> float | None:
        """Where the playhead is; None: there is none."""
        return self._position_s

    def clear(self, note: str | None = None) -> None:
        """Forget the sound.

        Args:
            note: What to say instead of a picture; None leaves it as it is.
        """
        self._peaks, self._peak_s, self._position_s = [], PEAK_S, None
        if note is not None:
            self._note = note
        self.refresh()

    def add(self, peaks: Iterable[float]) -> None:
        """Add what comes next, `PEAK_S` each."""
        if self._tail_s is not None:
            self._peaks = [*self._peaks, *peaks][-max(round(self._tail_s / PEAK_S), 1) :]
        else:
            step = round(self._peak_s / PEAK_S)
            self._peaks += list(peaks) if step == 1 else _coarser(list(peaks), step)
            while len(self._peaks) > _MOST_PEAKS:
                self._peaks = _coarser(self._peaks, 2)
                self._peak_s *= 2
        self.refresh()

    def move_to(self, position_s: float | None) -> None:
        """Set the playhead, or remove it."""
        if position_s != self._position_s:
            self._position_s = position_s
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row of cells."""
        width, height = self.size.width, self.size.height
        symbols = self._symbols
        if not self._peaks:
            row = self._note if y == height // 2 else ""
            style = self.get_component_rich_style("waveform--note")
            return Strip([Segment(row[:width].center(width), style)], width)
        columns = self._columns(width)
        head = None
        if self._position_s is not None and self.duration_s > 0:
            head = min(int(self._position_s / self.duration_s * width), width - 1)
        cells = [_cell(level, y, height, symbols) for level in columns]
        if head is not None:
            cells[head] = symbols.playhead
        played = self.get_component_rich_style("waveform--played")
        rest = self.get_component_rich_style("waveform--rest") if head is not None else played
        end = head if head is not None else 0
        segments = [Segment("".join(cells[:end]), played)]
        if head is not None:
            segments.append(Segment(cells[head], self.get_component_rich_style("waveform--playhead")))
        segments.append(Segment("".join(cells[end + (head is not None) :]), rest))
        return Strip(segments, width)

    @property
    def _symbols(self) -> Symbols:
        return symbols_of(self.app)

    def _columns(self, width: int) -> list[float]:
        """Return one level a column, 0 to 1."""
        peaks, count = self._peaks, len(self._peaks)
        if self._tail_s is not None:
            wanted = max(round(self._tail_s / PEAK_S), 1)
            peaks = [0.0] * (wanted - count) + peaks
            count = wanted
        levels = []
        for column in range(width):
            start = column * count // width
            levels.append(max(peaks[start : max((column + 1) * count // width, start + 1)]))
        # Quiet speech should be seen, too: full height is the loudest of it, within reason.
        scale = max(max(levels), 0.1) / _FULL_SCALE_SHARE
        return [min(level / scale, 1.0) for level in levels]


def _cell(level: float, y: int, height: int, symbols: Symbols) -> str:
    """Return the character of one cell: bars stand on the lowest row."""
    steps = len(symbols.levels) - 1
    filled = round(level * height * steps) - (height - 1 - y) * steps
    if y == height - 1:
        filled = max(filled, 1)  # a line where there is silence, so that its length can be seen
    return symbols.levels[min(max(filled, 0), steps)]


def _coarser(peaks: Sequence[float], step: int) -> list[float]:
    return [max(peaks[start : start + step]) for start in range(0, len(peaks), step)]
