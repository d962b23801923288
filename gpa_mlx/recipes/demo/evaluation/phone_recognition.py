"""What a tokenizer under training hears, before there is a language model: the word nearest to its phones."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phones import OTHER_SPEECH, label_of
from gpa_mlx.recipes.demo.teachers.phonemes import Accent, phonemes
from gpa_mlx.text.metrics import edit_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

_SILENCE = 0
_FEWEST_FRAMES = 2
_ACCENTS: tuple[Accent, ...] = ("en-us", "en-gb")


def phones_heard(labels: Sequence[int]) -> tuple[int, ...]:
    """Collapse frame labels to phones: what lasts less than 40 ms is a mistake, silence separates."""
    runs = [(label, len(list(run))) for label, run in groupby(labels)]
    lasting = [label for label, frames in runs if frames >= _FEWEST_FRAMES]
    return tuple(label for label, _ in groupby(lasting) if label != _SILENCE)


def word_heard(labels: Sequence[int]) -> str:
    """Return the word of the domain that is nearest to frame labels; empty where most of it is other speech or none.

    Raises:
        GPAError: espeak-ng, which tells how words are said, is missing or fails.
    """
    speech = [label for label in labels if label != _SILENCE]
    heard = phones_heard(labels)
    if not heard or sum(label == OTHER_SPEECH for label in speech) * 2 > len(speech):
        return ""
    return min(
        WORDS,
        key=lambda word: min(edit_distance(said, heard) / max(len(said), len(heard)) for said in _pronunciations(word)),
    )


@cache
def _pronunciations(word: str) -> tuple[tuple[int, ...], ...]:
    said = (phonemes((word,), accent)[0] for accent in _ACCENTS)
    return tuple(tuple(label for letter in letters if (label := label_of(letter)) is not None) for letters in said)
