"""Frame labels of recordings: exact where the times of the phonemes are known, else in proportion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import LabelledSpan
from gpa_mlx.recipes.demo.domain.phones import OTHER_SPEECH, label_of, labels_and_shares
from gpa_mlx.recipes.demo.teachers.phonemes import phonemes
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.recipes.demo.recordings.recording import Recording
    from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord
    from gpa_mlx.types import Waveform

_HOP_SAMPLES = SAMPLE_RATE_HZ // 100
_AUDIBLE_DB = 28.0
_SMOOTHED_HOPS = 5
_ABOVE_FLOOR_DB = 6.0


def phone_spans(recording: Recording) -> tuple[LabelledSpan, ...]:
    """Return where the phones of a recording lie, in samples.

    Where the times of the words are unknown, they share the part that is heard. Speech without words of the domain is
    one span of `OTHER_SPEECH`.

    Raises:
        GPAError: espeak-ng, which tells how words of unknown times are said, is missing or fails.
    """
    if recording.words:
        return tuple(span for word in recording.words for span in _exact(word))
    if not recording.voice:
        return ()
    start, end = audible(recording.wave)
    if not recording.groups:
        return (LabelledSpan(OTHER_SPEECH, start, end),)
    letters = [letter for group in recording.groups for word in group for letter in phonemes((word,), "en-us")[0]]
    return divided(labels_and_shares(letters), start, end)


def audible(wave: Waveform) -> tuple[int, int]:
    """Return the first and one past the last sample of what is heard: what is louder than most of the rest.

    The threshold is 28 dB below the loudest moment, or 6 dB above the noise, whichever is higher.
    """
    hops = len(wave) // _HOP_SAMPLES
    if hops <= _SMOOTHED_HOPS:
        return 0, len(wave)
    powers = np.square(wave[: hops * _HOP_SAMPLES].reshape(hops, _HOP_SAMPLES), dtype=np.float64).mean(1)
    smooth = np.convolve(powers, np.full(_SMOOTHED_HOPS, 1 / _SMOOTHED_HOPS), "same")
    levels_db = 10 * np.log10(np.maximum(smooth, 1e-12))
    floor_db = np.percentile(levels_db, 10)
    threshold_db = max(
        levels_db.max() - _AUDIBLE_DB, min(floor_db + _ABOVE_FLOOR_DB, levels_db.max() - _ABOVE_FLOOR_DB)
    )
    loud = np.flatnonzero(levels_db >= threshold_db)
    return int(loud[0]) * _HOP_SAMPLES, int(loud[-1] + 1) * _HOP_SAMPLES


def divided(labels: Sequence[tuple[int, float]], start: int, end: int) -> tuple[LabelledSpan, ...]:
    """Divide a stretch of samples among labels in proportion to their shares."""
    borders = np.cumsum([0.0, *(share for _, share in labels)])
    places = start + np.round(borders / borders[-1] * (end - start)).astype(int)
    return tuple(
        LabelledSpan(label, int(first), int(stop))
        for (label, _), first, stop in zip(labels, places[:-1], places[1:], strict=True)
    )


def _exact(word: SpokenWord) -> list[LabelledSpan]:
    spans, start = [], None
    for sound in word.sounds:
        label = label_of(sound.letter)
        if label is None:  # a stress mark, which lasts as long as a letter
            start = sound.start if start is None else start
            continue
        spans.append(LabelledSpan(label, sound.start if start is None else start, sound.end))
        start = None
    return spans
