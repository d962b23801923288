"""Phrases of the domain, drawn at random: numbers, times, days, commands and courtesy, one to eight words each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpa_mlx.recipes.demo.data.vocabulary import Split, WordSequence, split_of
from gpa_mlx.recipes.demo.domain.lexicon import COMMANDS, DAYS, DIGITS, TEENS, TENS, WORDS

MAX_WORDS = 8

_SHARED_WORDS = 2
"""Phrases up to this length belong to training and evaluation: there are few of them, and everyone says them."""

_JOINED_SHARE = 0.3
_FIRST_TRIES, _TRIES = 1000, 20_000

_SET_PHRASES: tuple[str, ...] = (
    "hello world", "hello", "hello again", "good morning", "good morning world", "thank you", "no thank you",
    "yes please", "yes thank you", "please", "okay", "okay thank you", "okay go", "please stop", "stop please",
    "please start again", "start again", "start again please", "louder", "louder please", "please go on", "go on",
    "good", "good good", "you and you", "hello you", "no stop", "no no", "yes yes", "okay okay", "again",
    "again please", "and again", "up and down", "left and right", "on and off", "yes and no", "stop and go",
)  # fmt: skip
_MOVES = ("go up", "go down", "go left", "go right", "go on", "right on", "start", "stop", *COMMANDS)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in the order they are said.

    Attributes:
        groups: Words said in one breath; between groups there is a pause.
    """

    groups: tuple[WordSequence, ...]

    @property
    def words(self) -> WordSequence:
        """All words."""
        return tuple(word for group in self.groups for word in group)

    @property
    def text(self) -> str:
        """The words with blanks between them."""
        return " ".join(self.words)


def draw_phrase(split: Split, rng: np.random.Generator, *, words: tuple[int, int] = (1, MAX_WORDS)) -> Phrase:
    """Draw a phrase; every word of the domain occurs, the usual ones in their usual order more often.

    Args:
        split: Phrases of three or more words are drawn from this split only.
        rng: Decides.
        words: Fewest and most words.

    Raises:
        ValueError: No such phrase was found.
    """
    wanted: int | None = None
    for attempt in range(_TRIES):
        if wanted is None and attempt == _FIRST_TRIES:
            break
        groups = _one(rng)
        if rng.random() < _JOINED_SHARE:
            groups += _one(rng)
        phrase = Phrase(groups)
        count = len(phrase.words)
        if not words[0] <= count <= words[1]:
            continue
        # Drawn again until the split is right, at the same length: else the smaller split would be of short phrases.
        wanted = wanted or count
        if count == wanted and (count <= _SHARED_WORDS or split_of(phrase.words) == split):
            return phrase
    raise ValueError(f"there are hardly any phrases of {words[0]} to {words[1]} words for {split}")


def cardinal(value: int) -> WordSequence:
    """Return a number from 0 to 999,999 in words: `(one, hundred, and, five)`."""
    if value >= 1000:
        rest = value % 1000
        tail = () if not rest else (("and", *cardinal(rest)) if rest < 100 else cardinal(rest))
        return (*cardinal(value // 1000), "thousand", *tail)
    if value >= 100:
        rest = value % 100
        return (DIGITS[value // 100], "hundred", *(("and", *cardinal(rest)) if rest else ()))
    if value >= 20:
        return (TENS[value // 10 - 2], *((DIGITS[value % 10],) if value % 10 else ()))
    return ((*DIGITS, *TEENS)[value],)


Groups = tuple[WordSequence, ...]


def _one(rng: np.random.Generator) -> Groups:
    kinds, weights = zip(*_KINDS, strict=True)
    return kinds[rng.choice(len(kinds), p=np.array(weights) / sum(weights))](rng)


def _word(rng: np.random.Generator) -> Groups:
    return ((_any(WORDS, rng),),)


def _digits(rng: np.random.Generator) -> Groups:
    digits = [_any(DIGITS, rng) for _ in range(int(rng.integers(2, MAX_WORDS + 1)))]
    size = int(rng.integers(2, 5))
    if rng.random() < 0.5 or len(digits) <= size:
        return (tuple(digits),)
    return tuple(tuple(digits[start : start + size]) for start in range(0, len(digits), size))


def _number(rng: np.random.Generator) -> Groups:
    limit = int(rng.choice((100, 100, 1000, 10_000, 100_000)))
    value = int(rng.integers(10, limit))
    if limit > 1000 and rng.random() < 0.6:
        value -= value % int(rng.choice((100, 1000)))
    words = cardinal(value)
    if rng.random() < 0.15:
        words = ("minus", *words)
    if rng.random() < 0.15:
        words = (*words, "point", *(_any(DIGITS, rng) for _ in range(int(rng.integers(1, 3)))))
    return (words,)


def _time(rng: np.random.Generator) -> Groups:
    hour = cardinal(int(rng.integers(1, 13)))
    if rng.random() < 0.4:
        clock = (*hour, "o'clock")
    else:
        minutes = cardinal(5 * int(rng.integers(2, 12))) if rng.random() < 0.6 else ()
        clock = (*hour, *minutes, _any(("am", "pm"), rng))
    if rng.random() < 0.5:
        clock = ("at", *clock)
    if rng.random() < 0.4:
        return ((_any(DAYS, rng), *clock),)
    if rng.random() < 0.3:
        return ((*clock, "on", _any(DAYS, rng)),)
    return (clock,)


def _days(rng: np.random.Generator) -> Groups:
    first, second = rng.choice(DAYS, size=2, replace=False).tolist()
    return (
        ((first,),),
        ((first, "and", second),),
        (("on", first),),
        ((first,), (second,)),
        (("on", first, "morning"),),
    )[int(rng.integers(5))]


def _moves(rng: np.random.Generator) -> Groups:
    moves = [tuple(_any(_MOVES, rng).split()) for _ in range(int(rng.integers(1, 5)))]
    if rng.random() < 0.5:
        return tuple(moves)
    return (tuple(word for move in moves for word in move),)


def _courtesy(rng: np.random.Generator) -> Groups:
    return (tuple(_any(_SET_PHRASES, rng).split()),)


def _mixture(rng: np.random.Generator) -> Groups:
    words = tuple(_any(WORDS, rng) for _ in range(int(rng.integers(2, 7))))
    cut = int(rng.integers(1, len(words)))
    return (words,) if rng.random() < 0.6 else (words[:cut], words[cut:])


def _any(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


_KINDS: tuple[tuple[Callable[[np.random.Generator], Groups], float], ...] = (
    (_word, 0.14), (_digits, 0.16), (_number, 0.18), (_time, 0.13), (_days, 0.05), (_moves, 0.12), (_courtesy, 0.08),
    (_mixture, 0.24),
)  # fmt: skip
