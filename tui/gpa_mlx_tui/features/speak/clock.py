"""How long a text still takes, judged by how long it took so far."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_SHARE = 0.02
"""Before so much is spoken, nothing can be said."""


class SpeechClock:
    """Measures from the moment everything is loaded.

    Args:
        now: Seconds that only grow.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._begun = now()

    def start(self) -> None:
        """Begin to measure."""
        self._begun = self._now()

    def left(self, share: float) -> str:
        """Return the time that is left, to be put behind other words; empty while it is not known, and at the end.

        Args:
            share: Of the text, from 0 to 1, that is spoken.
        """
        if not _LEAST_SHARE <= share < 1:
            return ""
        return f", {readable_duration((self._now() - self._begun) * (1 / share - 1))} left"
