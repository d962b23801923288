"""What each training stage of the demo model is fed, from any step on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from gpa_mlx.backend import mx
from gpa_mlx.train.codec_learner import CodecLearner
from gpa_mlx.train.demo.augment import AugmentConfig, augment
from gpa_mlx.train.demo.batching import Batch, batches
from gpa_mlx.train.demo.utterances import Utterance
from gpa_mlx.train.demo.voices import VOICE_IDS
from gpa_mlx.train.recordings import SAMPLES_PER_LABEL, AudioBatch, BatchSource, CodedBatch

_NO_VOICE = 0
"""Class given to silence and noise, which the stages that look at voices never see."""


def audio_source(
    utterances: Sequence[Utterance], batch_size: int, *, seed: int, disturbed: bool = True
) -> BatchSource[AudioBatch]:
    """Return labelled batches without end, the same ones whenever a step is asked for.

    Args:
        utterances: All of them occur once per epoch.
        batch_size: Rows.
        seed: Of the order, the silence around the speech and the disturbances.
        disturbed: Let the encoders hear augmented audio.
    """
    per_epoch = -(-len(utterances) // batch_size)

    def source(step: int) -> Iterator[AudioBatch]:
        while True:
            epoch, skip = divmod(step, per_epoch)
            for batch in islice(batches(utterances, batch_size, seed=seed, epoch=epoch), skip, None):
                yield _labelled(batch, np.random.default_rng((seed, step)) if disturbed else None)
                step += 1

    return source


def coded_source(
    learner: CodecLearner, utterances: Sequence[Utterance], batch_size: int, *, reference_s: float, seed: int
) -> BatchSource[CodedBatch]:
    """Return the batches without end, every utterance tokenised once by the final tokenizers when it is first needed.

    Args:
        learner: Holds the tokenizers.
        utterances: What a decoder shall reproduce.
        batch_size: Rows.
        reference_s: Seconds of a voice that its speaker codes are made of.
        seed: Of the batches and their order.
    """
    count = -(-len(utterances) // batch_size)
    coded: list[CodedBatch] = []

    def source(step: int) -> Iterator[CodedBatch]:
        if not coded:
            rng = np.random.default_rng(seed)
            for batch in islice(audio_source(utterances, batch_size, seed=seed, disturbed=False)(0), count):
                coded.append(learner.code(batch, reference_s, rng))
                mx.clear_cache()
        while True:
            epoch, skip = divmod(step, count)
            for index in np.random.default_rng((seed, epoch)).permutation(count)[skip:]:
                yield coded[index]
                step += 1

    return source


def _labelled(batch: Batch, rng: np.random.Generator | None) -> AudioBatch:
    return AudioBatch(
        waveforms=batch.waves,
        voices=np.array([VOICE_IDS.get(utterance.voice, _NO_VOICE) for utterance in batch.utterances]),
        labels=batch.phone_labels(SAMPLES_PER_LABEL),
        lengths=batch.lengths,
        augmented=None if rng is None else augment(batch.waves, rng, AugmentConfig()),
    )
