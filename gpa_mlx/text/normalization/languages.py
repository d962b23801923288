"""The language in which each place of a text is read: that of its sentence and surroundings, not of single letters.

A sentence with Chinese characters is Chinese, also where names in Latin letters are longer than what is around them
(`iPhone 15和iPhone 15 Pro`); it is English where more English words than Chinese characters make it up. A sentence that
shows neither, as a row of numbers or a name, is read like the one before it, else like the one after it.
"""

from __future__ import annotations

import re
from typing import Literal

from gpa_mlx.text.cjk import CJK_PUNCTUATION, SYLLABIC
from gpa_mlx.text.normalization.rules import MASK, listed

Language = Literal["chinese", "english"]

_SENTENCE = re.compile(r"(?:[^\n。！？!?；.]|\.(?!\s))+[\n。！？!?；.\s]*|[\n。！？!?；.\s]+")
_CHINESE_PUNCTUATION = re.compile("[，。：；！？、（）《》【】￥]")
_LATIN_LETTER = re.compile("[A-Za-z]")
_MOST_LETTERS = 3
_SYLLABLE = re.compile(f"[{SYLLABIC}]")
_WORD = re.compile(r"(?<![A-Za-z0-9_./@-])(?:[a-z]{2,}(?:['’][a-z]+)?|I|a)(?![A-Za-z0-9_/@-]|\.[a-z])")
_CAPITALIZED = re.compile(r"(?<![A-Za-z0-9_./@-])(?!No\.? ?[0-9])[A-Z][a-z]+(?:['’][a-z]+)?(?![A-Za-z0-9_/@-]|\.[a-z])")
_NO_WORDS = frozenset(
    listed("""
    am cal cc cm com db ft gb hr hrs http https ip kb kcal kg kgs khz km kph kwh lb lbs mb mg mhz min mins ml mm mph
    ms ns oz pm pro max mini plus px rpm sec secs tb th st nd rd via vs wifi www yd etc app ok ppm ppb
    """)
)
"""Units and parts of names in lower case, which Chinese text has as well."""

_FUNCTION_WORDS = frozenset(
    listed("""
    The This That These Those It He She We You They My Your His Her Our Their There Here What When Where Which Who Why
    How If In On At By For From To With And But Or So As An Is Are Was Were Do Does Did Please Call See Not No Yes
    """)
)
_LATIN_RUN = re.compile(rf"[^{MASK}{CJK_PUNCTUATION}“”‘’…—\n]+")
_FEWEST_BESIDE_CHINESE = 2
"""English words that a line among Chinese ones needs to be English."""

_FEWEST_WORDS = 3
"""English words of a quotation that is read in English inside a Chinese sentence."""

_TO_CHINESE = re.compile(
    rf"[^\w\s{MASK}{CJK_PUNCTUATION}]*[0-9][0-9.,:/%-]*[ \u00a0]?{MASK}|[^\w\s{MASK}{CJK_PUNCTUATION}]+{MASK}"
    rf"|(?<={MASK})[0-9][0-9.,:/%-]*"
)


def chinese_places(text: str, language: Language | None = None) -> bytearray:
    """Return, for every character, 1 where the Chinese grammar reads what begins there, 0 where the English one does.

    Args:
        text: Any text.
        language: The language around the text, for sentences that do not show their own. Unknown, they take that of the
            sentences beside them, and English without any.
    """
    text = masked(text)
    spans = [match.span() for match in _SENTENCE.finditer(text)]
    found = [_shown(text[start:end]) for start, end in spans]
    # What comes before the first sentence that shows its language is read like it.
    known = language or next((one for one in found if one), "english")
    places = bytearray(len(text))
    for (start, end), shown in zip(spans, found, strict=True):
        if shown == "english" and known == "chinese" and len(_english_words(text[start:end])) < _FEWEST_BESIDE_CHINESE:
            shown = None  # the name of a thing
        known = shown or known
        if known == "chinese":
            places[start:end] = b"\1" * (end - start)
            for run in _LATIN_RUN.finditer(text, start, end):
                if len(_english_words(run[0])) >= _FEWEST_WORDS:
                    places[run.start() : run.end()] = bytes(run.end() - run.start())
        elif shown:
            _mark_chinese(text, start, end, places)
    return places


def language_of(text: str) -> Language | None:
    """Return the language of the last sentence that shows one, None where none does."""
    found = None
    for match in _SENTENCE.finditer(masked(text)):
        found = _shown(match[0]) or found
    return found


def masked(text: str) -> str:
    """Return the text with `MASK` for every character that is said with a syllable."""
    return text if text.isascii() else _SYLLABLE.sub(MASK, text)


def unmasked(words: str, written: str) -> str:
    """Return words of masked text with the characters that were masked in what is written."""
    if MASK not in words:
        return words
    hidden = iter(_SYLLABLE.findall(written))
    return "".join(next(hidden, "") if sign == MASK else sign for sign in words)


def _mark_chinese(text: str, start: int, end: int, places: bytearray) -> None:
    """Mark Chinese characters in an English sentence, and the numbers that touch them: 5 元."""
    place = text.find(MASK, start, end)
    while place >= 0:
        places[place] = 1
        place = text.find(MASK, place + 1, end)
    for match in _TO_CHINESE.finditer(text, start, end):
        places[match.start() : match.end()] = b"\1" * (match.end() - match.start())


def _shown(sentence: str) -> Language | None:
    """Return the language that the letters of a sentence show."""
    syllables = sentence.count(MASK)
    words = len(_english_words(sentence))
    if syllables:
        return "english" if words > syllables else "chinese"
    if words:
        return "english"
    # Names in Latin letters may be typed with full-width punctuation; a number with little else is Chinese then.
    few = len(_LATIN_LETTER.findall(sentence)) <= _MOST_LETTERS
    return "chinese" if few and _CHINESE_PUNCTUATION.search(sentence) else None


def _english_words(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text) if word not in _NO_WORDS]
    return words + [word for word in _CAPITALIZED.findall(text) if word in _FUNCTION_WORDS]
