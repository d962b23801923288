"""The user's lexicon: lines `written = spoken` that decide before any rule does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from textwrap import shorten

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.cjk import SYLLABIC
from gpa_mlx.text.normalization.latin_edges import is_latin

_LEFT, _RIGHT = rf"(?<![^\W{SYLLABIC}])", rf"(?![^\W{SYLLABIC}])"
_FORM = "A line is `written = spoken`; a line that begins with # is a comment, and nothing is written twice."
_MOST_SHOWN = 5
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Lexicon:
    """How the user wants things said: whole words, the longest entry first.

    An entry with a capital letter is matched exactly (`US` leaves "give us" alone), one without in any case.

    Attributes:
        entries: Pairs of what is written and what is said, both not empty.
    """

    entries: tuple[tuple[str, str], ...]
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _words: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = sorted(self.entries, key=lambda entry: (-len(entry[0]), not _is_exact(entry[0])))
        # The edges of words take long to compile, so neighbours share theirs.
        pattern = "|".join(
            f"{left}(?:{'|'.join(map(_entry, entries))}){right}"
            for (left, right), entries in groupby((written for written, _ in ordered), _edges)
        )
        object.__setattr__(self, "_pattern", re.compile(pattern or r"(?!)"))
        object.__setattr__(self, "_words", tuple(spoken for _, spoken in ordered))

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where an entry begins and ends in the text, and how it is said, from left to right."""
        for match in self._pattern.finditer(text):
            if match.lastindex:
                yield match.start(), match.end(), self._words[match.lastindex - 1]


def read_lexicon(path: str | os.PathLike[str]) -> Lexicon:
    """Read a lexicon file: UTF-8, one `written = spoken` a line, empty lines and lines with # in front skipped.

    Raises:
        SettingsError: The file cannot be read, or lines are no entries or repeat one; every such line is named.
    """
    name = os.fsdecode(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"The lexicon {name} is not valid UTF-8.", hint="Convert it to UTF-8 first.") from error
    except OSError as error:
        raise SettingsError(f"The lexicon {name} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except ValueError as error:  # a zero byte in the name
        raise SettingsError(f"The lexicon {name!r} cannot be read: {error}.", hint="Check the path.") from error
    entries: dict[str, tuple[int, str, str]] = {}
    wrong = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        written, equals, spoken = (part.strip() for part in line.partition("="))
        if not (written and equals and spoken):
            wrong.append(f"line {number} is not an entry: '{shorten(line, _LONGEST_SHOWN)}'")
            continue
        key = written if _is_exact(written) else written.casefold()
        earlier = entries.setdefault(key, (number, written, spoken))
        if earlier[0] != number:
            wrong.append(f"line {number} gives '{shorten(written, _LONGEST_SHOWN)}' again, after line {earlier[0]}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise SettingsError(f"{name}, {'; '.join(wrong[:_MOST_SHOWN])}{more}.", hint=_FORM)
    return Lexicon(tuple((written, spoken) for _, written, spoken in entries.values()))


def _is_exact(written: str) -> bool:
    """Whether an entry stands for its own capitals only."""
    return any(character.isupper() for character in written)


def _edges(written: str) -> tuple[str, str]:
    """Return what stands around an entry: only an end that is part of a word needs the word to end there."""
    return _LEFT if is_latin(written[0]) else "", _RIGHT if is_latin(written[-1]) else ""


def _entry(written: str) -> str:
    # Blanks between the words of an entry may be a line break in the text.
    words = r"\s+".join(re.escape(part) for part in written.split())
    return f"({words})" if _is_exact(written) else f"((?i:{words}))"
