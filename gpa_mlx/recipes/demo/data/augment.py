"""Data augmentation with equalisation, reverberation, noise and gain, for the inputs of the tokenizers.

Every function takes a padded batch `(B, samples)` float32 and changes each row independently; silence stays silence
unless noise is added to speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    import numpy.typing as npt

    Batch = npt.NDArray[np.float32]

_LOWEST_HZ = 50.0
_EQ_POINTS = 6
_REVERB_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """Strength of each augmentation, and the probability with which a row gets it.

    Attributes:
        equalize: Probability of a random smooth frequency response.
        equalize_db: Its largest boost or cut.
        reverberate: Probability of reverberation.
        reverb_db: Range of direct sound over reverberation.
        noise: Probability of noise.
        snr_db: Range of speech over noise.
        gain_db: Largest change of level, always applied.
    """

    equalize: float = 0.7
    equalize_db: float = 8.0
    reverberate: float = 0.3
    reverb_db: tuple[float, float] = (6.0, 18.0)
    noise: float = 0.7
    snr_db: tuple[float, float] = (5.0, 35.0)
    gain_db: float = 6.0


def augment(waves: Batch, rng: np.random.Generator, config: AugmentConfig) -> Batch:
    """Augment a batch: frequency response, reverberation, noise, gain.

    Args:
        waves: `(B, samples)` float32; exactly 0 where nothing is said.
        rng: Decides everything random.
        config: How much.

    Returns:
        `(B, samples)` float32, within [-1, 1].
    """
    count = len(waves)
    speech = waves != 0
    disturbed = waves.copy()
    rows = _chosen(rng, count, config.equalize)
    disturbed[rows] = equalize(disturbed[rows], rng, config.equalize_db)
    rows = _chosen(rng, count, config.reverberate)
    disturbed[rows] = reverberate(disturbed[rows], rng, rng.uniform(*config.reverb_db, size=len(rows)))
    rows = _chosen(rng, count, config.noise)
    disturbed[rows] = add_noise(disturbed[rows], rng, rng.uniform(*config.snr_db, size=len(rows)), speech[rows])
    gain_db = rng.uniform(-config.gain_db, config.gain_db, size=(count, 1)).astype(np.float32)
    return np.clip(disturbed * 10 ** (gain_db / 20), -1.0, 1.0).astype(np.float32, copy=False)


def equalize(waves: Batch, rng: np.random.Generator, max_db: float) -> Batch:
    """Apply a random frequency response that is smooth over log-frequency and stays within +-`max_db`."""
    samples = waves.shape[-1]
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    nodes_hz = np.geomspace(_LOWEST_HZ, SAMPLE_RATE_HZ / 2, _EQ_POINTS)
    gains_db = rng.uniform(-max_db, max_db, size=(len(waves), _EQ_POINTS))
    position = np.log(np.maximum(frequencies, _LOWEST_HZ))
    spectra = np.fft.rfft(waves)
    for spectrum, row_db in zip(spectra, gains_db, strict=True):
        spectrum *= 10 ** (np.interp(position, np.log(nodes_hz), row_db) / 20)
    return np.fft.irfft(spectra, samples).astype(np.float32, copy=False)


def reverberate(waves: Batch, rng: np.random.Generator, direct_to_reverb_db: npt.NDArray[np.floating]) -> Batch:
    """Add the reverberation of a small synthetic room: exponentially decaying noise, 60 dB within 0.1 to 0.25 s.

    Args:
        waves: `(B, samples)` float32.
        rng: Makes the rooms.
        direct_to_reverb_db: `(B,)` energy of the direct sound over that of the reverberation.

    Returns:
        `(B, samples)` float32; what rings on after the last sample is cut off.
    """
    rows, samples = waves.shape
    length = int(_REVERB_S * SAMPLE_RATE_HZ)
    decay_s = rng.uniform(0.1, _REVERB_S, size=(rows, 1))
    time_s = np.arange(length) / SAMPLE_RATE_HZ
    response = rng.standard_normal((rows, length)) * 10 ** (-3 * time_s / decay_s)
    response /= np.sqrt((response**2).sum(-1, keepdims=True)) * 10 ** (direct_to_reverb_db[:, None] / 20)
    response = response.astype(np.float32)
    response[:, 0] += 1.0
    size = samples + length
    wet = np.fft.irfft(np.fft.rfft(waves, size) * np.fft.rfft(response, size), size)
    return wet[:, :samples].astype(np.float32, copy=False)


def add_noise(
    waves: Batch, rng: np.random.Generator, snr_db: npt.NDArray[np.floating], speech: npt.NDArray[np.bool_]
) -> Batch:
    """Add noise at a given signal-to-noise ratio, over the whole row.

    Args:
        waves: `(B, samples)` float32.
        rng: Makes the noise, of a random colour for each row.
        snr_db: `(B,)` mean power of the speech over that of the noise.
        speech: `(B, samples)`, true where something is said: what the speech's mean power is taken over.

    Returns:
        `(B, samples)` float32; rows without speech are unchanged.
    """
    count = speech.sum(-1, keepdims=True)
    power = np.square(waves * speech).sum(-1, keepdims=True, dtype=np.float64) / np.maximum(count, 1)
    level = np.sqrt(power) * 10 ** (-snr_db[:, None] / 20)
    colour = rng.uniform(0.0, 2.0, size=len(waves))
    return waves + level.astype(np.float32) * coloured_noise(waves.shape[-1], colour, rng)


def coloured_noise(samples: int, colour: npt.NDArray[np.floating], rng: np.random.Generator) -> Batch:
    """Make Gaussian noise whose power falls as a power of the frequency.

    Args:
        samples: Length.
        colour: `(B,)` exponents: 0 is white, 1 pink, 2 brown noise.
        rng: Makes the noise.

    Returns:
        `(B, samples)` float32 with a mean power of 1.
    """
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ), _LOWEST_HZ)
    falling = np.log(frequencies / _LOWEST_HZ).astype(np.float32) / 2
    spectra = np.fft.rfft(rng.standard_normal((len(colour), samples), dtype=np.float32))
    spectra *= np.exp(-colour[:, None].astype(np.float32) * falling)
    noise = np.fft.irfft(spectra, samples).astype(np.float32, copy=False)
    return noise / np.sqrt(np.square(noise).mean(-1, keepdims=True))


def _chosen(rng: np.random.Generator, rows: int, probability: float) -> npt.NDArray[np.intp]:
    return np.flatnonzero(rng.random(rows) < probability)
