"""Reference recordings of voices, from the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance

_TYPICAL = 20


def reference_recording(training: Sequence[LabelledUtterance], voice: str, seconds: float) -> Waveform:
    """Return what to make a voice from: its longest training recordings, as many as fill the wanted length.

    Args:
        training: Has at least one recording of the voice.
        voice: Its name.
        seconds: Wanted length; all recordings together may be shorter.

    Returns:
        `(samples,)` float32 at 16 kHz.
    """
    longest_first = sorted(_of_voice(training, voice), key=lambda utterance: -len(utterance.samples))
    chosen, samples = [], 0
    for utterance in longest_first:
        if samples >= seconds * SAMPLE_RATE_HZ:
            break
        chosen.append(utterance.wave)
        samples += len(utterance.samples)
    return np.concatenate(chosen)


def typical_recording(training: Sequence[LabelledUtterance], voice: str) -> Waveform:
    """Return the first twenty training recordings of a voice in one, which are all the words: `(samples,)` float32."""
    return np.concatenate([utterance.wave for utterance in _of_voice(training, voice)[:_TYPICAL]])


def _of_voice(training: Sequence[LabelledUtterance], voice: str) -> list[LabelledUtterance]:
    return [utterance for utterance in training if utterance.voice == voice]
