"""How far a long recording has come, and how long the rest will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Callable


class Progress:
    """The progress of one recording, counted from when this is made.

    Args:
        show: Replaces the line that says what goes on.
        title: Begins that line.
        duration_s: Length of the recording; None when it is not known, and then nor is the time left.
    """

    def __init__(self, show: Callable[[str], None], title: str, duration_s: float | None) -> None:
        self._show = show
        self._title = title
        self._duration_s = duration_s
        self._started = time.monotonic()

    def reach(self, position_s: float) -> None:
        """Show that the recording has been worked through up to `position_s`."""
        line = f"{self._title}: {readable_duration(position_s)}"
        if self._duration_s is not None:
            line += f" of {readable_duration(self._duration_s)}"
            if position_s > 0:
                elapsed_s = time.monotonic() - self._started
                line += f", {readable_duration(elapsed_s * max(0.0, self._duration_s / position_s - 1))} left"
        self._show(line)


class TextProgress:
    """The progress of a text that is spoken, and the time left.

    Args:
        show: Replaces the line that says what goes on.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._begin: tuple[float, float] | None = None

    def reach(self, place: str, share: float) -> None:
        """Show where it is, and how long the rest takes at the pace so far; what an earlier run did has none.

        Args:
            place: For people.
            share: Share of the text, from 0 to 1, that lies before it.
        """
        now = time.monotonic()
        started, first = self._begin = self._begin or (now, share)
        left = ""
        if share > first:
            left = f", {readable_duration((now - started) * (1 - share) / (share - first))} left"
        self._show(f"speaking: {place}{left}")
