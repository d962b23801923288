"""Batches for training codec and tokenizers: labelled recordings, and recordings with their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from gpa_mlx.types import SAMPLE_RATE_HZ

LABELS_HZ = 50
"""Frame labels per second."""

SAMPLES_PER_LABEL = SAMPLE_RATE_HZ // LABELS_HZ

IGNORED = -1
"""The label of a frame that no loss looks at: padding, or a frame whose label is not known."""

SILENCE = 0
"""The label of silence, and the blank of a CTC loss."""

B = TypeVar("B")

BatchSource: TypeAlias = Callable[[int], Iterator[B]]
"""From the number of steps done to the batches of all further steps: what makes a resumed run see the same data."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioBatch:
    """Recordings at 16 kHz, zero-padded to one length.

    Attributes:
        waveforms: `(B, samples)` float32, loudness as the codec's config wants it; what a decoder should make.
        voices: `(B,)` integers from 0, speaker classes.
        labels: `(B, frames)` integers, class of each 20 ms: `SILENCE`, a class of speech, or `IGNORED`; label t
            covers the samples from `320 * t` to `320 * (t + 1)`.
        lengths: `(B,)` samples before the padding.
        augmented: `(B, samples)` float32, input of the encoders when it is not `waveforms`.
    """

    waveforms: npt.NDArray[np.float32]
    voices: npt.NDArray[np.integer]
    labels: npt.NDArray[np.integer]
    lengths: npt.NDArray[np.integer]
    augmented: npt.NDArray[np.float32] | None = None

    @property
    def encoder_input(self) -> npt.NDArray[np.float32]:
        """Input of the encoders, `(B, samples)`."""
        return self.waveforms if self.augmented is None else self.augmented

    @property
    def masked_labels(self) -> npt.NDArray[np.integer]:
        """The labels, `(B, frames)`, with `IGNORED` in the padding."""
        starts = np.arange(self.labels.shape[1]) * SAMPLES_PER_LABEL
        return np.where(starts < self.lengths[:, None], self.labels, IGNORED)


@dataclass(frozen=True, slots=True, eq=False)
class CodedBatch:
    """Recordings and their codes, for the training of a decoder on frozen tokens.

    Attributes:
        waveforms: `(B, samples)` float32 at 16 kHz, zero-padded.
        codes: `(B, T)` semantic codes; T times the samples of a code is at most `samples`.
        global_codes: `(B, token_num)` of any recording of the same voice.
        lengths: `(B,)` samples before the padding.
    """

    waveforms: npt.NDArray[np.float32]
    codes: npt.NDArray[np.integer]
    global_codes: npt.NDArray[np.integer]
    lengths: npt.NDArray[np.integer]


def fit_labels(labels: npt.NDArray[np.integer], frames: int) -> npt.NDArray[np.int32]:
    """Cut labels `(B, T)` to `frames`, or pad them with `IGNORED`."""
    out = np.full((len(labels), frames), IGNORED, dtype=np.int32)
    kept = min(frames, labels.shape[1])
    out[:, :kept] = labels[:, :kept]
    return out


def label_sequences(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Collapse frame labels to the sequence of what is said, the target of a CTC loss.

    Args:
        labels: `(B, T)`; repetitions count once, silence and ignored frames not at all.

    Returns:
        `(B, U)` int32, padded with `IGNORED`.
    """
    rows = []
    for row in labels:
        starts = np.flatnonzero(np.diff(row, prepend=IGNORED))
        rows.append([label for label in row[starts].tolist() if label not in (SILENCE, IGNORED)])
    out = np.full((len(rows), max(map(len, rows), default=0)), IGNORED, dtype=np.int32)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return out


def same_voice(voices: npt.NDArray[np.integer], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return for each recording a random one of the same voice, another one where the batch has one, `(B,)`."""
    partners = np.arange(len(voices))
    for index, voice in enumerate(voices):
        others = np.flatnonzero(voices == voice)
        others = others[others != index]
        if len(others):
            partners[index] = rng.choice(others)
    return partners
