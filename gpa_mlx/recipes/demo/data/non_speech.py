"""Recordings in which nobody says anything: silence, noise, hum, clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.augment import coloured_noise
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, of_noise
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float64]

_MIN_S, _MAX_S = 0.6, 3.0


def non_speech(count: int, *, seed: int) -> list[LabelledUtterance]:
    """Make recordings with an empty text, of every kind in turn.

    Args:
        count: How many.
        seed: The same seed gives the same recordings.

    Returns:
        Utterances of 0.6 to 3 s: digital silence, steady noise from -70 to -15 dB below full scale, swelling noise,
        mains hum, clicks.
    """
    rng = np.random.default_rng([seed, 4])
    kinds = (_silence, _noise, _swelling_noise, _hum, _clicks)
    made = []
    for index in range(count):
        # Whole semantic frames: Fourier transforms of prime lengths are slow.
        samples = round(rng.uniform(_MIN_S, _MAX_S) * SAMPLE_RATE_HZ / SEMANTIC_HOP_SAMPLES) * SEMANTIC_HOP_SAMPLES
        made.append(of_noise(kinds[index % len(kinds)](samples, rng).astype(np.float32)))
    return made


def _silence(samples: int, rng: np.random.Generator) -> Samples:
    return np.zeros(samples)


def _noise(samples: int, rng: np.random.Generator) -> Samples:
    return _level(rng) * coloured_noise(samples, rng.uniform(0, 2, size=1), rng)[0]


def _swelling_noise(samples: int, rng: np.random.Generator) -> Samples:
    nodes = rng.uniform(0, 1, size=6)
    return _noise(samples, rng) * np.interp(np.linspace(0, 5, samples), np.arange(6), nodes)


def _hum(samples: int, rng: np.random.Generator) -> Samples:
    base_hz = rng.choice((50.0, 60.0))
    phase = 2 * np.pi * base_hz * np.arange(samples) / SAMPLE_RATE_HZ
    harmonics = rng.uniform(0, 1, size=8) / np.arange(1, 9)
    hum = sum(weight * np.sin(order * phase) for order, weight in enumerate(harmonics, start=1))
    return _level(rng) * (hum + 0.1 * rng.standard_normal(samples))


def _clicks(samples: int, rng: np.random.Generator) -> Samples:
    clicks = np.zeros(samples)
    starts = rng.integers(samples, size=rng.integers(1, 6))
    clicks[starts] = rng.uniform(-1, 1, size=len(starts))
    ringing = np.exp(-np.arange(160) / 20.0) * np.cos(np.arange(160) * rng.uniform(0.2, 2.0))
    return 0.5 * np.convolve(clicks, ringing)[:samples] + 1e-3 * rng.standard_normal(samples)


def _level(rng: np.random.Generator) -> float:
    return 10 ** (rng.uniform(-70, -15) / 20)
