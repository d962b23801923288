"""Phone classes of the domain: what the tokenizers learn to tell apart, in whichever letters a teacher writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CLASSES = {
    "b": "b", "d": "d", "f": "f", "h": "hh", "j": "y", "k": "k", "l": "l", "m": "m", "n": "n", "p": "p", "s": "s",
    "t": "t", "ɾ": "t", "v": "v", "w": "w", "z": "z", "ð": "th", "θ": "th", "ŋ": "ng", "ɡ": "g", "ɹ": "r", "ʃ": "sh",
    "ʧ": "sh", "ʤ": "sh",
    "A": "ey", "I": "ay", "Y": "oy", "O": "ow", "Q": "ow", "W": "aw", "i": "iy", "u": "uw", "ɪ": "ih", "ᵻ": "ih",
    "e": "eh", "ɛ": "eh", "æ": "ae", "a": "ae", "ɑ": "aa", "ɒ": "aa", "ɔ": "ao", "o": "ao", "ʌ": "ah", "ə": "ax",
    "ɜ": "er", "ʊ": "uh",
}  # fmt: skip
"""From Kokoro's letters. Accents and voicing that no word of the domain depends on make no difference."""

_VOWELS = frozenset("AIYOQWiuɪᵻeɛæaɑɒɔoʌəɜʊ")
_VOWEL_SHARE, _CONSONANT_SHARE = 1.6, 1.0

PHONES: tuple[str, ...] = tuple(sorted(set(_CLASSES.values())))

PHONE_LABELS: dict[str, int] = {phone: label for label, phone in enumerate(PHONES, start=1)}
"""Phone to frame label; 0 is silence."""

OTHER_SPEECH = len(PHONES) + 1
"""Frame label of words that are none of the domain's."""

LABEL_COUNT = len(PHONES) + 2
"""Silence, the phones, and other speech."""


def label_of(letter: str) -> int | None:
    """Return the label of one of Kokoro's letters; None of a stress mark, which sounds with the vowel behind it."""
    phone = _CLASSES.get(letter)
    return None if phone is None else PHONE_LABELS[phone]


def labels_and_shares(letters: Iterable[str]) -> list[tuple[int, float]]:
    """Return the labels of a word's letters, and how much of the word each usually takes: a vowel more."""
    return [
        (label, _VOWEL_SHARE if letter in _VOWELS else _CONSONANT_SHARE)
        for letter in letters
        if (label := label_of(letter)) is not None
    ]
