"""Failure detection for generated speech: token budgets, loops and dead silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gpa_mlx.lm.repetition import LoopDetector
from gpa_mlx.text.cjk import is_syllabic

if TYPE_CHECKING:
    from gpa_mlx.types import SpeechChunk

FailureReason: TypeAlias = Literal["loop", "silence"]
"""`loop`: the same codes again and again. `silence`: nothing audible for longer than any pause."""

_BASE_CODES = 150
_CODES_PER_LETTER = 12
_CODES_PER_DIGIT = 40
_CODES_PER_SYLLABLE = 40

LOOP_CODES = 150
"""3 s: no sound of speech repeats itself exactly for so long."""

LOOP_PERIOD_CODES = 50
"""Longest period that counts as a loop: 1 s."""

SILENCE_S = 2.5
"""Longest silence inside a passage, which has no paragraphs."""

SILENCE_RMS = 0.002
"""-54 dB of full scale; decoded speech is around -20 dB."""

_BLOCK_S = 0.1


def code_budget(text: str) -> int:
    """Return how many semantic codes, 50 per second, are more than enough to say a text.

    Slow speech has 10 letters, 4 Chinese characters or 2 digits a second; this allows half as many, and 3 s more.
    """
    codes = _BASE_CODES
    for character in text:
        if character.isdigit():
            codes += _CODES_PER_DIGIT
        elif character.isalpha():
            codes += _CODES_PER_SYLLABLE if is_syllabic(character) else _CODES_PER_LETTER
    return codes


class FailureDetector:
    """Watches the chunks of one passage."""

    def __init__(self) -> None:
        self._loops = LoopDetector(max_period=LOOP_PERIOD_CODES, min_ids=LOOP_CODES, min_periods=3)
        self._silent_s = 0.0

    def push(self, chunk: SpeechChunk) -> FailureReason | None:
        """Take the next chunk; return what is wrong, None while all is well."""
        if any(self._loops.push(code) for code in chunk.codes.tolist()):
            return "loop"
        return "silence" if self._hears_nothing(chunk) else None

    def _hears_nothing(self, chunk: SpeechChunk) -> bool:
        block = int(_BLOCK_S * chunk.sample_rate)
        longest = self._silent_s
        for start in range(0, len(chunk.audio), block):
            samples = chunk.audio[start : start + block]
            silent = np.sqrt(np.mean(np.square(samples))) < SILENCE_RMS
            self._silent_s = self._silent_s + len(samples) / chunk.sample_rate if silent else 0.0
            longest = max(longest, self._silent_s)
        return longest > SILENCE_S
