"""The spoken form of a text: one walk from left to right, each place read by the grammar of its language."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from gpa_mlx.text.cjk import SYLLABIC
from gpa_mlx.text.normalization.languages import chinese_places
from gpa_mlx.text.normalization.rules import Grammar

if TYPE_CHECKING:
    from gpa_mlx.text.normalization.lexicon import Lexicon

# Characters typed with a Chinese keyboard that mean the same as their narrow twins. Punctuation keeps its shape.
_NARROW = {wide: wide - 0xFEE0 for wide in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_NARROW |= {
    ord("％"): "%",
    ord("＄"): "$",
    ord("￥"): "¥",
    ord("＋"): "+",
    ord("－"): "-",
    ord("＝"): "=",
    ord("＠"): "@",
    ord("／"): "/",
}

# Where a rule may match: at a symbol that is no mere punctuation, a digit, or the first letter of a word.
_LETTER = rf"[^\W\d_{SYLLABIC}]"
_START = re.compile(rf"(?<!{_LETTER}){_LETTER}|[0-9]|[^\w\s,;:!?\"'“”‘’，。；：！？、]|[²³½¼¾⅓⅔]")
_WORD = re.compile(rf"[^\W{SYLLABIC}]")


def normalize_text(text: str, *, lexicon: Lexicon | None = None) -> str:
    """Return the text as a person reads it aloud, with words for numbers, units and symbols.

    What no rule understands stays as it is, and text that is all words comes back unchanged. English and Chinese may
    be mixed. The spoken form of a spoken form is itself.

    Args:
        text: Any text.
        lexicon: The user's own readings; they are final, no rule touches them.
    """
    final = list(lexicon.find(text)) if lexicon else []
    while True:
        said = _read(text, final)
        # What one reading left may mean something only beside the new words: then it is read now, not the next time.
        # Every rule turns digits, signs or capitals into plain words, so this comes to an end.
        if (words := str(said)) == text:
            return text
        text, final = words, said.final


@cache
def _grammar(*, chinese: bool) -> Grammar:
    """Return the grammar of a language; its patterns take 0.2 s to compile, which only a text should pay for."""
    if chinese:
        from gpa_mlx.text.normalization.chinese import GRAMMAR
    else:
        from gpa_mlx.text.normalization.english import GRAMMAR
    return GRAMMAR


def _read(text: str, final: list[tuple[int, int, str]]) -> _Said:
    """Say the text once.

    Args:
        text: Any text.
        final: From left to right, where a final reading begins and ends in the text, and how it is said.
    """
    narrow = text.translate(_NARROW)
    chinese = chinese_places(text)
    said = _Said()
    position = 0
    for start, end, words in [*final, (len(text), len(text), "")]:
        while place := _START.search(narrow, position, start):
            said.keep(text[position : place.start()])
            position = place.start()
            for rule in _grammar(chinese=chinese[position]).rules_at(narrow[position]):
                match = rule.pattern.match(narrow, position, start)
                if match and (reading := rule.read(match)) is not None:
                    said.say(reading, followed_by=narrow[match.end() : match.end() + 1])
                    position = match.end()
                    break
            else:
                said.keep(text[position])
                position += 1
        said.keep(text[position:start])
        said.keep_final(words)
        position = end
    return said


class _Said:
    """What was said so far; keeps the words of rules apart from what stands beside them.

    Attributes:
        final: Where a final reading begins and ends in what was said, and the reading.
    """

    def __init__(self) -> None:
        self.final: list[tuple[int, int, str]] = []
        self._pieces: list[str] = []
        self._length = 0

    def keep(self, text: str) -> None:
        """Add text as it is written."""
        if text:
            self._pieces.append(text)
            self._length += len(text)

    def keep_final(self, words: str) -> None:
        """Add words that no rule may touch."""
        if words:
            self.final.append((self._length, self._length + len(words), words))
            self.keep(words)

    def say(self, words: str, *, followed_by: str) -> None:
        """Add the words of a rule."""
        if words and self._pieces and _WORD.match(words) and _WORD.match(self._pieces[-1][-1]):
            words = " " + words
        if words and _WORD.match(words[-1]) and _WORD.match(followed_by):
            words += " "
        self.keep(words)

    def __str__(self) -> str:
        return "".join(self._pieces)
