"""Batches for learning to hear, drawn without end, the same ones whenever a step is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import GLM_HOP_SAMPLES, frame_labels
from gpa_mlx.recipes.demo.recordings.hearing_pool import HearingPool
from gpa_mlx.recipes.demo.recordings.splicing import LabelledSound
from gpa_mlx.train.audio_tokenizers.labelled_audio import SAMPLES_PER_LABEL, AudioBatch, BatchSource


def hearing_source(pool: HearingPool, batch_size: int, *, seed: int) -> BatchSource[AudioBatch]:
    """Return labelled batches of disturbed recordings.

    Args:
        pool: Draws the examples.
        batch_size: Rows.
        seed: With the step, decides on all of a batch.
    """

    def source(step: int) -> Iterator[AudioBatch]:
        while True:
            rng = np.random.default_rng((seed, step))
            yield collate([pool.draw(rng) for _ in range(batch_size)])
            step += 1

    return source


def collate(sounds: list[LabelledSound]) -> AudioBatch:
    """Put sounds side by side, zero-padded to a multiple of a GLM code; voices are not told apart."""
    lengths = np.array([len(sound.wave) for sound in sounds])
    samples = -(-int(lengths.max()) // GLM_HOP_SAMPLES) * GLM_HOP_SAMPLES
    waves = np.zeros((len(sounds), samples), np.float32)
    for row, sound in zip(waves, sounds, strict=True):
        row[: len(sound.wave)] = sound.wave
    frames = samples // SAMPLES_PER_LABEL
    labels = np.stack([frame_labels(sound.spans, frames, SAMPLES_PER_LABEL) for sound in sounds])
    return AudioBatch(waveforms=waves, voices=np.zeros(len(sounds), int), labels=labels, lengths=lengths)
