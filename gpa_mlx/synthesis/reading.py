"""A text read from left to right: cleaned, cut into passages and normalized, a window at a time.

Cleaning and cutting look at a bounded part of a text: cleaning at a line, cutting at a passage and the word after it.
So a long text is cleaned in blocks that end with a line, and cut in windows; where a window ends, the last passages
are left to the next one, which begins with them. The passages are those of the whole text at once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.text.joining import check_text
from gpa_mlx.text.normalization import CleanText, clean_text, language_of, normalize_text
from gpa_mlx.text.segmentation import Passage, iter_passages

if TYPE_CHECKING:
    from gpa_mlx.text.normalization import Language, Lexicon

_BLOCK_CHARS = 20_000
_LONGEST_LINE_CHARS = 4 * _BLOCK_CHARS
_WINDOW_PASSAGES = 100
"""A window has room for so many passages of the longest kind; the first one comes after one window."""

_HELD_PASSAGES = 4
"""Passages' lengths before the end of a window within which nothing is decided."""

_SEARCHED_PASSAGES = 200
"""How far a language is searched for where a text begins with numbers only."""

_MARKUP = re.compile(r"</|<!--|<(?:script|style|noscript|template)\b", re.IGNORECASE)
"""What may reach over any number of lines."""

_NOTHING = CleanText("")

_LINE_BREAK = re.compile(r"\r\n|[\n\r]")
_SENTENCE_BREAK = re.compile(r"(?<=[。！？])|(?<=[.!?;])\s+")


class PlannedPassage(NamedTuple):
    """What will be spoken in one go.

    Attributes:
        passage: As written, and the pause that follows.
        spoken: What the model is given: normalized, as written where nothing is.
    """

    passage: Passage
    spoken: str


def read_aloud(text: str, *, max_chars: int, lexicon: Lexicon | None) -> Iterator[PlannedPassage]:
    """Clean a text, cut it into passages and normalize them, each when it is asked for.

    Args:
        text: As written.
        max_chars: Passages, and what is spoken of them, are shorter than this many characters where that is possible.
        lexicon: The user's own pronunciations.

    Raises:
        InputTextError: With the first passage: nothing is left that can be spoken.
        SettingsError: With the first passage: `max_chars` is too small.
    """
    clean = _CleanedText(text)
    passages = _passages(clean, max_chars)
    # A passage of numbers only is said in the language of the one before it, else of the first that has one.
    first = list(islice(passages, 1))
    language = None
    while first and language is None and len(first) <= _SEARCHED_PASSAGES:
        language = language_of(first[-1].text)
        following = list(islice(passages, 1)) if language is None else []
        first += following
        if not following:
            break
    if not first:
        check_text("".join(clean.pieces))
    waiting: PlannedPassage | None = None
    start = 0
    for planned in _planned(chain(first, passages), language, max_chars, lexicon):
        if waiting is not None:
            following = clean.origin(planned.passage.start)
            yield _as_written(waiting, text, start, following)
            start = following
        waiting = planned
    if waiting is not None:
        yield _as_written(waiting, text, start, len(text))


class _CleanedText:
    """A text that is cleaned block by block.

    Attributes:
        pieces: The clean text so far.
        length: Its length.
        is_whole: Whether all is cleaned.
    """

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._blocks = _blocks(raw)
        self._cleaned: list[CleanText] = []
        self._starts: list[int] = []
        self._raw_starts: list[int] = []
        self.pieces: list[str] = []
        self.length = 0
        self.is_whole = False
        self._released = 0

    def clean_more(self) -> None:
        """Clean one block more, or find out that there is none."""
        block = next(self._blocks, None)
        if block is None:
            self.is_whole = True
            return
        start, end = block
        clean = clean_text(self._raw[start:end])
        self._cleaned.append(clean)
        self._starts.append(self.length)
        self._raw_starts.append(start)
        self.pieces.append(clean.text)
        self.length += len(clean.text)

    def window(self, start: int, length: int) -> str:
        """Return the clean text from `start` on, of this length or more; less only at its end."""
        while self.length < start + length and not self.is_whole:
            self.clean_more()
        number = max(bisect_right(self._starts, start) - 1, 0)
        return "".join(self.pieces[number:])[start - self._starts[number] :] if self.pieces else ""

    def origin(self, position: int) -> int:
        """Return where in the raw text a character of the clean text comes from."""
        number = bisect_right(self._starts, position) - 1
        # Nobody asks for what was before: the clean text of a book is not kept.
        for earlier in range(self._released, number):
            self.pieces[earlier], self._cleaned[earlier] = "", _NOTHING
        self._released = max(self._released, number)
        return self._raw_starts[number] + self._cleaned[number].origin(position - self._starts[number])


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where blocks of whole lines begin and end; markup that may reach over all of a text is not cut."""
    start = 0
    if len(text) > _BLOCK_CHARS and _MARKUP.search(text) is None:
        while len(text) - start > _BLOCK_CHARS:
            found = _LINE_BREAK.search(text, start + _BLOCK_CHARS, start + _LONGEST_LINE_CHARS)
            found = found or _SENTENCE_BREAK.search(text, start + _BLOCK_CHARS, start + _LONGEST_LINE_CHARS)
            end = found.end() if found else min(start + _LONGEST_LINE_CHARS, len(text))
            yield start, end
            start = end
    if start < len(text):
        yield start, len(text)


def _passages(clean: _CleanedText, max_chars: int) -> Iterator[Passage]:
    """Yield the passages of the clean text, window by window."""
    start, length = 0, _WINDOW_PASSAGES * max_chars
    while window := clean.window(start, length):
        is_last = clean.is_whole
        decided = len(window) - _HELD_PASSAGES * max_chars
        end = 0
        for passage in iter_passages(window, max_chars=max_chars):
            if passage.end > decided and not is_last:
                break
            end = passage.end
            yield replace(passage, start=start + passage.start, end=start + passage.end)
        if is_last:
            return
        # A window without a passage is a gap longer than it.
        length = _WINDOW_PASSAGES * max_chars if end else 2 * length
        start += end


def _planned(
    passages: Iterator[Passage], language: Language | None, max_chars: int, lexicon: Lexicon | None
) -> Iterator[PlannedPassage]:
    for passage in passages:
        yield from _read(passage, language, max_chars, lexicon)
        language = language_of(passage.text) or language


def _read(
    passage: Passage, language: Language | None, max_chars: int, lexicon: Lexicon | None
) -> Iterator[PlannedPassage]:
    """Normalize a passage, in halves where the words are many more than the text: "1999 2000 2001"."""
    text = passage.text
    spoken = normalize_text(text, lexicon=lexicon, language=language)
    blanks = [match.start() for match in re.finditer(r"\s+", text)]
    if len(spoken) < max_chars or not blanks:
        yield PlannedPassage(passage, spoken)
        return
    middle = min(blanks, key=lambda place: abs(place - len(text) / 2))
    left, right = text[:middle], text[middle:].lstrip()
    parts = (
        Passage(text=left, start=passage.start, end=passage.start + len(left), pause="clause"),
        Passage(text=right, start=passage.end - len(right), end=passage.end, pause=passage.pause),
    )
    for part in parts:
        yield from _read(part, language_of(text) or language, max_chars, lexicon)


def _as_written(planned: PlannedPassage, raw: str, start: int, following: int) -> PlannedPassage:
    """Return a passage with the text it has before cleaning; what was taken out goes with what is before it."""
    text = raw[start:following]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    return PlannedPassage(replace(planned.passage, text=text, start=start, end=start + len(text)), planned.spoken)
