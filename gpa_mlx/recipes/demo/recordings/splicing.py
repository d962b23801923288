"""Words cut from recordings and joined into new phrases, with pauses and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import LabelledSpan, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.types import Waveform

_FADE_SAMPLES = 160


@dataclass(frozen=True, slots=True)
class LabelledSound:
    """Sound with its words and the spans of their phones.

    Attributes:
        wave: `(samples,)` float32 at 16 kHz.
        words: Of the domain, in order.
        spans: Labels and the samples they cover, in order.
    """

    wave: Waveform
    words: tuple[str, ...]
    spans: tuple[LabelledSpan, ...]


def cut(sound: LabelledSound, start: int, end: int, words: tuple[str, ...]) -> LabelledSound:
    """Cut a part out and fade its ends over 10 ms.

    Args:
        sound: The whole.
        start: First sample.
        end: One past the last.
        words: Those that lie in the part.
    """
    wave = sound.wave[start:end].copy()
    fade = min(_FADE_SAMPLES, len(wave) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    wave[:fade] *= ramp
    wave[len(wave) - fade :] *= ramp[::-1]
    inside = (
        LabelledSpan(label, max(first, start) - start, min(stop, end) - start)
        for label, first, stop in sound.spans
        if first < end and stop > start
    )
    return LabelledSound(wave, words, tuple(inside))


def join(sounds: Sequence[LabelledSound], gaps: Sequence[int]) -> LabelledSound:
    """Put sounds behind each other, and make them equally loud.

    Args:
        sounds: At least one.
        gaps: Samples between each and the next; where a gap is negative, they overlap, at most by half of the shorter.
    """
    loudness = [_level(sound.wave) for sound in sounds]
    target = float(np.median(loudness))
    starts, end = [0], len(sounds[0].wave)
    for before, sound, gap in zip(sounds, sounds[1:], gaps, strict=False):
        overlap = min(len(before.wave), len(sound.wave)) // 2
        starts.append(end + max(gap, -overlap))
        end = starts[-1] + len(sound.wave)
    wave = np.zeros(end, np.float32)
    for sound, start, level in zip(sounds, starts, loudness, strict=True):
        wave[start : start + len(sound.wave)] += sound.wave * np.float32(target / max(level, 1e-6))
    return LabelledSound(
        wave,
        tuple(word for sound in sounds for word in sound.words),
        tuple(span for sound, start in zip(sounds, starts, strict=True) for span in shifted(sound.spans, start)),
    )


def _level(wave: Waveform) -> float:
    return float(np.sqrt(np.square(wave, dtype=np.float64).mean()))
