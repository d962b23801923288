"""What each training stage of the demo model is fed, from any step on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES
from gpa_mlx.recipes.demo.data.augment import AugmentConfig, augment
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICE_IDS
from gpa_mlx.recipes.demo.data.utterance_batches import Batch, batches
from gpa_mlx.recipes.demo.data.utterances import Utterance
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.audio_tokenizers.codec_training_model import CodecLearner
from gpa_mlx.train.audio_tokenizers.labelled_audio import SAMPLES_PER_LABEL, AudioBatch, BatchSource, CodedBatch
from gpa_mlx.types import Waveform

_HEARD_OFFSET_SAMPLES = 96
"""How far beside a frame a recording may be heard to begin: less than half a frame, or it might be the next one."""

_NO_VOICE = 0
"""Class given to silence and noise, which the stages that look at voices never see."""


def audio_source(utterances: Sequence[Utterance], batch_size: int, *, seed: int) -> BatchSource[AudioBatch]:
    """Return labelled and disturbed batches without end, the same ones whenever a step is asked for.

    Args:
        utterances: All of them occur once per epoch.
        batch_size: Rows.
        seed: Of the order, the silence around the speech and the disturbances.
    """
    per_epoch = -(-len(utterances) // batch_size)

    def source(step: int) -> Iterator[AudioBatch]:
        while True:
            epoch, skip = divmod(step, per_epoch)
            for batch in islice(batches(utterances, batch_size, seed=seed, epoch=epoch), skip, None):
                yield _disturbed(batch, np.random.default_rng((seed, step)))
                step += 1

    return source


def coded_source(
    learner: CodecLearner, utterances: Sequence[Utterance], batch_size: int, *, reference_s: float, seed: int
) -> BatchSource[CodedBatch]:
    """Return the batches without end, all of them tokenised by the final tokenizers when the first one is needed.

    What the decoder shall make begins with a semantic frame, though the tokenizers hear it begin a little beside it:
    codes hardly tell where in a frame a sound begins, so only then do they tell where each pulse of a voice is.

    Args:
        learner: Holds the tokenizers.
        utterances: What a decoder shall reproduce, steady speech; one that occurs twice is heard at two places.
        batch_size: Rows.
        reference_s: Seconds of a voice that its speaker codes are made of.
        seed: Of the batches and their order.
    """
    coded: list[CodedBatch] = []

    def source(step: int) -> Iterator[CodedBatch]:
        if not coded:
            rng = np.random.default_rng(seed)
            for batch in batches(utterances, batch_size, seed=seed):
                coded.append(learner.code(_on_frames(batch, rng), reference_s, rng))
                mx.clear_cache()
        while True:
            epoch, skip = divmod(step, len(coded))
            for index in np.random.default_rng((seed, epoch)).permutation(len(coded))[skip:]:
                yield coded[index]
                step += 1

    return source


def _disturbed(batch: Batch, rng: np.random.Generator) -> AudioBatch:
    return _labelled(batch, batch.waves, augment(batch.waves, rng, AugmentConfig()))


def _on_frames(batch: Batch, rng: np.random.Generator) -> AudioBatch:
    """Let what is to be made begin with the nearest semantic frame, and be heard a little earlier or later."""
    made, heard = np.zeros_like(batch.waves), np.zeros_like(batch.waves)
    offsets = rng.integers(-_HEARD_OFFSET_SAMPLES, _HEARD_OFFSET_SAMPLES + 1, size=len(made))
    for row, utterance in enumerate(batch.utterances):
        speech = batch.waves[row, utterance.word_spans[0].start :]
        place = round(utterance.word_spans[0].start / SEMANTIC_HOP_SAMPLES) * SEMANTIC_HOP_SAMPLES
        for wave, start in ((made[row], place), (heard[row], place + offsets[row])):
            wave[start : start + len(speech)] = speech[: len(wave) - start]
    return _labelled(batch, made, heard)


def _labelled(batch: Batch, waves: Waveform, heard: Waveform) -> AudioBatch:
    return AudioBatch(
        waveforms=waves,
        voices=np.array([VOICE_IDS.get(utterance.voice, _NO_VOICE) for utterance in batch.utterances]),
        labels=batch.phone_labels(SAMPLES_PER_LABEL),
        lengths=batch.lengths,
        augmented=heard,
    )
