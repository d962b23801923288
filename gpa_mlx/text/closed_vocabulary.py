"""Models that can say a few words only: which words of a text these are, and what is left of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gpa_mlx.text.cjk import SYLLABIC

_WORD = re.compile(rf"[{SYLLABIC}]|[^\W_{SYLLABIC}]+(?:['’][^\W_{SYLLABIC}]+)*")
_BLANKS = re.compile(r"\s+")
_BEFORE_SIGN = re.compile(r"\s+(?=[,.;:!?])")
_SIGNS = re.compile(r"[,;:.!?]+(?=[,;:.!?])")
_EDGE = re.compile(r"\A[\s,;:.!?)\]}'\"”’-]+|[\s(\[{“‘-]+\Z")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|“\s*”|\"\s*\"|(?<!\w)['’-]+(?!\w)")


class ClosedVocabulary:
    """The words that a model can say, in any case.

    Args:
        words: As the model knows them; not empty.

    Attributes:
        words: The same.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._spellings = {word.casefold(): word for word in self.words}

    def unknown(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that are none of these, each once, in the order and the case of the text."""
        found = (match[0] for match in _WORD.finditer(text))
        return tuple({word.casefold(): word for word in found if word.casefold() not in self._spellings}.values())

    def restrict(self, text: str) -> str:
        """Return a text without the words that are none of these, the others as the model knows them.

        Empty where no word is left.
        """
        left = _WORD.sub(lambda match: self._spellings.get(match[0].casefold(), ""), text)
        if not _WORD.search(left):
            return ""
        if self.unknown(text):
            for pattern in (_EMPTY, _BEFORE_SIGN, _SIGNS, _EDGE):
                left = pattern.sub("", left)
        return _BLANKS.sub(" ", left).strip()
