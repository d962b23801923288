"""What a grammar is made of: rules that recognise one written form and say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gpa_mlx.text.cjk import SYLLABIC

LEFT = rf"(?<![^\W{SYLLABIC}])"
"""A Latin word may begin here. `\\b` will not do: to Python a Chinese character and a Latin letter are one word."""

RIGHT = rf"(?![^\W{SYLLABIC}])"
"""A Latin word may end here."""

WHOLE = r"(?>[0-9]{1,3}(?:[,\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)"
"""A whole number, plain or with separated thousands."""

NUMBER = rf"(?>{WHOLE}(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)"
"""A number without sign. Atomic: half a number is never what was meant, and to try every half takes long."""

CLEAR = rf"{LEFT}(?<![0-9][.,:/])"
"""A number may begin here: no part of a longer word or number."""

NEGATIVE = r"(?:(?<![\w)\]])(?P<sign>[-−]))?"
"""A minus sign that belongs to the number after it."""


@dataclass(frozen=True, slots=True)
class ReadingRule:
    """One written form and how it is said.

    Attributes:
        pattern: Recognises the form; never matches nothing.
        read: Returns the words of a match, or None where the match is something else after all.
    """

    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], str | None]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The rules of a language, by what stands where they may match; the first that reads decides.

    Attributes:
        letters: At the first letter of a word.
        digits: At a digit.
        signs: At everything else.
    """

    letters: tuple[ReadingRule, ...]
    digits: tuple[ReadingRule, ...]
    signs: tuple[ReadingRule, ...]

    def rules_at(self, character: str) -> tuple[ReadingRule, ...]:
        """Return the rules that may match where the character stands."""
        if character in "0123456789":
            return self.digits
        return self.letters if character.isalpha() else self.signs


def rule(pattern: str, read: Callable[[re.Match[str]], str | None]) -> ReadingRule:
    """Return a rule of an uncompiled pattern."""
    return ReadingRule(re.compile(pattern), read)


def one_of(words: Iterable[str]) -> str:
    """Return a pattern of the words, the longest first."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) + ")"


def listed(table: str) -> tuple[str, ...]:
    """Return the words of a table written with blanks between them."""
    return tuple(table.split())


def plain_number(written: str) -> str:
    """Return a number without what separates its thousands."""
    return re.sub("[,\u00a0\u202f]", "", written)
