"""Chinese words of numbers.

Written here because no library fits: cn2an takes 0.1 s to import, refuses more than 16 digits, says 二千 for 两千 and
installs stray top-level packages named `build` and `src`; num2words knows no Chinese; voxnorm mixes traditional and
simplified characters and reads telephone numbers as amounts.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gpa_mlx.text.normalization.rules import plain_number

_DIGITS = "零一二三四五六七八九"
_PLACES = ("千", "百", "十", "")
_GROUPS = ("", "万", "亿", "万亿")
_LONGEST_CARDINAL = 4 * len(_GROUPS)
_LONGEST_IN_NAME = 2


def cardinal(digits: str) -> str:
    """Return "一万零五十" for 10050; too long a number and one with leading zeros are read digit by digit."""
    if len(digits) > _LONGEST_CARDINAL or (len(digits) > 1 and digits[0] == "0"):
        return digit_by_digit(digits)
    padded = digits.zfill(_LONGEST_CARDINAL)
    groups = [padded[start : start + 4] for start in range(0, _LONGEST_CARDINAL, 4)]
    words = ""
    gap = False
    for group, name in zip(groups, reversed(_GROUPS), strict=True):
        if group == "0000":
            gap = bool(words)
            continue
        if words and (gap or group[0] == "0"):
            words += "零"
        words += ("两" if group == "0002" and name and not words else _group(group)) + name
        gap = False
    if not words:
        return _DIGITS[0]
    if groups[0] != "0000" and groups[1] != "0000":
        words = words.replace("万亿", "万", 1)  # 一万二千亿, not 一万亿二千亿
    # Ten to nineteen and their multiples begin with a bare 十.
    return words[1:] if words.startswith("一十") else words


def digit_by_digit(digits: str) -> str:
    """Return "二零二六" for 2026; everything but ASCII digits is skipped."""
    return "".join(_DIGITS[int(digit)] for digit in digits if digit in "0123456789")


def telephone(digits: str) -> str:
    """Return the digits as a telephone number is read: one is 幺."""
    return digit_by_digit(digits).replace("一", "幺")


def number(written: str) -> str:
    """Return the words of a number without sign: plain, with thousands, or decimal."""
    whole, point, fraction = plain_number(written).partition(".")
    words = cardinal(whole or "0")
    return f"{words}点{digit_by_digit(fraction)}" if point else words


def counted(written: str) -> str:
    """Return the words of a number before what it counts: 2 is 两."""
    return "两" if written == "2" else number(written)


def money(written: str) -> str:
    """Return the words of an amount of money: the zeros that end a fraction are not said."""
    whole, point, fraction = plain_number(written).partition(".")
    fraction = fraction.rstrip("0")
    return counted(f"{whole}{point}{fraction}" if fraction else whole)


def shifted(written: str, places: int) -> str:
    """Return the words of a number times a power of ten."""
    return counted(f"{(Decimal(plain_number(written)) * 10**places).normalize():f}")


def short(digits: str) -> str:
    """Return digits in a name: up to two are a number, more are said one by one."""
    return cardinal(digits) if len(digits) <= _LONGEST_IN_NAME else digit_by_digit(digits)


def spelled(written: str, *, one: str = "一") -> str:
    """Return letters and digits one by one; letters are apart, so that they are not read as a word."""
    pieces = re.findall("[0-9]+|[A-Za-z]", written)
    words = " ".join(digit_by_digit(piece).replace("一", one) if piece.isdigit() else piece for piece in pieces)
    return re.sub("(?<=[零一二三四五六七八九幺]) (?=[A-Za-z])|(?<=[A-Za-z]) (?=[零一二三四五六七八九幺])", "", words)


def _group(group: str) -> str:
    """Return the words of four digits, not all zero, without the zeros in front."""
    words = ""
    gap = False
    for digit, place in zip(group, _PLACES, strict=True):
        if digit == "0":
            gap = bool(words)
            continue
        word = "两" if digit == "2" and place == "千" else _DIGITS[int(digit)]
        words += ("零" if gap else "") + word + place
        gap = False
    return words
