"""Why a recording may have no text: how loud it is, and whether it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.audio.recording import Recording
    from gpa_mlx.types import EmptyReason

_FRAME_SAMPLES = 320
_LOWEST_DB, _HIGHEST_DB = -140, 60
_SHORTEST_S = 0.1
_QUIET_DB = -65
_STEADY_DB = 6
_UNHEARD = 10.0


class LevelSurvey:
    """Counts the levels of a recording's frames of 20 ms as it is read.

    Attributes:
        samples: How many there were.
        peak: The largest magnitude.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.peak = 0.0
        self._counts = np.zeros(_HIGHEST_DB - _LOWEST_DB + 1, dtype=np.int64)

    def push(self, block: Recording) -> None:
        """Take the next block, of any length; an offset is no sound."""
        heard = block.channel_mean
        self.samples += len(heard)
        self.peak = max(self.peak, float(np.abs(heard).max(initial=0.0)))
        whole = len(heard) // _FRAME_SAMPLES * _FRAME_SAMPLES
        powers = heard[:whole].reshape(-1, _FRAME_SAMPLES).var(axis=1)
        levels_db = np.round(10 * np.log10(powers + 1e-14)).astype(int)
        np.add.at(self._counts, np.clip(levels_db, _LOWEST_DB, _HIGHEST_DB) - _LOWEST_DB, 1)

    def reason(self, channel_peak: float) -> EmptyReason:
        """Return why no speech was found.

        Args:
            channel_peak: The largest magnitude in any channel, heard or not.
        """
        if channel_peak == 0.0:
            return "silent"
        if channel_peak > _UNHEARD * self.peak:
            return "other_channel"
        if self.samples < _SHORTEST_S * SAMPLE_RATE_HZ:
            return "too_short"
        found = np.flatnonzero(self._counts)
        loudest_db = int(found[-1]) + _LOWEST_DB if len(found) else _LOWEST_DB
        if loudest_db <= _QUIET_DB:
            return "too_quiet"
        half = int(np.searchsorted(np.cumsum(self._counts), self._counts.sum() / 2)) + _LOWEST_DB
        return "only_noise" if loudest_db - half < _STEADY_DB else "no_speech"
