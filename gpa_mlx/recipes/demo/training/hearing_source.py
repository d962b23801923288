"""Batches for learning to hear, drawn without end, the same ones whenever a step is asked for."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import GLM_HOP_SAMPLES, frame_labels
from gpa_mlx.recipes.demo.recordings.hearing_pool import HearingExample, HearingPool
from gpa_mlx.train.audio_tokenizers.labelled_audio import SAMPLES_PER_LABEL, AudioBatch, BatchSource
from gpa_mlx.types import Waveform

VOICE_CLASSES = 256
"""Voices are told apart by a hash of their names: there are always more of them."""


def hearing_source(
    pool: HearingPool,
    batch_size: int,
    *,
    seed: int,
    loaders: int = 1,
    prepare: Callable[[Waveform], Waveform] = lambda wave: wave,
) -> BatchSource[AudioBatch]:
    """Return labelled batches: speakers in quiet, and what is heard of them.

    Args:
        pool: Draws the examples.
        batch_size: Rows.
        seed: With the step, decides on all of a batch.
        loaders: Threads that make batches ahead of the training, for a GPU beside many cores; the batches are the same.
            With one, each is made when it is asked for.
        prepare: What a tokenizer does to a recording before it encodes it; keeps the length.
    """

    def make(step: int) -> AudioBatch:
        rng = np.random.default_rng((seed, step))
        return collate([pool.draw(rng) for _ in range(batch_size)], prepare)

    def source(step: int) -> Iterator[AudioBatch]:
        if loaders == 1:
            while True:
                yield make(step)
                step += 1
        with ThreadPoolExecutor(loaders) as threads:
            made: deque[Future[AudioBatch]] = deque(threads.submit(make, step + ahead) for ahead in range(2 * loaders))
            try:
                while True:
                    step += 1
                    made.append(threads.submit(make, step + 2 * loaders - 1))
                    yield made.popleft().result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    return source


def collate(examples: Sequence[HearingExample], prepare: Callable[[Waveform], Waveform]) -> AudioBatch:
    """Put examples side by side, zero-padded to a multiple of a GLM code."""
    lengths = np.array([len(example.sound.heard) for example in examples])
    samples = -(-int(lengths.max()) // GLM_HOP_SAMPLES) * GLM_HOP_SAMPLES
    said, heard = (np.zeros((len(examples), samples), np.float32) for _ in range(2))
    for row, example in enumerate(examples):
        said[row, : lengths[row]] = prepare(example.sound.said.wave)
        heard[row, : lengths[row]] = prepare(example.sound.heard)
    frames = samples // SAMPLES_PER_LABEL
    return AudioBatch(
        waveforms=said,
        voices=np.array([voice_class(example.voice) for example in examples]),
        labels=np.stack([frame_labels(example.sound.said.spans, frames, SAMPLES_PER_LABEL) for example in examples]),
        lengths=lengths,
        augmented=heard,
    )


def voice_class(name: str) -> int:
    """Return the class of a voice; 0 where nobody speaks, or several."""
    return 1 + zlib.crc32(name.encode()) % (VOICE_CLASSES - 1) if name else 0
