"""What Chinese rules are put together from: numbers, signs before them, ranges, and looks at what is around."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_units import UNITS
from gpa_mlx.text.normalization.chinese_words import MEASURES, NOT_COUNTED, SHORT_SCALES, WORD_SCALES
from gpa_mlx.text.normalization.latin_edges import CLEAR, RIGHT
from gpa_mlx.text.normalization.rules import NUMBER, LazyPattern, one_of

BLANK = "[ \u00a0\u202f]"
DASH = r"(?:[-–~～∼〜]|—{1,2})"
SIGN = r"(?:(?<![0-9A-Za-z)\]）])(?P<sign>[-−]))?"
"""A minus sign. A Chinese character before it does not make it a hyphen, as a letter would."""

LOW = rf"{CLEAR}{SIGN}(?P<low>{NUMBER})"
TO = rf"(?:{BLANK}?(?:{DASH}|到|至){BLANK}?)"
LOW_HIGH = rf"{LOW}(?:{TO}(?P<high>[-−]?{NUMBER}))?"
NO_MORE = r"(?![0-9]|[.,:/][0-9])"
"""A number ends here."""

MEASURE = rf"(?!{one_of(NOT_COUNTED)}){one_of(MEASURES)}"
_AMOUNT_AFTER = LazyPattern(
    rf"{BLANK}?(?:{MEASURE}|{one_of(UNITS)}{RIGHT}|[wWkK]{RIGHT}|[%‰$€£¥余来多几]|人民币|美金|块钱|折|号线)"
)

_LONGEST_CONTEXT = 16


def before(match: re.Match[str], length: int = _LONGEST_CONTEXT) -> str:
    """Return the characters before a match."""
    return match.string[max(0, match.start() - length) : match.start()]


def after(match: re.Match[str], length: int = _LONGEST_CONTEXT) -> str:
    """Return the characters after a match."""
    return match.string[match.end() : match.end() + length]


def is_amount(match: re.Match[str]) -> bool:
    """Return whether something is counted with the number that a match ends with."""
    return bool(_AMOUNT_AFTER.match(match.string, match.end()))


def signed(match: re.Match[str]) -> str:
    """Return the word of the minus sign before a match, if there is one."""
    return "负" if match["sign"] else ""


def number_or_range(match: re.Match[str], *, counted: bool = False, minus: str = "负") -> str:
    """Return the words of `low` and perhaps `high`, without the sign of `low`."""
    say = numbers.counted if counted else numbers.number
    low, high = match["low"], match["high"]
    if not high:
        return say(low)
    if high[0] in "-−":
        return f"{say(low)}到{minus}{say(high[1:])}"
    return f"{say(low)}到{say(high)}"


def scaled(written: str, short: str) -> str:
    """Return the words of a number with a letter for its zeros: 1.5 and k are 一千五百."""
    if short in "wW":
        return numbers.counted(written) + "万"
    return numbers.shifted(written, (SHORT_SCALES | WORD_SCALES)[short])
