"""Inverse text normalization (ITN): numbers recognised as words, written in digits.

English is text2num's work, with its rules: a number up to three that stands alone stays a word ("one of them"), what is
read digit by digit stays apart ("one nine six" is 1 9 6); years after "in", "since" and the like are put together here.

Chinese is done here, because no library fits: cn2an writes "我1定去", and puts packages named `build` and `src` beside
the installed ones. Only what can hardly be anything but a number changes: at least two characters that make up one
number (二十三, 两百, 三点一四), three or more that are digits (二零二六), percentages, days of months and times of day.
Single numerals, 万一, 三三两两 and 两三百 stay.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10**4, "亿": 10**8}
_NUMERALS = "零〇一二两三四五六七八九十百千万亿"
_DIGIT_RUN = "[零〇一二三四五六七八九]"
_NUMBER = re.compile(f"(?<!点)[{_NUMERALS}]+(?:点{_DIGIT_RUN}+(?![分刻半{_NUMERALS}]))?")
_PERCENT = re.compile(f"百分之([{_NUMERALS}]+(?:点{_DIGIT_RUN}+)?)")
# No month, day, hour or minute has more than four characters (二十零二); tried at the start of a run only, which keeps
# a text that is one long run linear.
_UP_TO_99 = f"(?<![{_NUMERALS}])([{_NUMERALS}]{{1,4}})"
_DATE = re.compile(f"{_UP_TO_99}(月){_UP_TO_99}([日号])")
_TIME = re.compile(f"{_UP_TO_99}(点){_UP_TO_99}(分)")
_RUN = re.compile(f"{_DIGIT_RUN}{{3,}}")
_HAN = re.compile(f"[{_NUMERALS}]")
_LATIN = re.compile("[A-Za-z]")
_YEAR = re.compile(
    r"\b(in|since|until|year|january|february|march|april|may|june|july|august|september|october|november|december)"
    r" (1[0-9]|20) ([0-9]{2})\b",
    re.IGNORECASE,
)
# Of English, generously: what may be part of a number, or what text2num passes over between two ("two, well, four").
_NUMERIC_WORD = re.compile(
    r"[\W_]*(?:[0-9]|zero|oh?\b|on|tw|th|fo|fi|si|se|ei|ni|te|el|hun|mi|bi|tri|and\b|point\b|plus\b|neg|an?\b|\w*ths?\b"
    r"|(?:ah|ha|hum?|is|more|ok|oss?|so|uh|well|yeah|yes)\b|$)",
    re.IGNORECASE,
)
_PIECE_WORDS = 200
_LONGEST_PIECE_WORDS = 2_000
"""No number has so many words."""

_A_HUNDRED = re.compile(r"\ba (?=(?:hundred|thousand|million|billion)\b)", re.IGNORECASE)


def inverse_normalize(text: str) -> str:
    """Write the numbers of an English or Chinese text in digits; everything else stays as it is."""
    if _HAN.search(text):
        text = _PERCENT.sub(_percentage, text)
        text = _DATE.sub(partial(_pair, most=(12, 31)), text)
        text = _TIME.sub(partial(_pair, most=(24, 59)), text)
        text = _NUMBER.sub(lambda found: _written(found.group()) or found.group(), text)
    if _LATIN.search(text):
        from text_to_num import alpha2digit

        apart = {found[0] for found in _YEAR.finditer(text)}
        # The library's time grows with the square of how many numbers there are.
        text = "".join(alpha2digit(piece, "en") for piece in _pieces(_A_HUNDRED.sub("one ", text)))
        text = _YEAR.sub(lambda found: found[0] if found[0] in apart else f"{found[1]} {found[2]}{found[3]}", text)
    return text


def _pieces(text: str) -> Iterator[str]:
    """Cut a text between two words that are neither numbers nor beside one; none where there is no such place."""
    start, words, was_plain = 0, 0, False
    for word in re.finditer(r"\S+", text):
        is_plain = _NUMERIC_WORD.match(word[0]) is None
        if (words >= _PIECE_WORDS and is_plain and was_plain) or words >= _LONGEST_PIECE_WORDS:
            yield text[start : word.start()]
            start, words = word.start(), 0
        words, was_plain = words + 1, is_plain
    yield text[start:]


def chinese_value(words: str) -> int | None:
    """Return the whole number that is written in Chinese; None if it is none or could be something else.

    A last digit stands for the next lower place, as one says it: 三万五 is 35000.
    """
    number = _ChineseNumber()
    if not all(number.take(character, is_first=not position) for position, character in enumerate(words)):
        return None
    if number.digit is not None:
        number.group += number.digit * _place_of_last(words, skipped=number.skipped)
    elif number.skipped:
        return None
    return number.total + number.group or None


class _ChineseNumber:
    """Parser of a Chinese number, character by character; every `take` returns whether the character fits.

    `digit` is one whose place is not known yet, `skipped` whether 零 comes before the next digit.
    """

    def __init__(self) -> None:
        self.total = self.group = 0
        self.digit: int | None = None
        self.skipped = False
        self._last_place, self._last_group = 10_000, 10**12

    def take(self, character: str, *, is_first: bool) -> bool:
        if character in _DIGITS and not _DIGITS[character]:
            return self._take_zero(is_first=is_first)
        if character in _DIGITS:
            fits = self._take_digit(_DIGITS[character])
        elif character in _PLACES:
            fits = self._take_place(_PLACES[character], is_first=is_first)
        else:
            fits = self._take_group(_GROUPS[character])
        self.skipped = self.skipped and self.digit is not None
        return fits

    def _take_zero(self, *, is_first: bool) -> bool:
        fits = self.digit is None and not is_first and not self.skipped
        self.skipped = True
        return fits

    def _take_digit(self, digit: int) -> bool:
        fits = self.digit is None
        self.digit = digit
        return fits

    def _take_place(self, place: int, *, is_first: bool) -> bool:
        if self.digit is None and not (place == 10 and (is_first or self.skipped)):
            return False
        fits = place < self._last_place
        self.group += (self.digit or 1) * place
        self.digit, self._last_place = None, place
        return fits

    def _take_group(self, size: int) -> bool:
        self.group += self.digit or 0
        fits = bool(self.group) and size < self._last_group
        self.total += self.group * size
        self.group, self.digit, self._last_place, self._last_group = 0, None, 10_000, size
        return fits


def _place_of_last(words: str, *, skipped: bool) -> int:
    before = words[-2:-1]
    if skipped or before in ("", "十"):
        return 1
    return (_PLACES | _GROUPS)[before] // 10


def _percentage(found: re.Match[str]) -> str:
    written = _written(found[1], single=True)
    return found.group() if written is None else f"{written}%"


def _pair(found: re.Match[str], most: tuple[int, int]) -> str:
    first, second = chinese_value(found[1]), chinese_value(found[3])
    if first is None or second is None or first > most[0] or second > most[1]:
        return found.group()
    return f"{first}{found[2]}{second}{found[4]}"


def _written(words: str, *, single: bool = False) -> str | None:
    """Return a number in digits, or None if it is to stay in words."""
    whole, point, fraction = words.partition("点")
    if _RUN.fullmatch(whole) or (point and re.fullmatch(_DIGIT_RUN, whole)):
        number = "".join(str(_DIGITS[character]) for character in whole)
    elif len(whole) < 2 and not single and not point:
        return None
    else:
        number = _with_group(whole)
    if number is None:
        return None
    return number + ("." + "".join(str(_DIGITS[character]) for character in fraction) if point else "")


def _with_group(whole: str) -> str | None:
    """Write round numbers as people do: 三百万 is 300万."""
    value = chinese_value(whole)
    if value is None:
        return None
    if whole[-1] in _GROUPS and not any(group in whole[:-1] for group in _GROUPS):
        return f"{value // _GROUPS[whole[-1]]}{whole[-1]}"
    return str(value)
