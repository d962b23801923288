"""English words of numbers, with "and" after hundreds and a hyphen between tens and ones."""

from __future__ import annotations

from functools import lru_cache

from gpa_mlx.text.normalization.rules import plain_number

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_BELOW_TWENTY = (
    *DIGITS,
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = (
    (10**18, "quintillion"),
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
_LONGEST_CARDINAL = 15
"""Digits of the longest number said as one; beyond that nobody follows."""


@lru_cache(maxsize=1024)
def cardinal(value: int) -> str:
    """Return "two hundred and five" for 205, "minus one" for -1."""
    if value < 0:
        return f"minus {cardinal(-value)}"
    for size, name in _SCALES:
        if value >= size:
            count, rest = divmod(value, size)
            joint = " and " if 0 < rest < 100 else " "
            return f"{cardinal(count)} {name}{joint + cardinal(rest) if rest else ''}"
    return _below_thousand(value)


@lru_cache(maxsize=1024)
def ordinal(value: int) -> str:
    """Return "twenty-third" for 23."""
    words = cardinal(value)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    return words[:start] + (_ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"))


def digit_by_digit(written: str) -> str:
    """Return "zero zero seven" for 007; everything but ASCII digits is skipped."""
    return " ".join(DIGITS[int(digit)] for digit in written if digit in "0123456789")


def number(written: str) -> str:
    """Return the words of a number without sign: plain, with thousands, decimal, or a code with leading zeros."""
    whole, point, fraction = plain_number(written).partition(".")
    words = whole_number(whole) if whole else ""
    return f"{words} point {digit_by_digit(fraction)}".strip() if point else words


def whole_number(digits: str) -> str:
    """Return the words of a run of digits: one number, or digit by digit where it is too long or begins with zero."""
    if len(digits) > _LONGEST_CARDINAL or (len(digits) > 1 and digits[0] == "0"):
        return digit_by_digit(digits)
    return cardinal(int(digits))


def ordinal_number(digits: str) -> str | None:
    """Return the ordinal of a run of digits, None where it is too long to be one."""
    return ordinal(int(digits)) if len(digits) <= _LONGEST_CARDINAL else None


def year(value: int) -> str:
    """Return the words of a year with four digits: "nineteen oh five", "two thousand and one", "twenty twenty-six"."""
    century, rest = divmod(value, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {cardinal(rest) if rest > 9 else 'oh ' + cardinal(rest)}"


def plural(words: str) -> str:
    """Return the plural of a number's words: "nineteen nineties", "thirds", "halves"."""
    if words.endswith("half"):
        return words[:-1] + "ves"
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def fraction(numerator: int, denominator: int) -> str:
    """Return "two thirds" for 2/3; the denominator is at least 2."""
    part = {2: "half", 4: "quarter"}.get(denominator) or ordinal(denominator)
    return f"{cardinal(numerator)} {part if numerator == 1 else plural(part)}"


def two_digits(written: str) -> str:
    """Return "oh five" for 05, "twenty-four" for 24."""
    return f"oh {DIGITS[int(written[1])]}" if written[0] == "0" else cardinal(int(written))


def pairs(digits: str) -> str:
    """Return the number of a thing as it is called: "seven forty-seven", "four oh four", "fourteen oh eight"."""
    if len(digits) not in (3, 4) or digits[0] == "0":
        return whole_number(digits) if len(digits) < 3 else digit_by_digit(digits)
    head, tail = digits[:-2], digits[-2:]
    if len(digits) == 4 and head[1] == "0":
        return cardinal(int(digits)) if tail[0] == "0" or tail == "00" else f"{cardinal(int(head))} {two_digits(tail)}"
    return f"{cardinal(int(head))} hundred" if tail == "00" else f"{cardinal(int(head))} {two_digits(tail)}"


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    words = _BELOW_TWENTY[rest] if rest < 20 else _TENS[tens] + (f"-{DIGITS[ones]}" if ones else "")
    if not hundreds:
        return words
    return f"{DIGITS[hundreds]} hundred{f' and {words}' if rest else ''}"
