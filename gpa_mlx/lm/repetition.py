"""When a sequence of ids does nothing but repeat itself."""

from __future__ import annotations

from collections import deque

import numpy as np

_NO_ID = -1


class LoopDetector:
    """Finds out that the latest ids are one period again and again.

    Args:
        max_period: Longest period to look for.
        min_ids: How many ids must be periodic.
        min_periods: How many whole periods that must be at least.

    Attributes:
        period: Length of the period that was found; 0 before.
    """

    def __init__(self, *, max_period: int, min_ids: int, min_periods: int) -> None:
        self._recent: deque[int] = deque([_NO_ID] * max_period, maxlen=max_period)
        self._periods = np.arange(max_period, 0, -1)
        self._needed = np.maximum(min_ids, min_periods * self._periods)
        self._runs = np.zeros(max_period, dtype=np.int64)
        self.period = 0

    def push(self, token: int) -> bool:
        """Take the next id, at least 0; return whether the ids end in a loop now."""
        # How many ids in a row equal the one a period before, for every period, the longest first.
        self._runs = np.where(np.array(self._recent) == token, self._runs + 1, 0)
        self._recent.append(token)
        found = self._periods[self._runs + self._periods >= self._needed]
        self.period = int(found.min()) if len(found) else 0
        return self.period > 0

    def repeated(self) -> int:
        """Return how many of the latest ids repeat the period before them; 0 without a loop."""
        return int(self._runs[len(self._runs) - self.period]) if self.period else 0
