"""Batches of each training stage of the demo model, from any step on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.augment import AugmentConfig, augment
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICE_IDS
from gpa_mlx.recipes.demo.data.utterance_batches import UtteranceBatch, batches
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecTrainingModel
from gpa_mlx.train.audio_tokenizers.labelled_audio import SAMPLES_PER_LABEL, AudioBatch, BatchSource, CodedBatch
from gpa_mlx.types import Waveform

_MAX_OFFSET_SAMPLES = 96
"""Largest shift of the encoders' input against the decoder's target: less than half a frame."""

_NO_VOICE = 0
"""Class given to silence and noise, which the stages that look at voices never see."""


def audio_source(utterances: Sequence[LabelledUtterance], batch_size: int, *, seed: int) -> BatchSource[AudioBatch]:
    """Return labelled and augmented batches without end, the same ones whenever a step is asked for.

    Args:
        utterances: All of them occur once per epoch.
        batch_size: Rows.
        seed: Of the order, the silence around the speech and the augmentation.
    """
    per_epoch = -(-len(utterances) // batch_size)

    def source(step: int) -> Iterator[AudioBatch]:
        while True:
            epoch, skip = divmod(step, per_epoch)
            for batch in islice(batches(utterances, batch_size, seed=seed, epoch=epoch), skip, None):
                yield _augmented(batch, np.random.default_rng((seed, step)))
                step += 1

    return source


def coded_source(
    model: CodecTrainingModel,
    utterances: Sequence[LabelledUtterance],
    batch_size: int,
    *,
    reference_s: float,
    seed: int,
) -> BatchSource[CodedBatch]:
    """Return the batches without end, all of them tokenised by the final tokenizers when the first one is needed.

    The decoder's target begins with a semantic frame, the input of the tokenizers a little beside it: codes hardly tell
    where in a frame a sound begins, so only then do they tell where each pulse of a voice is.

    Args:
        model: Holds the tokenizers.
        utterances: Targets of the decoder, steady speech; one that occurs twice is shifted in two ways.
        batch_size: Rows.
        reference_s: Seconds of a voice that its speaker codes are made of.
        seed: Of the batches and their order.
    """
    coded: list[CodedBatch] = []

    def source(step: int) -> Iterator[CodedBatch]:
        if not coded:
            rng = np.random.default_rng(seed)
            for batch in batches(utterances, batch_size, seed=seed):
                coded.append(model.code(_on_frames(batch, rng), reference_s, rng))
                mx.clear_cache()
        while True:
            epoch, skip = divmod(step, len(coded))
            for index in np.random.default_rng((seed, epoch)).permutation(len(coded))[skip:]:
                yield coded[index]
                step += 1

    return source


def _augmented(batch: UtteranceBatch, rng: np.random.Generator) -> AudioBatch:
    return _labelled(batch, batch.waves, augment(batch.waves, rng, AugmentConfig()))


def _on_frames(batch: UtteranceBatch, rng: np.random.Generator) -> AudioBatch:
    """Shift the target to the nearest semantic frame, and the input a little before or after it."""
    targets, inputs = np.zeros_like(batch.waves), np.zeros_like(batch.waves)
    offsets = rng.integers(-_MAX_OFFSET_SAMPLES, _MAX_OFFSET_SAMPLES + 1, size=len(targets))
    for row, utterance in enumerate(batch.utterances):
        speech = batch.waves[row, utterance.word_spans[0].start :]
        frame_start = round(utterance.word_spans[0].start / SEMANTIC_HOP_SAMPLES) * SEMANTIC_HOP_SAMPLES
        for wave, start in ((targets[row], frame_start), (inputs[row], frame_start + offsets[row])):
            wave[start : start + len(speech)] = speech[: len(wave) - start]
    return _labelled(batch, targets, inputs)


def _labelled(batch: UtteranceBatch, targets: Waveform, inputs: Waveform) -> AudioBatch:
    return AudioBatch(
        waveforms=targets,
        voices=np.array([VOICE_IDS.get(utterance.voice, _NO_VOICE) for utterance in batch.utterances]),
        labels=batch.phone_labels(SAMPLES_PER_LABEL),
        lengths=batch.lengths,
        augmented=inputs,
    )
