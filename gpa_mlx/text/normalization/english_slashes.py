"""What n/m means in English: a date, a fraction, a score, a page of so many, blood pressure, a season."""

from __future__ import annotations

import re
from math import gcd

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_context import after, before, counts_things
from gpa_mlx.text.normalization.english_words import MONTHS, SET_PHRASES
from gpa_mlx.text.normalization.rules import CLEAR, RIGHT, LazyPattern, ReadingRule, one_of, rule

_BLANK = "[ \u00a0\u202f]"
_DENOMINATORS = (*range(2, 11), 12, 16, 20, 32, 64, 100)
_PAGE = LazyPattern(
    r"(?<![\w])(?:page|pages|pg|p|slide|part|step|chapter|question|episode|ep|level|day|round|lesson|volume|dis[ck]|track"
    r"|loading|downloading|uploading|processing|copying|installing|building|compiling|syncing|converting|reading file"
    r"|item|section|sheet|lap|week|game|photo|image|exercise|stage|file|batch|epoch|iteration|player|test|frame|issue|no"
    r"|number|match|quarter|set|block|bin|line|row|module|unit|tweet|message|thread|try|attempt)s?\.?[ #]{0,2}$",
    re.IGNORECASE,
)
_PRESSURE = LazyPattern(r"(?<!\w)(?:pressure|bp|hypertension|systolic)\W{1,3}(?:\w+\W{1,3}){0,4}$", re.IGNORECASE)
_ODDS = LazyPattern(r"(?<!\w)odds\W{1,3}(?:(?:are|of|at|were|is|now|about|around)\W{1,3}){0,2}$", re.IGNORECASE)
_SIGHT = LazyPattern(r"(?<!\w)(?:vision|sight|eyesight|acuity)\W{1,3}(?:\w+\W{1,3}){0,2}$", re.IGNORECASE)
_RATING = LazyPattern(
    r"(?<!\w)(?:rat(?:e|ed|es|ing|ings)|scor(?:e|ed|es|ing)|g[ai]ve[sn]?|got|gets?|grade[ds]?|mark(?:s|ed)?|results?"
    r"|review(?:s|ed)?|exam|quiz|solid|earn(?:s|ed)?|received?|verdict|overall|pain|difficulty|confidence|answered|passed"
    r"|health|hp|attendance|votes?|capacity|quality|taste|service|food|story|graphics|final)\W{1,3}(?:[\w'’]+\W{1,3}){0,3}$",
    re.IGNORECASE,
)
_RATED = LazyPattern(
    r"[ \u00a0](?:stars?|points?|marks?|pts|correct|right|answers?|on|in (?:the |my |his |her )?(?:test|exam"
    r"|math|quiz|class)"
    r"|would|rating|score|game|experience|movie|recommend|passed|votes?|students|people|patients|users|doctors|dentists"
    r"|times|tests|customers|women|men|respondents|participants|seats|cases|slots|questions|complete|done|full)\b",
    re.IGNORECASE,
)
_DATE = LazyPattern(
    r"(?<!\w)(?:on|by|until|till|since|before|due|dated?|through|thru|start(?:s|ing)?|end(?:s|ing)?|effective|deadline"
    r"|born|expires|of|week of|until|after|today|tomorrow|yesterday|posted|updated|scheduled for|booked for"
    r"|arriv(?:es|ing)"
    r"|mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"[.,:]?[ ](?:the )?[(]?$",
    re.IGNORECASE,
)
_DAY_IS = LazyPattern(
    r"(?<!\w)(?:birthday|bday|anniversary|date|wedding|party|appointment|holiday|exam|interview|deadline|flight|concert"
    r"|meeting|launch|release|hearing|show|payday|checkup)(?: date)?"
    r"(?:(?: is| was| falls)?(?: on| for| set for)?|:)[ ]$",
    re.IGNORECASE,
)
_DATE_RANGE = LazyPattern(r"(?<!\w)(?:from|between|to|and|is|was|[0-9]{1,2}/[0-9]{1,2}[ ]?[-–])[ ]?$", re.IGNORECASE)
_DATE_AFTER = LazyPattern(
    r",?[ ](?:(?:at|around) (?:[0-9]|noon|midnight|dawn|dusk|sunset)|in the (?:morning|afternoon|evening)|meeting"
    r"|deadline|election|event|game|release|@|from [0-9]|[0-9]{1,2}:[0-9]{2}"
    r"|to [0-9]{1,2}/|through [0-9])"
    r"|[ ]?[-–][ ]?[0-9]{1,2}/"
)
_PART_AFTER = LazyPattern(
    r"[ -](?:of|cups?|inch(?:es)?|miles?|pounds?|lbs?|teaspoons?|tablespoons?|tsp|tbsp|oz|ounces?|full|empty"
    r"|mile|acres?"
    r"|majority|share|price|scale|hours?|size|way|the|an?|off|done|complete|gallons?|liters?|pints?|quarts?"
    r"|in(?! [a-z]))\b|[\"″]"
)
_MUSIC = LazyPattern(r"[ ](?:time|beat|meter|rhythm|signature)\b")


def _slash(match: re.Match[str]) -> str | None:
    top, bottom = match["top"], match["bottom"]
    whole = match["whole"]
    left = before(match)
    # A decimal, or a whole number before a fraction, leaves only few meanings.
    if "." in top or "." in bottom:
        return f"{numbers.number(top)} out of {numbers.number(bottom)}"
    first, second = int(top), int(bottom)
    is_part = 0 < first < second and second in _DENOMINATORS
    if match["inch"] and is_part:
        words = numbers.fraction(first, second)
        return f"{numbers.whole_number(whole)} and {words} inches" if whole else f"{words} inch"
    if whole:
        if not is_part:
            return None
        part = numbers.fraction(first, second)
        return f"{numbers.whole_number(whole)} and {'a ' + part.removeprefix('one ') if first == 1 else part}"
    if match["ordinal"]:
        return numbers.fraction(first, second) if second > 1 and first else None
    return _by_words(match, first, second, left) or _by_value(match, first, second, left, is_part=is_part)


def _by_words(match: re.Match[str], first: int, second: int, left: str) -> str | None:
    """Return the reading that the words around n/m ask for."""
    right = after(match)
    if _PAGE.search(left) and 0 < first <= second:
        return f"{numbers.cardinal(first)} of {numbers.cardinal(second)}"
    if match["pressure"] or (_PRESSURE.search(left) and first > second > 20):
        words = f"{numbers.cardinal(first)} over {numbers.cardinal(second)}"
        return f"{words} millimeters of mercury" if match["pressure"] else words
    if _SIGHT.search(left) or right.startswith((" vision", " eyesight")):
        return f"{numbers.cardinal(first)} {numbers.cardinal(second)}"
    if _ODDS.search(left):
        return f"{numbers.cardinal(first)} to {numbers.cardinal(second)}"
    if _MUSIC.match(right) and second in (2, 4, 8, 16):
        return f"{numbers.cardinal(first)} {numbers.cardinal(second)}"
    if (_DATE.search(left) or _DAY_IS.search(left)) and not _PART_AFTER.match(right) and (date := _date(first, second)):
        return date
    if _DATE_AFTER.match(right) and not _PART_AFTER.match(right) and (date := _date(first, second)):
        return date
    is_rated = _RATING.search(left) or (second >= 5 and (_RATED.match(right) or counts_things(match)))
    if first <= second and second >= 3 and is_rated and not _PART_AFTER.match(right):
        return f"{numbers.cardinal(first)} out of {numbers.cardinal(second)}"
    return None


def _by_value(match: re.Match[str], first: int, second: int, left: str, *, is_part: bool) -> str:
    """Return the likeliest reading of n/m where no word decides."""
    right = after(match)
    if len(match["top"]) == 4 and len(match["bottom"]) in (2, 4) and 1100 <= first <= 2099:
        return f"{numbers.year(first)} {numbers.year(second) if second > 99 else numbers.two_digits(match['bottom'])}"
    if first + second == 100 and first >= 50:
        return f"{numbers.cardinal(first)} {numbers.cardinal(second)}"
    if 80 <= first <= 250 and 40 <= second <= 150 and first - second >= 15:
        return f"{numbers.cardinal(first)} over {numbers.cardinal(second)}"  # blood pressure
    is_common = is_part and gcd(first, second) == 1
    written_as_date = match["top"][0] == "0" or match["bottom"][0] == "0"
    if not _PART_AFTER.match(right) and (date := _date(first, second)):
        if written_as_date or _DATE_AFTER.match(right) or (_DATE_RANGE.search(left) and not is_common):
            return date
        if second > 12 and first <= 12 and second not in (16, 32):
            return date
        if not is_part and first <= 12 and second <= 12 and first != second and not re.match(r"[ ]?[=+*×/-]", right):
            return date
    if re.match(r"[ ]?=", right) and not is_common:
        return f"{numbers.cardinal(first)} divided by {numbers.cardinal(second)}"
    if second in (10, 100) and 1 < first <= second and not _PART_AFTER.match(right):
        return f"{numbers.cardinal(first)} out of {numbers.cardinal(second)}"
    if is_common or (is_part and _PART_AFTER.match(right)):
        return numbers.fraction(first, second)
    if 0 <= first <= second and second >= 10:
        return f"{numbers.cardinal(first)} out of {numbers.cardinal(second)}"
    if is_part:
        return numbers.fraction(first, second)
    return f"{numbers.whole_number(match['top'])} slash {numbers.whole_number(match['bottom'])}"


def _date(first: int, second: int) -> str | None:
    """Return the day of a month, month first, as in the country that writes dates with slashes most."""
    if 1 <= first <= 12 and 1 <= second <= 31:
        return f"{MONTHS[first - 1]} {numbers.ordinal(second)}"
    if 1 <= second <= 12 and 12 < first <= 31:
        return f"the {numbers.ordinal(first)} of {MONTHS[second - 1]}"
    return None


AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}{one_of(SET_PHRASES)}{RIGHT}(?![/.,][0-9])", lambda match: SET_PHRASES[match[0]]),
    rule(
        rf"{CLEAR}(?:(?P<whole>[0-9]{{1,3}}){_BLANK})?(?P<top>[0-9]{{1,4}}(?:\.[0-9]{{1,2}})?)"
        rf"/(?P<bottom>[0-9]{{1,4}}(?:\.[0-9]{{1,2}})?)(?:(?P<ordinal>rds?|ths?|nds?)|(?P<pressure>{_BLANK}?mm{_BLANK}?Hg))?{RIGHT}(?![./][0-9])"
        rf"(?P<inch>[\"″](?=[\s,.;:!?)x×-]|\Z))?",
        _slash,
    ),
    rule(
        rf"{CLEAR}(?P<whole>(?P<pressure>(?P<ordinal>(?P<inch>))))?(?P<top>[0-9]{{1,4}}(?:\.[0-9]{{1,2}})?)/(?P<bottom>[0-9]{{1,4}})"
        rf"{RIGHT}(?![./][0-9])",
        _slash,
    ),
    rule(
        rf"{CLEAR}(?P<low>[0-9]{{1,9}})/(?P<high>[0-9]{{1,9}}){RIGHT}(?![./][0-9])",
        lambda match: f"{numbers.whole_number(match['low'])} slash {numbers.whole_number(match['high'])}",
    ),
)
"""`3/4`, `2 1/2`, `2/3rds`, `12/25`, `8/10`, `Page 3/10`, `120/80 mmHg`, `2023/24`."""
