"""Dates and times of day in English."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization.english_numbers import cardinal, ordinal, year
from gpa_mlx.text.normalization.english_sentences import full_stop
from gpa_mlx.text.normalization.english_words import MONTH_NUMBERS, MONTHS
from gpa_mlx.text.normalization.rules import CLEAR, LEFT, RIGHT, LazyPattern, ReadingRule, one_of, rule

_DAYS = {
    **{"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday"},
    **{"Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"},
}
_NAMES = {**_DAYS, **{short: MONTHS[number - 1] for short, number in MONTH_NUMBERS.items()}}
_NAMES |= {day: day for day in _DAYS.values()}
_MONTH = rf"(?P<month>{one_of(MONTH_NUMBERS)}){RIGHT}"
_DAY = r"(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12][0-9]{3})"
_DONE = rf"{RIGHT}(?![.,:/][0-9])"
_HALF = rf"[AaPp](?:\.[Mm]\.|[Mm]{RIGHT})"
_CLOCK = rf"(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?(?:[ \u00a0\u202f]?{_HALF})?"
_HOUR = rf"(?:1[0-2]|0?[1-9])[ \u00a0\u202f]?{_HALF}"
_TIME = rf"(?:{_CLOCK}|{_HOUR})"
_PARTS = LazyPattern(
    rf"(?P<hour>[0-9]+)(?::(?P<minute>[0-9]+)(?::(?P<second>[0-9]+))?)?[ \u00a0\u202f]?(?P<half>{_HALF})?"
)


def _month_first(match: re.Match[str]) -> str | None:
    month, day, last = MONTHS[MONTH_NUMBERS[match["month"]] - 1], int(match["day"]), match["last"]
    if not (_is_day(day) and (last is None or _is_day(int(last)))):
        return None
    words = f"{month} {ordinal(day)}"
    if last:
        words += f" to {ordinal(int(last))}"
    return words + _in_year(match["year"])


def _day_first(match: re.Match[str]) -> str | None:
    day = int(match["day"])
    if not _is_day(day):
        return None
    words = f"{ordinal(day)} of {MONTHS[MONTH_NUMBERS[match['month']] - 1]}{_in_year(match['year'])}"
    before = match.string[max(0, match.start() - 4) : match.start()].lower()
    stop = full_stop(match) if match[0].endswith(".") else ""
    return words + stop if before == "the " else f"the {words}{stop}"


def _month_of_year(match: re.Match[str]) -> str:
    return f"{MONTHS[MONTH_NUMBERS[match['month']] - 1]} {year(int(match['year']))}"


def _year_first(match: re.Match[str]) -> str | None:
    return _date(match["month"], match["day"], int(match["year"]))


def _date_and_time(match: re.Match[str]) -> str | None:
    date = _year_first(match)
    return date and f"{date} at {_time_of_day(match['time'])}{' U T C' if match['zone'] else ''}"


def _year_last(match: re.Match[str]) -> str | None:
    first, second, written = int(match["first"]), int(match["second"]), match["year"]
    value = int(written) if len(written) == 4 else int(written) + (2000 if int(written) < 50 else 1900)
    if match["mark"] == ".":
        return _date(second, first, value) if len(written) == 4 or match["first"][0] == "0" or first > 12 else None
    if first > 12 or first == second:
        return _date(second, first, value)
    # Which of the two is the month only the writer knows: the first, where dates are written with slashes most.
    return _date(first, second, value)


def _date(month: int | str, day: int | str, value: int) -> str | None:
    month, day = int(month), int(day)
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(value)}" if 1 <= month <= 12 and _is_day(day) else None


def _is_day(day: int) -> bool:
    return 1 <= day <= 31


def _in_year(written: str | None) -> str:
    return f", {year(int(written))}" if written else ""


def _time(match: re.Match[str]) -> str:
    low = match["low"]
    words = cardinal(int(low)) if low.isdigit() else _time_of_day(low)
    if match.string.startswith((" noon", " midnight"), match.end()):
        words = words.removesuffix(" o'clock")
    if match["high"]:
        high = match["high"]
        words += f" to {cardinal(int(high)) if high.isdigit() else _time_of_day(high)}"
    return words + (full_stop(match, ends_sentences=True) if match[0].endswith(".") else "")


def _time_of_day(written: str) -> str:
    parts = _PARTS.match(written)
    assert parts  # the rule's pattern is narrower
    hour, minute = int(parts["hour"]), int(parts["minute"] or 0)
    if written in ("00:00", "24:00", "0:00"):
        return "midnight"
    half = f" {parts['half'][0].upper()} M" if parts["half"] else ""
    words = cardinal(hour)
    if minute:
        words += f" {cardinal(minute)}" if minute > 9 else f" oh {cardinal(minute)}"
    elif not half:
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    if parts["second"]:
        seconds = int(parts["second"])
        words += f" and {cardinal(seconds)} second" + ("" if seconds == 1 else "s")
    return words + half


def _name_range(match: re.Match[str]) -> str:
    return f"{_NAMES[match['low']]} to {_NAMES[match['high']]}"


def _short_day(match: re.Match[str]) -> str:
    return _DAYS[match["day"]]


def _last_day(match: re.Match[str]) -> str | None:
    if match["day"] == "Sun" and match.string[max(0, match.start() - 4) : match.start()].lower() in ("the ", "our "):
        return None
    return _DAYS[match["day"]] + full_stop(match, ends_sentences=True)


def _short_month(match: re.Match[str]) -> str:
    return MONTHS[MONTH_NUMBERS[match["month"]] - 1] + full_stop(match, ends_sentences=True)


AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(rf"{LEFT}(?P<low>{one_of(_NAMES)})\.?\s?[-–—]\s?(?P<high>{one_of(_NAMES)}){RIGHT}\.?", _name_range),
    rule(
        rf"{LEFT}(?P<day>{one_of(_DAYS)})(?:\.(?=,?\s(?:[0-9]|[A-Za-z]))|(?=,?\s(?:[0-9]{{1,2}}\s)?{_MONTH}|,?\s[0-9]))",
        _short_day,
    ),
    rule(
        rf"{LEFT}{_MONTH}\.?\s(?P<day>[0-9]{{1,2}}){_DAY}(?:[-–](?P<last>[0-9]{{1,2}}){_DAY})?"
        rf"(?:,?\s{_YEAR}(?={_DONE}))?{_DONE}",
        _month_first,
    ),
    rule(rf"{LEFT}{_MONTH}\.?,?\s{_YEAR}{_DONE}", _month_of_year),
    rule(rf"{LEFT}(?P<day>{one_of(_DAYS)}){RIGHT}\.", _last_day),
    rule(rf"{LEFT}(?P<month>Jan|Feb|Aug|Sept|Sep|Oct|Nov|Dec){RIGHT}\.", _short_month),
)
"""`Nov. 21st, 2026`, `Nov 3-5` and `Nov 2026`."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}(?P<low>1[0-2]|[1-9])\s?[-–—]\s?(?P<high>{_HOUR}|{_CLOCK})(?<=[Mm.])(?![:\w])", _time),
    rule(
        rf"{CLEAR}(?P<low>{_TIME})(?:\s?[-–—]\s?(?P<high>{_TIME}|(?:1[0-2]|[1-9])(?![0-9:.,]?[0-9:])))?(?![:\w]|\.[0-9])",
        _time,
    ),
    rule(
        rf"{CLEAR}(?P<year>[12][0-9]{{3}})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3][0-9])T(?P<time>{_CLOCK})(?:\.[0-9]{{1,6}})?"
        rf"(?:(?P<zone>Z)|[+-][0-9]{{2}}:?[0-9]{{2}})?{RIGHT}",
        _date_and_time,
    ),
    rule(
        rf"{CLEAR}(?P<year>[12][0-9]{{3}})(?P<mark>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=mark)(?P<day>[0-9]{{1,2}}){_DONE}",
        _year_first,
    ),
    rule(
        rf"{CLEAR}(?P<first>[0-9]{{1,2}})(?P<mark>[-/.])(?P<second>[0-9]{{1,2}})(?P=mark)"
        rf"(?P<year>[12][0-9]{{3}}|[0-9]{{2}}(?<=[/.]..)){_DONE}(?!-[0-9])",
        _year_last,
    ),
    rule(rf"{CLEAR}(?P<day>[0-9]{{1,2}}){_DAY}\s(?:of\s)?{_MONTH}\.?(?:,?\s{_YEAR}{_DONE})?", _day_first),
)
"""`10:05 am`, `9:00-17:30`, `2026-11-21`, `11/21/2026`, `21.11.2026` and `21 Nov 2026`."""
