"""What a grammar is made of: rules that recognise one written form and say it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

MASK = "\uffff"
"""Stands for every character that is said with a syllable, in the text that English rules match: no word, no sign.

To Python a Chinese character and a Latin letter are one word, and a set of all such characters takes 5 ms to compile in
each pattern.
"""

LEFT = r"(?<!\w)"
"""A word may begin here, in masked text."""

RIGHT = r"(?!\w)"
"""A word may end here, in masked text."""

WHOLE = r"(?>[0-9]{1,3}(?:[,\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)"
"""A whole number, plain or with separated thousands."""

NUMBER = rf"(?>{WHOLE}(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)"
"""A number without sign. Atomic: half a number is never what was meant, and to try every half takes long."""

CLEAR = rf"{LEFT}(?<![0-9][.,:/])"
"""A number may begin here: no part of a longer word or number."""

NEGATIVE = r"(?:(?<![\w)\]])(?P<sign>[-−]))?"
"""A minus sign that belongs to the number after it."""


class LazyPattern:
    """A regular expression that is compiled when it is first tried: most texts need few of a grammar's hundreds.

    Attributes:
        pattern: The expression.
        flags: Those of `re.compile`.
    """

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self.flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self.pattern, self.flags)

    def match(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        """Match the expression where `start` is, as `re.Pattern.match` does."""
        return self.compiled.match(text, start, end)

    def search(self, text: str) -> re.Match[str] | None:
        """Search the expression, as `re.Pattern.search` does."""
        return self.compiled.search(text)


@dataclass(frozen=True, slots=True)
class ReadingRule:
    """One written form and how it is said.

    Attributes:
        pattern: Recognises the form; never matches nothing.
        read: Returns the words of a match, or None where the match is something else after all.
    """

    pattern: LazyPattern
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
    return ReadingRule(LazyPattern(pattern), read)


def one_of(words: Iterable[str]) -> str:
    """Return a pattern of the words, the longest first: a trie, which compiles in half the time of a list."""
    return f"(?:{_branches(sorted(set(words)))})"


def _branches(words: list[str]) -> str:
    """Return a pattern of sorted words, of which only the first may be empty."""
    optional = words[0] == ""
    tails: dict[str, list[str]] = {}
    for word in words[optional:]:
        tails.setdefault(word[0], []).append(word[1:])
    ends = "".join(re.escape(sign) for sign, rest in tails.items() if rest == [""])
    branches = [re.escape(sign) + _branches(rest) for sign, rest in tails.items() if rest != [""]]
    if ends:
        branches.append(f"[{ends}]" if len(ends.replace(chr(92), "")) > 1 else ends)
    pattern = branches[0] if len(branches) == 1 and not optional else f"(?:{'|'.join(branches)})"
    return f"{pattern}?" if optional else pattern


def listed(table: str) -> tuple[str, ...]:
    """Return the words of a table written with blanks between them."""
    return tuple(table.split())


def plain_number(written: str) -> str:
    """Return a number without what separates its thousands."""
    return re.sub("[,\u00a0\u202f]", "", written)
