"""An energy gate: a voice activity detector that needs no model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gpa_mlx.audio.vad.detector import Frames, Mask, PendingDecisions
from gpa_mlx.types import SAMPLE_RATE_HZ

_SMALLEST_POWER = 1e-12


@dataclass(frozen=True, slots=True)
class EnergyGateConfig:
    """What counts as speech; levels are in dB of mean-square power, full scale 1.

    Attributes:
        frame_samples: Frame length in samples (20 ms).
        low_hz: Lower edge of the band that is measured: above hum and rumble.
        high_hz: Upper edge: below most hiss.
        smoothing_frames: Frames whose power is averaged; more than two periods of mains hum.
        floor_window_frames: How far the noise floor looks back and ahead (2 s): longer than speech goes on without
            a dip between syllables.
        lowest_floor_db: The floor never falls below this, so that speech-free digital silence stays closed.
        open_db: Level above the floor that opens the gate.
        close_db: Level above the floor below which it closes.
        min_open_frames: Consecutive frames above `open_db` needed to open: clicks are shorter.
    """

    frame_samples: int = 320
    low_hz: float = 200.0
    high_hz: float = 4000.0
    smoothing_frames: int = 3
    floor_window_frames: int = 100
    lowest_floor_db: float = -75.0
    open_db: float = 5.0
    close_db: float = 3.0
    min_open_frames: int = 5


class EnergyGate:
    """Speech is what rises above the noise floor and falls back to it: steady sounds of any level are not speech.

    The floor of a frame is the higher of two minima, over the 2 s before and the 2 s after it. Speech dips to the
    background in both; at the start or the end of steady noise one of the two is the noise itself.

    Args:
        config: The thresholds.
    """

    def __init__(self, config: EnergyGateConfig | None = None) -> None:
        self._config = config or EnergyGateConfig()
        n_fft = self._config.frame_samples
        bins_hz = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE_HZ)
        self._band = (bins_hz >= self._config.low_hz) & (bins_hz <= self._config.high_hz)
        self._window = np.hanning(n_fft + 1)[:-1]
        self._power_scale = 2.0 / (n_fft * np.square(self._window).sum())
        self.reset()

    @property
    def frame_samples(self) -> int:
        """Samples per frame."""
        return self._config.frame_samples

    @property
    def pending(self) -> PendingDecisions:
        """Nothing: who waits for 2 s of future does not ask for less."""
        return PendingDecisions()

    def reset(self) -> None:
        """Forget everything: a new recording begins."""
        self._powers = np.empty(0)
        # The smoothed levels that decisions still need, and where among them the first undecided frame is: preceded by
        # a whole window unless the recording began less than that ago.
        self._levels = np.empty(0)
        self._undecided = 0
        self._warming_up = True
        self._is_open = False
        self._loud_run = 0

    def push(self, frames: Frames) -> Mask:
        """Take `(frames, frame_samples)` and return the decisions for frames whose 2 s of future are known."""
        return self.push_powers(self.band_powers(frames))

    def push_powers(self, powers: npt.NDArray[np.float64]) -> Mask:
        """Like `push`, for frames of which `band_powers` are known, `(frames,)`."""
        span = self._config.smoothing_frames
        self._powers = np.concatenate([self._powers, powers])
        if len(self._powers) < span:
            return np.zeros(0, dtype=bool)
        smoothed = sliding_window_view(self._powers, span).mean(axis=1)
        self._powers = self._powers[len(self._powers) - span + 1 :]
        self._levels = np.concatenate([self._levels, 10 * np.log10(smoothed + _SMALLEST_POWER)])
        return self._decide(len(self._levels) - self._config.floor_window_frames)

    def flush(self) -> Mask:
        """Return the decisions for the last 2 s, whose floor comes from the past alone."""
        if len(self._levels) == 0:
            return np.zeros(len(self._powers), dtype=bool)
        return np.concatenate([self._decide(len(self._levels)), np.zeros(self._loud_run, dtype=bool)])

    def band_powers(self, frames: Frames) -> npt.NDArray[np.float64]:
        """Return the mean-square power of frames, `(..., frame_samples)`, in the band that is measured, `(...)`."""
        spectrum = np.fft.rfft(frames * self._window, axis=-1)[..., self._band]
        return (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=-1) * self._power_scale

    def _decide(self, stop: int) -> Mask:
        """Decide frames up to `stop`, counted in `_levels`, and drop the history that is no longer needed."""
        start = self._undecided
        if stop <= start:
            return np.zeros(0, dtype=bool)
        above = self._levels[start:stop] - self._floors(start, stop)
        mask = self._hysteresis(above)
        self._undecided = min(stop, self._config.floor_window_frames)
        self._levels = self._levels[stop - self._undecided :]
        if self._warming_up:
            # The first frames have no smoothed level of their own.
            self._warming_up = False
            mask = np.concatenate([np.zeros(self._config.smoothing_frames - 1, dtype=bool), mask])
        return mask

    def _floors(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return the noise floor of the frames `start` to `stop`.

        A side on which the recording begins or ends before the window does is not trusted; without both sides the
        quietest moment of the whole recording counts.
        """
        reach = self._config.floor_window_frames
        floors = np.full(len(self._levels), -np.inf)
        if len(floors) > reach:
            minima = sliding_window_view(self._levels, reach + 1).min(axis=1)
            floors[:-reach] = minima
            floors[reach:] = np.maximum(floors[reach:], minima)
        floors[np.isneginf(floors)] = self._levels.min()
        return np.maximum(floors[start:stop], self._config.lowest_floor_db)

    def _hysteresis(self, above_db: npt.NDArray[np.float64]) -> Mask:
        """Open after enough loud frames, these included, and stay open until a frame is quiet.

        The decisions for an unfinished run of loud frames wait for its end.
        """
        config = self._config
        mask: list[bool] = []
        for level_db in above_db.tolist():
            if self._is_open:
                self._is_open = level_db >= config.close_db
                mask.append(self._is_open)
            elif level_db < config.open_db:
                mask += [False] * (self._loud_run + 1)
                self._loud_run = 0
            else:
                self._loud_run += 1
                if self._loud_run == config.min_open_frames:
                    mask += [True] * self._loud_run
                    self._is_open, self._loud_run = True, 0
        return np.array(mask, dtype=bool)
