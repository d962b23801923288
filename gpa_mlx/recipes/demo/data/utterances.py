"""A recording of the demo data with its text, voice and alignments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gpa_mlx.recipes.demo.data.alignment import LabelledSpan, shifted
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from gpa_mlx.recipes.demo.data.synthesis import Phrasing, TimedSpeech
    from gpa_mlx.recipes.demo.data.vocabulary import WordSequence

_FULL_SCALE = 32767


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledUtterance:
    """A recording.

    Attributes:
        samples: `(samples,)` int16 at 16 kHz; may be a view of a memory-mapped file.
        words: What is said; empty for silence and noise.
        voice: Name of who says it; empty for silence and noise.
        phrasing: How it is said; None for silence and noise.
        word_spans: Where each word lies in `samples`.
        phone_spans: Where each phone lies in `samples`.
    """

    samples: npt.NDArray[np.int16]
    words: WordSequence
    voice: str
    phrasing: Phrasing | None
    word_spans: tuple[LabelledSpan, ...]
    phone_spans: tuple[LabelledSpan, ...]

    @property
    def text(self) -> str:
        """The words with blanks between them."""
        return " ".join(self.words)

    @property
    def wave(self) -> Waveform:
        """`(samples,)` float32 in [-1, 1]."""
        return np.divide(self.samples, _FULL_SCALE, dtype=np.float32)

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def of_speech(spoken: TimedSpeech, words: WordSequence, voice: str, phrasing: Phrasing) -> LabelledUtterance:
    """Make an utterance of timed speech."""
    return LabelledUtterance(
        samples=as_int16(spoken.wave),
        words=words,
        voice=voice,
        phrasing=phrasing,
        word_spans=spoken.words,
        phone_spans=spoken.phones,
    )


def of_noise(wave: Waveform) -> LabelledUtterance:
    """Make an utterance with an empty text."""
    return LabelledUtterance(samples=as_int16(wave), words=(), voice="", phrasing=None, word_spans=(), phone_spans=())


def padded(utterance: LabelledUtterance, lead_samples: int, tail_samples: int) -> LabelledUtterance:
    """Put digital silence before and after an utterance."""
    return replace(
        utterance,
        samples=np.pad(utterance.samples, (lead_samples, tail_samples)),
        word_spans=shifted(utterance.word_spans, lead_samples),
        phone_spans=shifted(utterance.phone_spans, lead_samples),
    )


def as_int16(wave: Waveform) -> npt.NDArray[np.int16]:
    """Quantise float32 samples, cutting what exceeds [-1, 1]."""
    return np.round(np.clip(wave, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
