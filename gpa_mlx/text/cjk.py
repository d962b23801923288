"""Chinese, Japanese and Korean characters (CJK): the one place that knows where they are in Unicode.

Three questions are told apart. *Does a blank belong beside it?* Han, kana and bopomofo, their punctuation and the
full-width forms are written without blanks (`CJK`); Korean words are apart. *Is it a word of its own?* So are the
letters among them (`CJK_LETTERS`). *Is it said with a syllable or more?* So are these letters and the Korean ones
(`SYLLABIC`). How many columns a terminal needs is none of them: `rich.cells` answers that.

Python knows no scripts, so the ranges follow Unicode's `Scripts.txt` (16.0). Where nothing is assigned yet they follow
its blocks: all of planes 2 and 3 is kept for ideographs. A test compares them with the names of all characters.
"""

from __future__ import annotations

from bisect import bisect_right

_LETTER_RANGES = (
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3031, 0x3035),  # vertical kana repeat marks
    (0x3038, 0x303C),  # Hangzhou tens, vertical iteration mark, masu mark
    (0x3041, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x3190, 0x31FF),  # Kanbun, Bopomofo extended, strokes, Katakana extensions
    (0x3220, 0x325F),  # numbers and ideographs in brackets or circles
    (0x3280, 0x9FFF),  # the same, months, squared words, extension A, unified ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x16FE2, 0x16FE3),  # Old Chinese marks
    (0x16FF0, 0x16FFF),  # Vietnamese reading marks
    (0x1AFF0, 0x1B16F),  # Kana extended, supplement, small
    (0x1F200, 0x1F2FF),  # squared and circled ideographs
    (0x20000, 0x3FFFF),  # extensions B and later, compatibility supplement
)
_HANGUL_RANGES = (
    (0x1100, 0x115F),  # leading consonants: of a syllable written in its parts, one is counted
    (0x3131, 0x318F),
    (0x3200, 0x321F),
    (0x3260, 0x327F),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7AF),
    (0xFFA0, 0xFFDF),  # half-width
)
_PUNCTUATION_RANGES = (
    (0x2FF0, 0x3004),  # description characters, ideographic space, comma, full stop
    (0x3008, 0x3020),  # brackets, wave dash, postal marks
    (0x302A, 0x302D),  # tone marks of ideographs; those of Hangul come next
    (0x3030, 0x3030),
    (0x3036, 0x3037),
    (0x303D, 0x303F),
    (0xFE10, 0xFE1F),  # vertical forms
    (0xFE30, 0xFE6F),  # vertical and small forms
    (0xFF01, 0xFF65),  # full-width ASCII, half-width punctuation
    (0xFFE0, 0xFFE6),  # full-width signs
)


def _character_class(*ranges: tuple[int, int]) -> str:
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in sorted(ranges))


CJK_LETTERS = _character_class(*_LETTER_RANGES)
"""Han, kana and bopomofo, for a character class of a regular expression."""

CJK_PUNCTUATION = _character_class(*_PUNCTUATION_RANGES)
"""Full-width forms and the signs of these scripts, for a character class."""

CJK = _character_class(*_LETTER_RANGES, *_PUNCTUATION_RANGES)
"""All that is written without blanks: `CJK_LETTERS`, their punctuation, full-width forms; for a character class."""

SYLLABIC = _character_class(*_LETTER_RANGES, *_HANGUL_RANGES)
"""Letters that are said with a syllable or more: `CJK_LETTERS` and Hangul; for a character class."""


class _CodePoints:
    """A set of code points, held as its ranges."""

    def __init__(self, *ranges: tuple[int, int]) -> None:
        self._firsts, self._lasts = zip(*sorted(ranges), strict=True)

    def __contains__(self, character: str) -> bool:
        index = bisect_right(self._firsts, ord(character)) - 1
        return index >= 0 and ord(character) <= self._lasts[index]


_CJK = _CodePoints(*_LETTER_RANGES, *_PUNCTUATION_RANGES)
_SYLLABIC = _CodePoints(*_LETTER_RANGES, *_HANGUL_RANGES)


def is_cjk(character: str) -> bool:
    """Whether no blank is written beside a character: see `CJK`."""
    return character in _CJK


def is_syllabic(character: str) -> bool:
    """Whether a character is said with a syllable or more: see `SYLLABIC`."""
    return character in _SYLLABIC
