"""Whether frames of sound repeat themselves as a voice does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gpa_mlx.types import SAMPLE_RATE_HZ

FRAME_SAMPLES = 1024
"""Length of a frame that is judged, 64 ms."""

_FFT = 2048
_MIN_LAG, _MAX_LAG = SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 60
_PERIODIC = 0.6
_TINY = 1e-30


def has_pitch(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which frames, `(n, FRAME_SAMPLES)` at 16 kHz, have a clear period between 60 and 400 Hz.

    Clear is a normalised autocorrelation of at least 0.6. Normal speech has it in 0.4 to 0.9 of its frames, whispering
    and noise next to never.
    """
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(frames, _FFT)
    correlation = np.fft.irfft(np.square(np.abs(spectra)), _FFT)[:, : _MAX_LAG + 1]
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    lags = np.arange(_MAX_LAG + 1)
    heads, tails = energy[:, FRAME_SAMPLES - lags], energy[:, -1:] - energy[:, lags]
    normalised = correlation / np.sqrt(np.maximum(heads * tails, _TINY))
    return normalised[:, _MIN_LAG:].max(axis=1) >= _PERIODIC
