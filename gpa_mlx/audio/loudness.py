"""Volume: the reference's percentile rule for what goes in, the mean for what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gpa_mlx.audio.recording import Samples
    from gpa_mlx.types import Waveform

_QUIET_PEAK = 0.1
_SMALLEST_DIVISOR = 1e-3
_AUDIBLE = 0.01
_MIN_AUDIBLE_SAMPLES = 10
_MIN_GAIN, _MAX_GAIN = 0.1, 10.0


def normalize_loudness(samples: Samples, target: float = 0.2) -> Samples:
    """Scale so that the loud parts have a fixed magnitude.

    The loudness is the mean magnitude between the 90th and the 99th percentile of the audible samples, those above
    0.01 before any scaling. A signal whose peak is below 0.1 is first raised to it, and the result never exceeds 1.
    Source: `audio_volume_normalize` of Spark-TTS, in float64.

    Args:
        samples: `(samples,)` float64, any length.
        target: Wanted magnitude of the loud parts.

    Returns:
        `(samples,)` float64; silence stays silence.
    """
    if len(samples) == 0:
        return samples
    magnitudes = np.abs(samples)
    peak = magnitudes.max()
    if peak < _QUIET_PEAK:
        samples = samples / max(peak, _SMALLEST_DIVISOR) * _QUIET_PEAK
    audible = np.sort(magnitudes[magnitudes > _AUDIBLE])
    count = len(audible)
    if count <= _MIN_AUDIBLE_SAMPLES:
        return samples
    loudness = np.mean(audible[int(0.9 * count) : int(0.99 * count)])
    samples = samples * np.clip(target / loudness, _MIN_GAIN, _MAX_GAIN)
    peak = np.abs(samples).max()
    return samples / peak if peak > 1 else samples


def remove_dc(wave: Waveform) -> Waveform:
    """Subtract the mean of the whole utterance, `(samples,)` float32, as the reference does with decoded speech."""
    return wave - wave.mean() if len(wave) else wave
