"""Length-bucketed batches by a token budget, in an order that follows from the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.language_model.corpus import UNKNOWN, Example

_LENGTH_JITTER = 0.1
"""Lengths count as equal within this fraction: who shares a batch differs from epoch to epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Padded examples.

    Attributes:
        inputs: Every id but the last, `(B, T)` int32, padded on the right.
        positions: Where in `B * T` a prediction counts, `(N,)` int32.
        targets: The ids to predict there, `(N,)` int32.
        alignment: Alignment labels there, `(N, 3)` int32; see `Example`.
        text_positions: Where in `B * T` a word of a text is read, `(M,)` int32.
        text_word_indices: Its index in its text, `(M,)` int32.
    """

    inputs: mx.array
    positions: mx.array
    targets: mx.array
    alignment: mx.array
    text_positions: mx.array
    text_word_indices: mx.array


class BatchStream:
    """An endless sequence of batches: epoch after epoch, each shuffled anew.

    Args:
        lengths: Tokens of every example.
        batch_tokens: Most tokens of a batch, padding included; a longer example makes a batch of its own.
        seed: Of the order.
        epoch: Where to start.
        index: Batches of that epoch to skip.
    """

    def __init__(self, lengths: Sequence[int], batch_tokens: int, seed: int, *, epoch: int = 0, index: int = 0) -> None:
        self._lengths = lengths
        self._batch_tokens = batch_tokens
        self._seed = seed
        self.epoch = epoch
        self.index = index
        self._plan = plan_epoch(lengths, batch_tokens, seed, epoch)

    def take(self) -> list[int]:
        """Return the numbers of the next batch's examples."""
        if self.index == len(self._plan):
            self.epoch, self.index = self.epoch + 1, 0
            self._plan = plan_epoch(self._lengths, self._batch_tokens, self._seed, self.epoch)
        self.index += 1
        return self._plan[self.index - 1]


def plan_epoch(lengths: Sequence[int], batch_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Group all examples into batches.

    Args:
        lengths: Tokens of every example, not empty.
        batch_tokens: Most tokens of a batch, padding included.
        seed: Of the order.
        epoch: Changes the order, too.

    Returns:
        Batches of example numbers; every example occurs once.
    """
    random = np.random.default_rng([seed, epoch])
    jittered = np.asarray(lengths) * random.uniform(1 - _LENGTH_JITTER, 1 + _LENGTH_JITTER, len(lengths))
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for number in np.argsort(jittered, kind="stable").tolist():
        longest = max(longest, lengths[number])
        if current and longest * (len(current) + 1) > batch_tokens:
            batches.append(current)
            current, longest = [], lengths[number]
        current.append(number)
    batches.append(current)
    return [batches[number] for number in random.permutation(len(batches))]


def count_batches(lengths: Sequence[int], batch_tokens: int, seed: int, epochs: int) -> int:
    """Return how many batches so many epochs have."""
    return sum(len(plan_epoch(lengths, batch_tokens, seed, epoch)) for epoch in range(epochs))


def target_tokens(examples: Sequence[Example]) -> int:
    """Return the number of predictions that count."""
    return sum(len(example.ids) - example.target_start for example in examples)


def collate(examples: Sequence[Example], noise: HistoryNoise | None = None) -> Batch:
    """Pad examples to one length; what is on the right of an example cannot influence it.

    Args:
        examples: The rows.
        noise: Applied to the inputs, not to the targets.
    """
    width = max(len(example.ids) for example in examples) - 1
    inputs = np.zeros((len(examples), width), dtype=np.int32)
    positions, targets, alignment = [], [], []
    text_positions, text_word_indices = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for row, example in enumerate(examples):
        target = example.ids[example.target_start :]
        inputs[row, : len(example.ids) - 1] = example.ids[:-1]
        if noise is not None:
            inputs[row, example.target_start : len(example.ids) - 1] = noise.disturbed(target[:-1])
        positions.append(row * width + np.arange(example.target_start - 1, len(example.ids) - 1, dtype=np.int32))
        targets.append(target)
        alignment.append(
            np.full((len(target), 3), UNKNOWN, dtype=np.int32) if example.alignment is None else example.alignment
        )
        if example.text_word_indices is not None:
            words = np.flatnonzero(example.text_word_indices != UNKNOWN)
            text_positions.append((row * width + words).astype(np.int32))
            text_word_indices.append(example.text_word_indices[words])
    columns = positions, targets, alignment, text_positions, text_word_indices
    joined = (mx.array(np.concatenate(column)) for column in columns)
    return Batch(mx.array(inputs), *joined)


@dataclass(frozen=True, slots=True, eq=False)
class HistoryNoise:
    """Token noise on the history that teacher forcing shows: ids replaced by others of the same target.

    A model that can trust every earlier code of speech continues it without ever looking at the text; one that cannot
    has to look.

    Attributes:
        most: Largest share to replace; each example's share is drawn between 0 and it.
        rng: Chooses.
    """

    most: float
    rng: np.random.Generator

    def disturbed(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return `ids`, `(T,)`, some of them replaced."""
        if not len(ids):
            return ids
        replaced = self.rng.random(len(ids)) < self.rng.uniform(0, self.most)
        return np.where(replaced, self.rng.choice(ids, len(ids)), ids)
