"""Speech faster or slower at the same pitch: waveform-similarity overlap-add (WSOLA).

Windows of the input are taken at `speed` times the distance at which they are laid down, each moved by a few
milliseconds to where the input is most like what would have followed the window before it, and cross-faded. Pitch,
formants and timbre stay, as the windows themselves are not resampled.

Source: W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech", ICASSP 1993.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.types import Samples, Waveform

LEAST_SPEED, MOST_SPEED = 0.5, 2.0
"""Beyond these, sounds are repeated or left out so often that speech is no longer clear."""

_WINDOW = round(0.030 * SAMPLE_RATE_HZ)
"""Samples of a window, even: three periods of a low voice."""

_HOP = _WINDOW // 2
_SEARCH = round(0.010 * SAMPLE_RATE_HZ)
"""How far a window is moved, both ways: a period of a low voice."""


class TimeStretcher:
    """Stretches speech that comes in pieces; what comes out does not depend on how it was cut.

    Args:
        speed: 2 halves the length, 0.5 doubles it.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._fade = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
        self._input = np.zeros(0, dtype=np.float64)
        self._dropped = 0
        self._frame = 0
        self._last = 0
        self._tail = np.zeros(_HOP)
        self._taken = self._given = 0

    def push(self, samples: Waveform, *, last: bool = False) -> Waveform:
        """Return what can be told by now.

        Args:
            samples: `(samples,)` float32 at 16 kHz.
            last: Nothing more comes: the rest is returned, `round(all samples / speed)` in all.
        """
        self._taken += len(samples)
        self._input = np.concatenate([self._input, samples.astype(np.float64)])
        wanted = round(self._taken / self._speed)
        if last:
            self._input = np.concatenate([self._input, np.zeros(_WINDOW + _SEARCH + _HOP)])
        pieces = []
        while (self._given < wanted) if last else self._has_input():
            pieces.append(self._next())
            self._given += _HOP
        out = np.concatenate([np.zeros(0), *pieces])
        if last and self._given > wanted:
            out = out[: len(out) - (self._given - wanted)]
        return out.astype(np.float32)

    def _has_input(self) -> bool:
        """Return whether the next window can be chosen whatever follows."""
        end = max(self._nominal() + _SEARCH, self._last + _HOP) + _WINDOW
        return end <= self._dropped + len(self._input)

    def _nominal(self) -> int:
        """Return where the next window begins unless it is moved, in samples of the whole input."""
        return round(self._frame * _HOP * self._speed)

    def _next(self) -> Samples:
        """Return the next `_HOP` samples."""
        start = self._nominal()
        if self._frame:
            start = self._most_alike(start, self._last + _HOP)
            window = self._cut(start, _WINDOW) * self._fade
            out = self._tail + window[:_HOP]
        else:  # nothing comes before it: no fade
            window = self._cut(start, _WINDOW) * self._fade
            out = self._cut(start, _HOP)
        self._tail, self._last = window[_HOP:], start
        self._frame += 1
        keep = max(min(self._last + _HOP, self._nominal() - _SEARCH) - self._dropped, 0)
        self._input, self._dropped = self._input[keep:], self._dropped + keep
        return out

    def _most_alike(self, start: int, wanted: int) -> int:
        """Return where, near `start`, the input is most like the window at `wanted`: largest normalized correlation."""
        template = self._cut(wanted, _WINDOW)
        first = max(start - _SEARCH, 0)
        region = self._cut(first, start + _SEARCH - first + _WINDOW)
        products = np.correlate(region, template, mode="valid")
        squares = np.concatenate([np.zeros(1), np.cumsum(region**2)])
        energy = np.maximum(squares[_WINDOW:] - squares[:-_WINDOW], 1e-9)
        return first + int(np.argmax(products / np.sqrt(energy)))

    def _cut(self, start: int, count: int) -> Samples:
        """Return a part of the input, with zeros where it has ended."""
        found = self._input[start - self._dropped : start - self._dropped + count]
        return found if len(found) == count else np.concatenate([found, np.zeros(count - len(found))])


def stretch(samples: Waveform, speed: float) -> Waveform:
    """Return speech at another speed.

    Args:
        samples: `(samples,)` float32 at 16 kHz.
        speed: 2 halves the length; 1 changes nothing.
    """
    return samples if speed == 1.0 else TimeStretcher(speed).push(samples, last=True)
