"""Synthetic input: the same work everywhere without files; speeds do not depend on what is said."""

from __future__ import annotations

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

_SENTENCE = "The north wind and the sun were disputing which was the stronger, when a traveller came along. "
_CHARACTERS_PER_S = 15


def speech_like(seconds: float) -> Waveform:
    """Synthesise a voice-like sound: gliding harmonics shaped by moving formants, in syllables with pauses.

    Returns:
        `(seconds * 16000,)` float32 in [-1, 1], the same for the same length on every machine.
    """
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 0.4 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE_HZ
    # Two formants that wander over the vowel space, one broad peak each.
    first_hz = 500 + 250 * np.sin(2 * np.pi * 1.7 * time_s)
    second_hz = 1500 + 600 * np.sin(2 * np.pi * 1.1 * time_s + 1)
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 25):
        frequency_hz = harmonic * pitch_hz
        peaks = np.exp(-(((frequency_hz - first_hz) / 150) ** 2)) + 0.5 * np.exp(
            -(((frequency_hz - second_hz) / 200) ** 2)
        )
        sound += (0.05 / harmonic + peaks) * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * time_s) + 0.6, 0, 1)
    phrases = (time_s % 3.0) < 2.6
    sound *= syllables * phrases
    return (0.5 * sound / max(np.abs(sound).max(initial=0.0), 1e-9)).astype(np.float32)


def text_for(seconds: float) -> str:
    """Return English text that takes about this long to say."""
    characters = max(round(seconds * _CHARACTERS_PER_S), len("The north wind"))
    repeated = _SENTENCE * (characters // len(_SENTENCE) + 1)
    return repeated[:characters].strip()
