"""Fundamental frequency of speech by YIN (de Cheveigne and Kawahara, 2002)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

_LOWEST_HZ, _HIGHEST_HZ = 60.0, 420.0
_MIN_LAG = int(SAMPLE_RATE_HZ / _HIGHEST_HZ)
_MAX_LAG = math.ceil(SAMPLE_RATE_HZ / _LOWEST_HZ)
_WINDOW = 640
_FRAME = _WINDOW + _MAX_LAG + 1
_HOP = 160
_FFT = 2048
_APERIODICITY = 0.15
_QUIET = 10 ** (-30 / 10)


def pitch_track(wave: Waveform) -> npt.NDArray[np.float64]:
    """Estimate the fundamental frequency wherever the sound is periodic.

    Args:
        wave: `(samples,)` float32 at 16 kHz, any length.

    Returns:
        `(voiced frames,)` float64 in Hz, 60 to 420, 100 frames per second; empty where nothing is voiced.
    """
    if len(wave) < _FRAME:
        return np.empty(0)
    frames = sliding_window_view(wave.astype(np.float64), _FRAME)[::_HOP]
    powers = np.square(frames[:, :_WINDOW]).mean(-1)
    frames = frames[powers > _QUIET * powers.max()]
    differences = _normalised_differences(frames)
    found = [_period(row) for row in differences]
    return np.array([SAMPLE_RATE_HZ / period for period in found if period is not None])


def median_pitch(wave: Waveform) -> float | None:
    """Return the median fundamental frequency in Hz over the voiced frames; None where nothing is voiced."""
    track = pitch_track(wave)
    return float(np.median(track)) if len(track) else None


def semitones(first_hz: float, second_hz: float) -> float:
    """Return how far two frequencies are apart, never negative."""
    return abs(12 * math.log2(first_hz / second_hz))


def _normalised_differences(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return YIN's cumulative mean normalised difference, `(frames, _MAX_LAG + 1)`; near 0 at a period."""
    spectra = np.fft.rfft(frames, _FFT)
    products = np.fft.irfft(np.conj(np.fft.rfft(frames[:, :_WINDOW], _FFT)) * spectra, _FFT)[:, : _MAX_LAG + 1]
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=-1)
    shifted = energy[:, _WINDOW : _WINDOW + _MAX_LAG + 1] - energy[:, : _MAX_LAG + 1]
    differences = np.maximum(shifted[:, :1] + shifted - 2 * products, 0.0)
    differences[:, 0] = 0.0
    means = np.cumsum(differences, axis=-1) / np.maximum(np.arange(_MAX_LAG + 1), 1)
    normalised = differences / np.maximum(means, np.finfo(np.float64).tiny)
    normalised[:, 0] = 1.0
    return normalised


def _period(differences: npt.NDArray[np.float64]) -> float | None:
    """Return the first clear minimum in samples, between samples; None where the frame is not periodic."""
    below = np.flatnonzero(differences[_MIN_LAG:-1] < _APERIODICITY)
    if len(below) == 0:
        return None
    lag = _MIN_LAG + int(below[0])
    while lag + 1 < _MAX_LAG and differences[lag + 1] < differences[lag]:
        lag += 1
    left, middle, right = differences[lag - 1 : lag + 2]
    curvature = left - 2 * middle + right
    return lag + (0.5 * (left - right) / curvature if curvature > 0 else 0.0)
