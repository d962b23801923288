"""Ways to write a number that other countries have, put into the one the rules read: 1,234.56.

What is told apart by its form alone: `1.234,56` and `€2,50`, `1,5 kg`, `1 000 000`, `8'500'000`, `1,00,000`. Exponents
and indices become `^5` and plain digits, Roman numerals of one sign plain numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from gpa_mlx.text.cjk import CJK_LETTERS
from gpa_mlx.text.normalization.rules import RIGHT, one_of
from gpa_mlx.text.normalization.units import CURRENCY_CODES, CURRENCY_SIGNS, UNITS

_NO_DIGIT = r"(?![0-9]|[.,][0-9])"
_ALONE = r"(?<![0-9A-Za-z])(?<![0-9][.,'’/:-])"
_SIGN = one_of(CURRENCY_SIGNS)
_CODE = one_of(CURRENCY_CODES)
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋"
_DIALED = re.compile(
    r"(?<!\w)(?:call|dial|ring|text|phone|tel|telephone|mobile|cell|fax|numbers?|id|code|pin|card|account|no|ssn|hotline"
    r"|whatsapp|sms|contact|电话|手机|号码|账号|卡号|热线|拨打|致电)(?:[ .:：](?:is|us|me|at|on|him|her|number"
    r"|no)?){0,3}[^0-9A-Za-z]{0,3}$",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?i:(?<!\w)(?:version|release|build|firmware|ver\.?|ip|address)[ :]{1,2})$")
_PLAIN = str.maketrans(_SUPERSCRIPTS + _SUBSCRIPTS, "0123456789+-" * 2)


def _commas(match: re.Match[str]) -> str:
    return re.sub(r"[^0-9]", ",", match[0])


def _thousands(match: re.Match[str]) -> str:
    """Put commas between groups, but for the number of a telephone or of an account."""
    return match[0] if _DIALED.search(match.string[max(0, match.start() - 32) : match.start()]) else _commas(match)


def _pointed(match: re.Match[str]) -> str:
    """Put commas between groups with points, but for the name of a version."""
    left = match.string[max(0, match.start() - 16) : match.start()]
    return match[0] if _VERSION.search(left) else _thousands(match)


def _swapped(match: re.Match[str]) -> str:
    return match[0].translate(str.maketrans(".,", ",."))


def _decimal(match: re.Match[str]) -> str:
    return match[0].replace(",", ".")


def _exponent(match: re.Match[str]) -> str:
    word = match["word"] or ""
    written = match["raised"]
    if written[-1] in "⁺⁻":
        return match[0]  # the charge of an ion
    if len(word) > 1 and not word[-1].isdigit():
        # After a word it is the number of a footnote, after a unit its power.
        return match[0] if word in UNITS or written in ("²", "³") else word
    return match[0] if written in ("²", "³") else f"{word}^{written.translate(_PLAIN)}"


_EDITS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_SUBSCRIPTS, re.compile(f"[{_SUBSCRIPTS}]+"), lambda match: match[0].translate(_PLAIN)),
    (
        _SUPERSCRIPTS,
        re.compile(rf"(?P<word>(?:(?<![A-Za-z])[A-Za-z]{{1,20}}|[0-9)]))(?P<raised>[{_SUPERSCRIPTS}]+)"),
        _exponent,
    ),
    ("^", re.compile(r"(?<=[A-Za-z)])\^(?P<power>[23])(?![0-9])"), lambda match: "²" if match["power"] == "2" else "³"),
    (
        "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹ",
        re.compile(f"(?<![{CJK_LETTERS}Ⅰ-ⅿ])[Ⅰ-Ⅻⅰ-ⅹ](?![{CJK_LETTERS}Ⅰ-ⅿ])"),  # the Chinese rules read theirs
        lambda match: str(int(unicodedata.numeric(match[0]))),
    ),
    ("'’", re.compile(rf"{_ALONE}[0-9]{{1,3}}(?:['’][0-9]{{3}})+(?![0-9])"), _commas),
    (
        ",",
        re.compile(rf"{_ALONE}[1-9][0-9]?(?:,[0-9]{{2}})+,[0-9]{{3}}(?:\.[0-9]+)?{_NO_DIGIT}"),
        lambda match: match[0].replace(",", ""),
    ),
    (",", re.compile(rf"{_ALONE}[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+,[0-9]{{1,2}}{_NO_DIGIT}"), _swapped),
    (
        ".",
        re.compile(
            rf"(?:(?<=€)|(?<=€ )){_ALONE}[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+{_NO_DIGIT}"
            rf"|{_ALONE}[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+(?=[ \u00a0\u202f]?(?:€|EUR{RIGHT}))"
        ),
        lambda match: match[0].replace(".", ","),
    ),
    # Two points at least: 3.500.000. An address has four parts, a telephone number is told by the word before it.
    (
        ".",
        re.compile(
            rf"(?<![vV] ){_ALONE}[1-9][0-9]{{0,2}}(?:(?:\.[0-9]{{3}}){{2}}|(?:\.[0-9]{{3}}){{4,}})"
            rf"{_NO_DIGIT}(?![.-]?[A-Za-z0-9])"
        ),
        _pointed,
    ),
    (
        ",",
        re.compile(
            rf"(?:{_SIGN}|{_CODE})[ \u00a0\u202f]?[0-9]{{1,6}},[0-9]{{2}}{_NO_DIGIT}"
            rf"|{_ALONE}[0-9]{{1,6}},[0-9]{{2}}(?=[ \u00a0\u202f]?(?:[€£$]|{_CODE}{RIGHT}))"
            rf"|{_ALONE}[0-9]{{1,6}},[0-9]{{1,2}}(?=[ \u00a0\u202f]?(?:%|{one_of(UNITS)}{RIGHT}))"
        ),
        _decimal,
    ),
    (
        " \u00a0\u202f",
        re.compile(
            # Not 3 200 ml bottles, not a number after another one.
            rf"{_ALONE}(?<![0-9] )(?:[1-9][0-9]{{0,2}}(?:[ \u00a0\u202f][0-9]{{3}}){{2,}}"
            rf"|[1-9][0-9]{{1,2}}[ \u00a0\u202f][0-9]{{3}}|[1-9](?: 000|[\u00a0\u202f][0-9]{{3}}))"
            rf"(?![0-9]|[ \u00a0\u202f.,:/-][0-9]|[ \u00a0\u202f]?(?:ml|cl|mg|mm){RIGHT})"
        ),
        _thousands,
    ),
)


def plain_grouping(text: str) -> str:
    """Return the text with its numbers grouped and pointed in one way."""
    for signs, pattern, replace in _EDITS:
        if any(sign in text for sign in signs):
            text = pattern.sub(replace, text)
    return text
