"""Amounts with units in English, alone, described (`a 5 km run`), together (`5 ft 10 in`, `2h30m`), and as sizes."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_context import after, before, describes_noun
from gpa_mlx.text.normalization.english_words import FRACTION_SIGNS
from gpa_mlx.text.normalization.rules import (
    CLEAR,
    NEGATIVE,
    NUMBER,
    RIGHT,
    LazyPattern,
    ReadingRule,
    listed,
    one_of,
    rule,
)
from gpa_mlx.text.normalization.units import UNIT, UNITS, Names

BLANK = "[ \u00a0\u202f]"
TO = rf"(?:[-–—~]|{BLANK}[–—~]{BLANK}|{BLANK}-{BLANK}(?=[0-9]))"
LOW = rf"{CLEAR}{NEGATIVE}(?P<low>{NUMBER})"
LOW_HIGH = rf"{LOW}(?:{TO}(?P<high>{NUMBER}))?"

MILLIONS = frozenset(
    listed("""
    users people views followers subscribers customers downloads dollars pounds euros copies members players viewers
    visitors installs accounts jobs homes households streams voters residents inhabitants records rows tons tonnes
    barrels cars units shares vehicles children adults students workers employees tickets fans listeners readers
    """)
)
_LONG_AS = LazyPattern(
    r"(?<!\w)(?:in|of|took|takes?|last(?:s|ed)?|time|times|record|duration|runtime|length|finished|clocked|marathon|ran|runs?|swam|rode|completed|elapsed|total|remaining)"
    r"(?: (?:is|was|of|at|in|a))?:?[ ]$",
    re.IGNORECASE,
)
_AT = LazyPattern(
    r"(?<!\w)(?:at|by|since|until|till|before|after|from|on|clock|[AaPp][Mm]|[0-9]:[0-9]{2}:[0-9]{2}[ ]?[-–])[ ]?$",
    re.IGNORECASE,
)
_GRID = LazyPattern(
    r"[ ](?:grid|matrix|board|table|array|pixels?|resolution|lumber|photos?|prints?|inch(?:es)?|feet|foot)\b"
)
_STREET = LazyPattern(
    r"\.?[ ](?:[0-9]{1,3}(?:st|nd|rd|th)\b"
    r"|[A-Z][a-z]+ (?:St|Ave|Blvd|Rd|Dr|Ln|Street|Avenue|Road|Boulevard|Drive|Lane)\b)"
)
_INCH = Names("inch", "inches", "英寸")
_DIRECTIONS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def amount(match: re.Match[str]) -> str:
    """Return the words of `low` and perhaps `high`, with the sign."""
    words = ("minus " if match["sign"] else "") + numbers.number(match["low"])
    return f"{words} to {numbers.number(match['high'])}" if match["high"] else words


def _measure(match: re.Match[str]) -> str | None:
    symbol = match["length"] or match["unit"]
    if symbol in ("m", "mm") and (found := re.match(rf"{BLANK}([a-z]+)", after(match))) and found[1] in MILLIONS:
        return None
    if symbol in ("N", "W") and _STREET.match(after(match)):
        return None
    is_one = (match["low"] == "1" and not match["high"]) or describes_noun(match)
    return f"{amount(match)} {unit_of(match, one=is_one)}"


def unit_of(match: re.Match[str], *, one: bool = False) -> str:
    """Return the words of the unit in a match, empty where it has none."""
    symbol = match["length"] or match["unit"]
    if not symbol:
        return ""
    words = UNITS[symbol].one if one else UNITS[symbol].many
    if match["power"]:
        words = f"{'square' if match['power'] in '2²' else 'cubic'} {words}"
    if match["per"]:
        words += f" per {_one_of_unit(match['per'], match['per_power'])}"
    return words


def _one_of_unit(symbol: str, power: str | None) -> str:
    name = UNITS[symbol].one
    if not power:
        return name
    if symbol == "s":
        return f"{name} {'squared' if power in '2²' else 'cubed'}"
    return f"{'square' if power in '2²' else 'cubic'} {name}"


def _hyphenated(match: re.Match[str]) -> str:
    return f"{numbers.number(match['low'])}-{UNITS[match['unit']].one}"


def _abbreviated(match: re.Match[str]) -> str:
    """Return an amount whose unit has a dot that ends no sentence: 8 oz. of cheese."""
    names = UNITS.get(match["unit"], _INCH)
    one = match["low"] == "1" or describes_noun(match)
    return f"{numbers.number(match['low'])} {names.one if one else names.many}"


def _count(value: str, one: str, many: str) -> str:
    return f"{numbers.number(value)} {one if value == '1' else many}"


def _feet(match: re.Match[str]) -> str:
    if describes_noun(match) and "½" not in match["inches"]:
        return f"{numbers.number(match['feet'])} foot {numbers.number(match['inches'])} inch"
    return f"{_count(match['feet'], 'foot', 'feet')} {_inches_of(match['inches'])}"


def _inches_of(written: str) -> str:
    whole, _, half = written.partition("½")
    words = numbers.number(whole) + (" and a half" if half or "½" in written else "")
    return f"{words} {'inch' if written == '1' else 'inches'}"


def _inches(match: re.Match[str]) -> str | None:
    # A quotation that ends with a number is no length.
    if before(match, 200).rsplit("\n", 1)[-1].count('"') % 2 and match["mark"] == '"':
        return None
    low = match["low"] + (f" {match['fraction']}" if match["fraction"] else "")
    one = match["low"] == "1" or describes_noun(match)
    return f"{numbers.number(low)} {'inch' if one else 'inches'}"


def _pounds(match: re.Match[str]) -> str:
    return f"{_count(match['pounds'], 'pound', 'pounds')} {_count(match['ounces'], 'ounce', 'ounces')}"


def _duration(match: re.Match[str]) -> str:
    parts = []
    found = match.groupdict()
    for name in ("day", "hour", "minute", "second"):
        value = found.get(name) or (found.get("bare") if name == "minute" else None)
        if value:
            parts.append(_count(value.lstrip("0") or "0", name, name if describes_noun(match) else name + "s"))
    return " ".join(parts)


def _race_time(match: re.Match[str]) -> str:
    parts = []
    if match["hour"] and int(match["hour"]):
        parts.append(_count(str(int(match["hour"])), "hour", "hours"))
    if parts or int(match["minute"]):
        parts.append(_count(str(int(match["minute"])), "minute", "minutes"))
    seconds, part = str(int(match["second"])), match["part"]
    if part and int(part):
        parts.append(f"{numbers.cardinal(int(seconds))} point {numbers.digit_by_digit(part)} seconds")
    elif int(seconds):
        parts.append(_count(seconds, "second", "seconds"))
    return " ".join(parts)


def _long_time(match: re.Match[str]) -> str | None:
    left = before(match)
    is_clock = len(match["hour"]) == 2 or _AT.search(left)
    if (is_clock and not _LONG_AS.search(left)) or re.match(rf"{BLANK}?[AaPp]\.?[Mm]", after(match)):
        return None
    hours, minutes, seconds = (int(match[name]) for name in ("hour", "minute", "second"))
    parts = [_count(str(value), name, name + "s") for value, name in ((hours, "hour"), (minutes, "minute")) if value]
    if seconds:
        parts.append(("and " if parts else "") + _count(str(seconds), "second", "seconds"))
    return " ".join(parts) or None


def _by(match: re.Match[str]) -> str:
    parts = re.split(rf"{BLANK}?[x×]{BLANK}?", match["sizes"])
    values = [numbers.number(part) for part in parts]
    is_product = "×" in match["sizes"] and not match["unit"] and all(len(part) < 3 for part in parts)
    is_dose = match["unit"] in ("mg", "g", "ml", "mL", "kg", "L", "l", "oz") and len(parts) == 2
    if re.match(rf"{BLANK}?=", after(match)) or is_dose or (is_product and not _GRID.match(after(match))):
        unit = f" {UNITS[match['unit']].many}" if match["unit"] else ""
        return " times ".join(values) + unit
    words = " by ".join(values)
    if match["unit"]:
        names = UNITS[match["unit"]]
        return f"{words} {names.one if describes_noun(match) else names.many}"
    return words


def _marked(match: re.Match[str]) -> str:
    """Return sizes with marks: 8' x 10'."""
    many, one = ("feet", "foot") if match["mark"] in "'′’" else ("inches", "inch")
    if describes_noun(match):
        many = one
    values = re.findall(NUMBER, match["sizes"])
    return " by ".join(f"{numbers.number(value)} {one if value == '1' else many}" for value in values)


def _described_feet(match: re.Match[str]) -> str | None:
    return f"{numbers.number(match['low'])} foot" if describes_noun(match) else None


def _repeated(match: re.Match[str]) -> str | None:
    """Return a range whose unit is written twice: 5cm-10cm."""
    if match["first"] not in (match["unit"], "°"):
        return None
    return f"{amount(match)} {unit_of(match)}"


def _times(match: re.Match[str]) -> str:
    return f"{numbers.number(match['low'])} {'time' if match['low'] == '1' else 'times'}"


def _amps(match: re.Match[str]) -> str:
    return f"{numbers.number(match['low'])} {'amp' if match['low'] == '1' or describes_noun(match) else 'amps'}"


def _place(match: re.Match[str]) -> str:
    words = f"{numbers.number(match['degrees'])} {'degree' if match['degrees'] == '1' else 'degrees'}"
    if match["minutes"]:
        words += f" {_count(match['minutes'].lstrip('0') or '0', 'minute', 'minutes')}"
    if match["seconds"]:
        words += f" {_count(match['seconds'], 'second', 'seconds')}"
    return f"{words} {_DIRECTIONS[match['direction']]}"


def _hours(match: re.Match[str]) -> str:
    hour, minute = match["hour"], match["minute"]
    words = f"zero {numbers.DIGITS[int(hour[1])]}" if hour[0] == "0" else numbers.cardinal(int(hour))
    return f"{words} {'hundred' if minute == '00' else numbers.two_digits(minute)} hours"


def _of_part(match: re.Match[str]) -> str | None:
    """Return the unit after a fraction: 1/2 tsp, 1 1/2 kg, ½ lb."""
    found = _PART.search(before(match, 16))
    if not found:
        return None
    return UNITS[match["unit"]].many if found["whole"] else UNITS[match["unit"]].one


_PART = LazyPattern(
    rf"(?P<whole>(?<![\w.,/])[0-9]{{1,3}}{BLANK})?"
    rf"(?:(?<![\w.,/])[1-9][0-9]?/[1-9][0-9]{{0,2}}|[{''.join(FRACTION_SIGNS)}]){BLANK}?$"
)
_DAY, _HOUR = rf"(?P<day>[0-9]{{1,3}}){BLANK}?d", rf"(?P<hour>[0-9]{{1,3}}){BLANK}?(?:hours?|hrs?|h)"
_MINUTE = rf"(?P<minute>[0-9]{{1,3}}){BLANK}?(?:minutes?|mins?|m)"
_SECOND = rf"(?P<second>[0-9]{{1,2}}(?:\.[0-9]{{1,3}})?){BLANK}?(?:seconds?|secs?|s)"
_DOTTED = one_of(
    ("deg", "ft", "in", "oz", "lb", "lbs", "min", "hr", "hrs", "sec", "yd", "mi", "tsp", "tbsp", "gal", "mins", "yrs")
)
_LONG_UNITS = one_of([symbol for symbol in UNITS if symbol.isalpha() and len(symbol) > 1] + ["m", "g", "h"])

LONG_TIME = rule(
    rf"{CLEAR}(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]){RIGHT}(?!\.[0-9])", _long_time
)
"""`2:01:09` after "in": comes before the times of day."""

_OF_PART = one_of(
    [symbol for symbol in UNITS if symbol.isalpha() and len(symbol) > 1 and symbol != "in"] + ["g", "l", "L", "m"]
)
AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(rf"(?<=[0-9{''.join(FRACTION_SIGNS)}] )(?P<unit>{_OF_PART}){RIGHT}", _of_part),
    rule(rf"(?<=[{''.join(FRACTION_SIGNS)}])(?P<unit>{_OF_PART}){RIGHT}", _of_part),
)
"""`1/2 tsp`, `½ kg`."""

_MARKED = "|".join(rf"{NUMBER}{mark}(?:{BLANK}?[x×]{BLANK}?{NUMBER}{mark}){{1,2}}" for mark in ("['′’]", '["″”]'))
AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(
        rf"{CLEAR}(?P<degrees>[0-9]{{1,3}}(?:\.[0-9]+)?)°{BLANK}?(?:(?P<minutes>[0-9]{{1,2}}(?:\.[0-9]+)?)['′’]{BLANK}?"
        rf"(?:(?P<seconds>[0-9]{{1,2}}(?:\.[0-9]+)?)(?:[\"″”]|''){BLANK}?)?)?(?P<direction>[NSEW]){RIGHT}",
        _place,
    ),
    rule(
        rf"{CLEAR}(?:(?P<hour>[0-9]{{1,2}}):)?(?P<minute>[0-9]{{1,2}}):(?P<second>[0-5][0-9])\.(?P<part>[0-9]{{1,3}}){RIGHT}",
        _race_time,
    ),
    rule(rf"{CLEAR}(?P<hour>[0-2][0-9])(?P<minute>[0-5][0-9]){BLANK}(?:hours|hrs){RIGHT}(?<!1000 hours)", _hours),
    rule(
        rf"{CLEAR}(?:{_DAY}{BLANK}?)?{_HOUR}(?:,?{BLANK}?(?:and )?{_MINUTE}|(?P<bare>[0-9]{{2}}(?=[^\w]|\Z)))"
        rf"(?:,?{BLANK}?(?:and )?{_SECOND})?{RIGHT}",
        _duration,
    ),
    rule(rf"{CLEAR}{_DAY}{BLANK}?{_HOUR}{RIGHT}", _duration),
    rule(rf"{CLEAR}{_MINUTE},?{BLANK}?(?:and )?{_SECOND}{RIGHT}", _duration),
    rule(
        rf"{CLEAR}(?P<feet>[0-9]{{1,2}})(?:{BLANK}?(?:ft\.?|feet|foot),?{BLANK}?(?P<inches>1[01]|[0-9]){BLANK}?"
        rf"(?:in\.(?!\s+[A-Z])|in(?! (?:the|a|my|his|her|our)\b)|inches){RIGHT})",
        _feet,
    ),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,3}})['′’](?=\s[a-z])", _described_feet),
    rule(rf"{CLEAR}(?P<sizes>{_MARKED})(?<=(?P<mark>['′’\"″”]))", _marked),
    rule(
        rf"{CLEAR}(?P<minute>[0-9]{{1,2}})['′](?P<second>1[2-9]|[2-5][0-9])(?:[\"″”]|'')",
        lambda match: f"{_count(match['minute'], 'minute', 'minutes')} {_count(match['second'], 'second', 'seconds')}",
    ),
    rule(
        rf"{CLEAR}(?P<feet>[0-9]{{1,2}})['′’]{BLANK}?-?(?P<inches>(?:1[01]|[0-9])½?)(?:[\"″”]|''|(?![0-9\w]|[.,][0-9]))",
        _feet,
    ),
    rule(
        rf"{CLEAR}(?P<pounds>[0-9]{{1,3}}){BLANK}?lbs?\.?,?{BLANK}?(?P<ounces>1[0-5]|[0-9]){BLANK}?oz{RIGHT}",
        _pounds,
    ),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,3}}(?:\.[0-9]+)?)(?P<fraction>)(?P<mark>[\"″])(?=[\s,.;:!?)\-x×]|\Z)", _inches),
    rule(
        rf"{LOW}{BLANK}?(?P<first>{one_of(UNITS)}){TO}(?P<high>{NUMBER}){BLANK}?{UNIT}",
        _repeated,
    ),
    rule(
        rf"{CLEAR}(?P<low>{NUMBER}){BLANK}?(?P<unit>{_DOTTED})\.(?=\s(?:[a-z0-9(]|TVs?\b|LCD|OLED|HD\b))", _abbreviated
    ),
    rule(
        rf"{CLEAR}(?P<low>{NUMBER}){BLANK}?A(?:(?<=[0-9]\.[0-9]A)"
        r"|(?=[ -](?:fuse|breaker|circuit|charger|current|outlet|power|supply|adapter|plug|socket)))"
        rf"{RIGHT}",
        _amps,
    ),
    rule(rf"{CLEAR}(?P<low>{NUMBER})[-\u2011](?P<unit>{_LONG_UNITS}){RIGHT}(?!-[0-9])", _hyphenated),
    rule(
        rf"{CLEAR}(?P<sizes>{NUMBER}(?:{BLANK}?[x×]{BLANK}?{NUMBER}){{1,3}})(?:{BLANK}?(?P<unit>{one_of(UNITS)}){RIGHT}|{RIGHT})",
        _by,
    ),
    rule(
        rf"{CLEAR}(?P<low>{NUMBER})x(?=\s(?:faster|slower|more|larger|bigger|smaller|cheaper|better|as|the|speed|growth)\b)",
        _times,
    ),
)
"""What is longer than a number and a unit."""

MEASURE = rule(rf"{LOW_HIGH}{BLANK}?{UNIT}", _measure)
"""`5 km`, `5-10 kg`, `-3 m/s²`, `a 5 km run`."""
