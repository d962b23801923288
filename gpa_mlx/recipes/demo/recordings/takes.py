"""Plan of the teachers' recordings: without end, every take drawn from its number alone.

Any first part of it is a balanced set, so more can be recorded whenever there is time, and what was recorded stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.domain.phrases import Phrase, draw_phrase
from gpa_mlx.recipes.demo.teachers.voices import SPEAKING, TeacherVoice, draw_voice

if TYPE_CHECKING:
    from gpa_mlx.recipes.demo.data.vocabulary import Split

_WORDS_PER_TAKE = 14
_SPEEDS = (0.85, 1.3)
_SEEDS: dict[Split, int] = {"train": 0, "evaluation": 1000}


@dataclass(frozen=True, slots=True)
class Take:
    """What one run of a synthesiser says: several phrases, since what it takes to begin and to end is much of a word.

    Attributes:
        phrases: In their order.
        voice: Who speaks.
        speed: Factor on the usual rate.
    """

    phrases: tuple[Phrase, ...]
    voice: TeacherVoice
    speed: float


def draw_take(split: Split, number: int) -> Take:
    """Draw the take of a number, from 0; the same one whenever it is asked for."""
    rng = np.random.default_rng((_SEEDS[split], number, 11))
    phrases: list[Phrase] = []
    while sum(len(phrase.words) for phrase in phrases) < _WORDS_PER_TAKE:
        phrases.append(draw_phrase(split, rng))
    voice = draw_voice(split, rng)
    # Rates to the hundredth: they are written down. Whom the model speaks as has one pace, which is easier to learn.
    speed = 1.0 if voice in SPEAKING else round(float(np.exp(rng.uniform(*np.log(_SPEEDS)))), 2)
    return Take(tuple(phrases), voice, speed)
