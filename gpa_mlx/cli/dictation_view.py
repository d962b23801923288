"""What a terminal shows while somebody dictates: level, time, and the text so far."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Self

from gpa_mlx.text.printable import printable
from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from rich.live import Live
    from rich.text import Text

_CELLS = 20
_ROWS_OF_OTHERS = 5
_QUIETEST_DB = -60.0
_LOUD_DB, _TOO_LOUD_DB = -12.0, -1.0


class DictationView:
    """A few lines on standard error that change in place; nothing without a terminal there.

    Attributes:
        status: What goes on.
        keys: What the user can press now; may be empty.
        peak_db: How loud it is; None while nothing is recorded.
        elapsed_s: Length of the recording.
        confirmed: Text that stays.
        unconfirmed: Text that may still change.
        notice: What the user should know; may be empty.
    """

    def __init__(self) -> None:
        self._live: Live | None = None
        self._shown: Text | None = None
        self.status = ""
        self.keys = ""
        self.peak_db: float | None = None
        self.elapsed_s = 0.0
        self.confirmed = ""
        self.unconfirmed = ""
        self.notice = ""

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._live is not None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=True),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def refresh(self) -> None:
        """Show what has changed."""
        lines = self.render() if self._live is not None else None
        if self._live is not None and lines is not None and lines != self._shown:
            self._shown = lines
            self._live.update(lines, refresh=True)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to others inside the block."""
        if self._live is None:
            yield
            return
        from rich.text import Text

        self._live.update(Text(), refresh=True)
        self._live.stop()
        self._shown = None
        try:
            yield
        finally:
            self._live.start()

    def render(self) -> Text:
        """Return the lines."""
        from rich.text import Text

        lines = Text()
        if self.peak_db is not None:
            lines.append("● ", style="red").append(f"{readable_duration(self.elapsed_s)} ")
            lines.append(meter(self.peak_db), style=_colour(self.peak_db)).append(f" {self.peak_db:4.0f} dB  ")
        lines.append(self.status)
        if self.keys:
            lines.append(f"  {self.keys}", style="dim")
        if self.notice:
            lines.append(f"\n{printable(self.notice)}", style="yellow")
        if self.confirmed or self.unconfirmed:
            room = self._room()
            confirmed = self.confirmed[-max(room - len(self.unconfirmed), 0) :] if room else self.confirmed
            cut = "" if len(confirmed) == len(self.confirmed) else "\u2026"
            lines.append(f"\n{cut}{confirmed}").append(self.unconfirmed, style="dim")
        return lines

    def _room(self) -> int:
        """Return how many characters of the text fit below the status; what is longer loses its beginning.

        A screen that is shorter than what is drawn on it shows the beginning, and the newest words are what matters.
        Half of what would fit if every character were narrow: Chinese takes two columns.
        """
        columns, rows = get_terminal_size()
        return max(columns * (rows - _ROWS_OF_OTHERS) // 2, columns)


def meter(peak_db: float) -> str:
    """Return a bar of fixed width."""
    filled = round(_CELLS * min(max(1 - peak_db / _QUIETEST_DB, 0.0), 1.0))
    return "━" * filled + "─" * (_CELLS - filled)


def _colour(peak_db: float) -> str:
    return "red" if peak_db > _TOO_LOUD_DB else "yellow" if peak_db > _LOUD_DB else "green"
