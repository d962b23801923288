"""What happens to speech on its way to a program, one recording at a time.

Voices change, rooms ring, microphones colour, telephones cut, and there is noise. All random decisions come from the
given generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soxr

from gpa_mlx.audio.dsp.time_stretch import stretch
from gpa_mlx.recipes.demo.data.alignment import LabelledSpan
from gpa_mlx.recipes.demo.data.augment import coloured_noise, equalize
from gpa_mlx.recipes.demo.recordings.splicing import LabelledSound
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from gpa_mlx.types import Waveform

_TELEPHONE_HZ = (300.0, 3400.0)
_MU = 255.0
_BAND_EDGES_HZ = ((20.0, 150.0), (3000.0, 7600.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acoustics:
    """How often something happens, and how much of it.

    Attributes:
        speed: Probability of another tempo at the same pitch.
        tempo: Its range.
        pitch: Probability of another pitch and vocal tract.
        pitch_factor: Its range.
        margin_s: Most of the room's quiet before, and about the most after the speech.
        room: Probability of reverberation.
        decay_s: Range of the time in which it falls by 60 dB.
        direct_db: Range of direct sound over reverberation.
        microphone: Probability of a microphone's frequency response and band.
        colour_db: Largest boost or cut of its response.
        telephone: Probability of a telephone's band and mu-law coding, as 8 kHz recordings have.
        noise: Probability of noise that is clearly heard; a room is never without any.
        snr_db: Range of speech over it.
        floor_dbfs: Range of the noise there is always.
        level_dbfs: Range of the loudest moment.
        clipping: Probability of a recording that is too loud.
    """

    speed: float = 0.3
    tempo: tuple[float, float] = (0.85, 1.25)
    pitch: float = 0.4
    pitch_factor: tuple[float, float] = (0.86, 1.16)
    margin_s: float = 0.8
    room: float = 0.5
    decay_s: tuple[float, float] = (0.08, 0.6)
    direct_db: tuple[float, float] = (0.0, 18.0)
    microphone: float = 0.7
    colour_db: float = 10.0
    telephone: float = 0.2
    noise: float = 0.6
    snr_db: tuple[float, float] = (4.0, 30.0)
    floor_dbfs: tuple[float, float] = (-95.0, -55.0)
    level_dbfs: tuple[float, float] = (-26.0, -1.0)
    clipping: float = 0.05


@dataclass(frozen=True, slots=True)
class HeardSound:
    """A speaker in quiet, at the times and the pitch in which they speak, and what is heard of it.

    Attributes:
        said: Words, spans, and samples without room, microphone and noise.
        heard: `(samples,)` float32, as long as those.
    """

    said: LabelledSound
    heard: Waveform


def disturb(
    sound: LabelledSound, rng: np.random.Generator, backgrounds: Sequence[Waveform], config: Acoustics
) -> HeardSound:
    """Let all of it happen to a recording.

    Args:
        sound: Clean or as a person's microphone took it.
        rng: Decides.
        backgrounds: Recorded noises, `(samples,)` float32; may be none.
        config: How much.

    Returns:
        The speaker as said, and what a program hears, within [-1, 1].
    """
    if rng.random() < config.pitch:
        sound = shift_pitch(sound, float(rng.uniform(*config.pitch_factor)))
    if rng.random() < config.speed:
        sound = change_tempo(sound, float(rng.uniform(*config.tempo)))
    spoken = _level(sound.wave)
    # More often short than long: a person who holds a key down leaves little room.
    lead, tail = (int(rng.beta(1, 2) * config.margin_s * SAMPLE_RATE_HZ) for _ in range(2))
    sound = _padded(sound, lead, fast_length(lead + len(sound.wave) + tail) - lead - len(sound.wave))
    wave = sound.wave
    if rng.random() < config.room:
        wave = _reverberated(wave, rng, config)
    if rng.random() < config.noise:
        loudness = spoken * 10 ** (-rng.uniform(*config.snr_db) / 20)
        wave = wave + np.float32(loudness) * _noise(len(wave), rng, backgrounds)
    if rng.random() < config.microphone:
        wave = _band_limited(equalize(wave[None].astype(np.float32, copy=False), rng, config.colour_db)[0], rng)
    if rng.random() < config.telephone:
        wave = telephone(wave.astype(np.float32, copy=False))
    peak = float(np.abs(wave).max(initial=1e-6))
    wave = wave * np.float32(10 ** (rng.uniform(*config.level_dbfs) / 20) / peak)
    if rng.random() < config.clipping:
        wave = wave * np.float32(rng.uniform(1.5, 4.0) / np.abs(wave).max(initial=1e-6))
    floor = 10 ** (rng.uniform(*config.floor_dbfs) / 20)
    wave = wave + np.float32(floor) * coloured_noise(len(wave), rng.uniform(0, 2, size=1), rng)[0]
    return HeardSound(sound, np.clip(wave, -1, 1).astype(np.float32, copy=False))


def fast_length(samples: int) -> int:
    """Return the next length of which Fourier transforms are fast, those of its half too: twice 2^a 3^b 5^c."""
    length = 2
    while length < samples:
        length *= 2
    candidates = [length]
    for factor in (3, 5, 9, 15, 25, 27, 45):
        scaled = 2 * factor
        while scaled < samples:
            scaled *= 2
        candidates.append(scaled)
    return min(candidates)


def shift_pitch(sound: LabelledSound, factor: float) -> LabelledSound:
    """Multiply pitch and formants, and divide the duration, by a factor: play it faster."""
    wave = soxr.resample(sound.wave, SAMPLE_RATE_HZ * factor, SAMPLE_RATE_HZ, quality="MQ").astype(np.float32)
    return _stretched(sound, wave)


def change_tempo(sound: LabelledSound, tempo: float) -> LabelledSound:
    """Divide the duration by a factor at the same pitch."""
    return _stretched(sound, stretch(sound.wave, tempo).astype(np.float32, copy=False))


def telephone(wave: Waveform) -> Waveform:
    """Return what a telephone leaves: 8 kHz, 300 to 3,400 Hz, mu-law."""
    narrow = soxr.resample(wave, SAMPLE_RATE_HZ, 8000, quality="MQ").astype(np.float64)
    spectrum = np.fft.rfft(narrow)
    frequencies = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum[(frequencies < _TELEPHONE_HZ[0]) | (frequencies > _TELEPHONE_HZ[1])] *= 0.05
    narrow = np.fft.irfft(spectrum, len(narrow))
    peak = max(float(np.abs(narrow).max(initial=0.0)), 1e-6)
    compressed = np.sign(narrow) * np.log1p(_MU * np.abs(narrow / peak)) / np.log1p(_MU)
    coded = np.round(compressed * 127) / 127
    expanded = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(_MU)) / _MU * peak
    wide = soxr.resample(expanded, 8000, SAMPLE_RATE_HZ, quality="MQ").astype(np.float32)
    return np.resize(wide, len(wave)) if len(wide) >= len(wave) else np.pad(wide, (0, len(wave) - len(wide)))


def _reverberated(wave: Waveform, rng: np.random.Generator, config: Acoustics) -> Waveform:
    """Add a room: a few early reflections, then noise that decays exponentially, as in Habets' simple model."""
    decay_s = float(np.exp(rng.uniform(*np.log(config.decay_s))))
    length = int(decay_s * SAMPLE_RATE_HZ)
    response = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    early = rng.integers(16, max(17, min(length, 800)), size=6)
    response[early] += rng.uniform(-2, 2, size=len(early))
    response /= np.sqrt(np.square(response).sum()) * 10 ** (rng.uniform(*config.direct_db) / 20)
    response[0] += 1.0
    size = fast_length(len(wave) + length)
    wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(response, size), size)
    return wet[: len(wave)].astype(np.float32)


def _noise(samples: int, rng: np.random.Generator, backgrounds: Sequence[Waveform]) -> Waveform:
    """Make noise of a mean power of 1: recorded, hissing, humming, or coming and going."""
    kind = rng.integers(4)
    if kind == 0 and backgrounds:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        noise = np.roll(np.resize(background, samples), int(rng.integers(samples)))
    elif kind == 1:
        hum_hz = rng.choice((50.0, 60.0, 100.0, 120.0))
        time_s = np.arange(samples) / SAMPLE_RATE_HZ
        noise = sum(rng.uniform(0, 1) / order * np.sin(2 * np.pi * hum_hz * order * time_s) for order in range(1, 12))
        noise = noise + 0.2 * rng.standard_normal(samples)
    else:
        noise = coloured_noise(samples, rng.uniform(0, 2, size=1), rng)[0]
        if kind == 2:
            nodes = rng.uniform(0, 1, size=8)
            noise = noise * np.interp(np.linspace(0, 7, samples), np.arange(8), nodes)
    noise = np.asarray(noise, np.float32)
    return noise / np.float32(max(_level(noise), 1e-6))


def _band_limited(wave: Waveform, rng: np.random.Generator) -> Waveform:
    low, high = (float(np.exp(rng.uniform(*np.log(edges)))) for edges in _BAND_EDGES_HZ)
    frequencies = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE_HZ)
    gains = 1 / np.sqrt(1 + (low / np.maximum(frequencies, 1.0)) ** 4) / np.sqrt(1 + (frequencies / high) ** 8)
    return np.fft.irfft(np.fft.rfft(wave) * gains, len(wave)).astype(np.float32)


def _padded(sound: LabelledSound, lead: int, tail: int) -> LabelledSound:
    spans = tuple(LabelledSpan(label, start + lead, end + lead) for label, start, end in sound.spans)
    return LabelledSound(np.pad(sound.wave, (lead, tail)), sound.words, spans)


def _stretched(sound: LabelledSound, wave: Waveform) -> LabelledSound:
    factor = len(wave) / max(1, len(sound.wave))
    spans = tuple(LabelledSpan(label, round(start * factor), round(end * factor)) for label, start, end in sound.spans)
    return LabelledSound(wave, sound.words, spans)


def _level(wave: npt.NDArray[np.floating]) -> float:
    return float(np.sqrt(np.square(wave, dtype=np.float64).mean())) if len(wave) else 0.0
