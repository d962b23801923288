"""Voices of the teachers: Kokoro's own, mixes of them, and who is kept for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpa_mlx.recipes.demo.data.vocabulary import Split
from gpa_mlx.recipes.demo.teachers.phonemes import Accent

_TRAINED = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_river", "af_sarah",
    "af_sky", "am_adam", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice",
    "bf_emma", "bf_isabella", "bm_daniel", "bm_george", "bm_lewis",
)  # fmt: skip
_HELD_OUT = ("af_nova", "am_echo", "bf_lily", "bm_fable")


@dataclass(frozen=True, slots=True)
class TeacherVoice:
    """A voice of Kokoro, or a mix of several.

    Attributes:
        name: Unique.
        parts: Voices and their weights, which add up to 1.
    """

    name: str
    parts: tuple[tuple[str, float], ...]

    @property
    def accent(self) -> Accent:
        """That of the part with the largest weight."""
        return "en-gb" if max(self.parts, key=lambda part: part[1])[0].startswith("b") else "en-us"


def single(name: str) -> TeacherVoice:
    """Return one of Kokoro's voices as it is."""
    return TeacherVoice(name, ((name, 1.0),))


SPEAKING: tuple[TeacherVoice, ...] = tuple(map(single, ("af_heart", "bf_emma", "am_michael", "bm_george")))
"""Two women and two men, American and British, whom the demo model learns to speak as."""

BASE_VOICES: dict[Split, tuple[str, ...]] = {"train": _TRAINED, "evaluation": _HELD_OUT}
"""Kokoro's English voices: no mix has parts of both splits."""


def mixed(split: Split, rng: np.random.Generator) -> TeacherVoice:
    """Make a new speaker of two or three voices of a split, named after its recipe."""
    names = BASE_VOICES[split]
    chosen = rng.choice(len(names), size=int(rng.integers(2, 4)), replace=False)
    tenths = _tenths(len(chosen), rng)
    parts = tuple((names[index], weight / 10) for index, weight in zip(chosen, tenths, strict=True))
    return TeacherVoice("+".join(f"{name}*{weight:g}" for name, weight in parts), parts)


def draw_voice(split: Split, rng: np.random.Generator) -> TeacherVoice:
    """Draw a voice: for training a speaking one, any other or a mix; for evaluation one that is not in training."""
    speaking, single_share = (0.4, 0.65) if split == "train" else (0.0, 0.5)
    draw = rng.random()
    if draw < speaking:
        return SPEAKING[int(rng.integers(len(SPEAKING)))]
    if draw < single_share:
        names = BASE_VOICES[split]
        return single(names[int(rng.integers(len(names)))])
    return mixed(split, rng)


def _tenths(count: int, rng: np.random.Generator) -> list[int]:
    """Split ten into `count` parts of at least two."""
    extra = rng.multinomial(10 - 2 * count, np.full(count, 1 / count))
    return [2 + int(part) for part in extra]
