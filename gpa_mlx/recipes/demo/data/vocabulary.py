"""Vocabulary of the demo model: twenty words with their phones, and the split of their sequences."""

from __future__ import annotations

import zlib
from typing import Literal, TypeAlias

import numpy as np

Split: TypeAlias = Literal["train", "evaluation"]

WordSequence: TypeAlias = tuple[str, ...]

PRONUNCIATIONS: dict[str, tuple[tuple[str, int], ...]] = {
    "zero": (("z", 18), ("ih", 49), ("r", 10), ("ow", 23)),
    "one": (("w", 34), ("ah", 37), ("n", 29)),
    "two": (("t", 14), ("uw", 86)),
    "three": (("th", 23), ("r", 27), ("iy", 50)),
    "four": (("f", 19), ("ao", 58), ("r", 23)),
    "five": (("f", 16), ("ay", 65), ("v", 19)),
    "six": (("s", 17), ("ih", 48), ("k", 10), ("s", 25)),
    "seven": (("s", 15), ("eh", 41), ("v", 13), ("ax", 15), ("n", 16)),
    "eight": (("ey", 83), ("t", 17)),
    "nine": (("n", 30), ("ay", 46), ("n", 24)),
    "yes": (("y", 34), ("eh", 39), ("s", 27)),
    "no": (("n", 36), ("ow", 64)),
    "up": (("ah", 72), ("p", 28)),
    "down": (("d", 7), ("aw", 64), ("n", 29)),
    "left": (("l", 27), ("eh", 37), ("f", 23), ("t", 13)),
    "right": (("r", 28), ("ay", 55), ("t", 17)),
    "on": (("aa", 59), ("n", 41)),
    "off": (("ao", 58), ("f", 42)),
    "stop": (("s", 14), ("t", 9), ("aa", 58), ("p", 19)),
    "go": (("g", 9), ("ow", 91)),
}
"""The phones of each word, and the share of the word each takes when espeak-ng says it, in percent: means of the
phoneme times that its library (not its program) reports over 14 voices, which differ from them by 5 ms on average."""

WORDS: tuple[str, ...] = tuple(PRONUNCIATIONS)

WORD_LABELS: dict[str, int] = {word: label for label, word in enumerate(WORDS, start=1)}
"""Word to frame label; 0 is silence."""

PHONES: tuple[str, ...] = tuple(sorted({phone for phones in PRONUNCIATIONS.values() for phone, _ in phones}))

PHONE_LABELS: dict[str, int] = {phone: label for label, phone in enumerate(PHONES, start=1)}
"""Phone to frame label; 0 is silence."""

MAX_WORDS = 4

_EVALUATION_SHARE = 8
_TRIES_PER_SEQUENCE = 1000


def split_of(words: WordSequence) -> Split:
    """Say to which split a sequence of two or more words belongs: one in eight is for evaluation.

    The split is a property of the sequence, not of a draw, so no seed can ever mix the two.
    """
    return "evaluation" if zlib.crc32(" ".join(words).encode()) % _EVALUATION_SHARE == 0 else "train"


def draw_sequences(
    split: Split, count: int, *, seed: int, lengths: tuple[float, ...] = (0.0, 0.2, 0.35, 0.45)
) -> list[WordSequence]:
    """Draw different word sequences at random.

    Args:
        split: Sequences of two or more words are drawn from this split only. Single words belong to both: there are
            only twenty.
        count: How many.
        seed: The same seed gives the same list.
        lengths: Probability of 1, 2, 3 ... words.

    Raises:
        ValueError: There are not that many different sequences of these lengths.
    """
    rng = np.random.default_rng([seed, count])
    drawn: dict[WordSequence, None] = {}
    for _ in range(_TRIES_PER_SEQUENCE * count):
        if len(drawn) == count:
            break
        length = 1 + rng.choice(len(lengths), p=lengths)
        words = tuple(WORDS[i] for i in rng.integers(len(WORDS), size=length))
        if length == 1 or split_of(words) == split:
            drawn[words] = None
    if len(drawn) < count:
        raise ValueError(f"there are no {count} different sequences for {split}")
    return list(drawn)
