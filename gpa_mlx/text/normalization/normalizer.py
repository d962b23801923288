"""The spoken form of a text: one walk from left to right, each place read by the grammar of its language."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from gpa_mlx.text.cjk import is_cjk
from gpa_mlx.text.normalization.chinese_script import SIMPLIFIED, in_script_of
from gpa_mlx.text.normalization.cleaning import clean_text, without_markers
from gpa_mlx.text.normalization.grouping import plain_grouping
from gpa_mlx.text.normalization.languages import Language, chinese_places, masked, unmasked
from gpa_mlx.text.normalization.latin_edges import is_latin
from gpa_mlx.text.normalization.rules import MASK, Grammar

if TYPE_CHECKING:
    from gpa_mlx.text.normalization.lexicon import Lexicon

# Where a rule may match: at a symbol that is no mere punctuation, a digit, or the first letter of a word.
_LETTER = r"[^\W\d_]"
_START = re.compile(
    rf"(?<!{_LETTER}){_LETTER}|[0-9]|[^\w\s,;:!?\"'“”‘’，。；：！？、{MASK}]|[¹²³½¼¾⅓-⅞⁰⁴-⁹⁺⁻₀-₉Ⅰ-ⅿ]|!(?=\s?=)"
)
_NO_BREAK = re.compile("(?<![0-9])[\u00a0\u202f]|[\u00a0\u202f](?![0-9])")


def normalize_text(text: str, *, lexicon: Lexicon | None = None, language: Language | None = None) -> str:
    """Return the text as a person reads it aloud, with words for numbers, units and symbols.

    What nobody reads aloud is taken out first: markup, emoji, invisible characters. What no rule understands stays as
    it is, and text that is all words comes back unchanged. English and Chinese may be mixed. The spoken form of a
    spoken form is itself.

    Args:
        text: Any text.
        lexicon: The user's own readings; they are final, no rule touches them.
        language: The language around the text, for a text that does not show its own, such as a lone number.
    """
    if language is None and not any(character.isalpha() for character in text) and any(map(is_cjk, text)):
        language = "chinese"  # typed with full-width digits or signs
    text = plain_grouping(without_markers(clean_text(text).text))
    final = list(lexicon.find(text)) if lexicon else []
    while True:
        said = _read(text, final, language)
        # What one reading left may mean something only beside the new words: then it is read now, not the next time.
        # Every rule turns digits, signs or capitals into plain words, so this comes to an end.
        if (words := str(said)) == text:
            return text
        text, final = words, said.final


@cache
def _grammar(*, chinese: bool) -> Grammar:
    """Return the grammar of a language; only a text that needs it pays for its tables."""
    if chinese:
        from gpa_mlx.text.normalization.chinese import GRAMMAR
    else:
        from gpa_mlx.text.normalization.english import GRAMMAR
    return GRAMMAR


def _read(text: str, final: list[tuple[int, int, str]], language: Language | None) -> _Said:
    """Say the text once.

    Args:
        text: Any text.
        final: From left to right, where a final reading begins and ends in the text, and how it is said.
        language: The language around it, if known.
    """
    text = _NO_BREAK.sub(" ", text)
    chinese = chinese_places(text, language)
    readable = {False: masked(text), True: text.translate(SIMPLIFIED)}
    said = _Said()
    position = 0
    for start, end, words in [*final, (len(text), len(text), "")]:
        while place := _START.search(readable[False], position, start):
            said.keep(text[position : place.start()])
            position = place.start()
            is_chinese = bool(chinese[position])
            for rule in _grammar(chinese=is_chinese).rules_at(text[position]):
                match = rule.pattern.match(readable[is_chinese], position, start)
                if match and (reading := rule.read(match)) is not None:
                    if is_chinese:
                        reading = in_script_of(text, position, match.end(), reading)
                    else:
                        reading = unmasked(reading, text[position : match.end()])
                    said.say(reading, followed_by=text[match.end() : match.end() + 1])
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
        if words and self._pieces and is_latin(words[0]) and (is_latin(last := self._pieces[-1][-1]) or last in ")]"):
            words = " " + words
        if words and followed_by and is_latin(words[-1]) and is_latin(followed_by):
            words += " "
        self.keep(words)

    def __str__(self) -> str:
        return "".join(self._pieces)
