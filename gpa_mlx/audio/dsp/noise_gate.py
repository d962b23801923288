"""Pauses of generated speech that are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gpa_mlx.types import Waveform

PAUSE_SPAN = 4e-4
"""Samples that stay within so much of one another are a pause: 13 steps of 16-bit sound, 68 dB below full scale."""
PAUSE_SAMPLES = 128
"""For how long they must: 8 ms."""
FADE_SAMPLES = 32
"""2 ms, so that nothing clicks."""


class NoiseGate:
    """Make the pauses of speech that comes in pieces digital silence.

    A wave generator's pauses are not quite at rest: they keep a small offset, which is another one after every word
    once the mean is removed, and a hum of a few steps of 16-bit sound. People do not hear that; recognisers do, if the
    pauses they know are those of synthesisers and of edited recordings. A sample is part of a pause when the 128
    samples up to it span less than 0.0004; the gain follows within 2 ms. What is louder is left as it is, bit by bit,
    from 2 ms after its beginning on. Nothing is held back.

    How the speech is cut into pieces does not change a single bit.
    """

    def __init__(self) -> None:
        # Speech may begin with its first sample: before it all was loud.
        self._past = np.full(PAUSE_SAMPLES - 1, np.inf, dtype=np.float32)
        self._loud_past = np.ones(FADE_SAMPLES - 1, dtype=bool)

    def step(self, wave: Waveform) -> Waveform:
        """Take the next samples, `(n,)` float32; return them with silent pauses, as many."""
        if not len(wave):
            return wave
        known = np.concatenate([self._past, wave])
        self._past = known[len(wave) :]
        loud = np.concatenate([self._loud_past, _span(known) >= PAUSE_SPAN])
        self._loud_past = loud[len(wave) :]
        counts = np.cumsum(np.concatenate([[0], loud]))
        gain = (counts[FADE_SAMPLES:] - counts[:-FADE_SAMPLES]) / FADE_SAMPLES
        return wave * gain.astype(np.float32)


def _span(known: Waveform) -> Waveform:
    """Return highest less lowest of every `PAUSE_SAMPLES` samples in a row, a power of two: doubled windows."""
    high = low = known
    width = 1
    while width < PAUSE_SAMPLES:
        high = np.maximum(high[width:], high[:-width])
        low = np.minimum(low[width:], low[:-width])
        width *= 2
    return high - low
