"""Numbers in English that stand for amounts: shares, ranges, scores, years, decades, versions, powers, plain ones."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_codes, english_measures, english_money, english_slashes
from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_context import after, before, counts_things, describes_noun
from gpa_mlx.text.normalization.english_measures import BLANK, LOW, TO
from gpa_mlx.text.normalization.english_words import FRACTION_SIGNS
from gpa_mlx.text.normalization.rules import (
    CLEAR,
    LEFT,
    NEGATIVE,
    NUMBER,
    RIGHT,
    WHOLE,
    LazyPattern,
    ReadingRule,
    one_of,
    rule,
)
from gpa_mlx.text.normalization.rules import plain_number as plain
from gpa_mlx.text.normalization.units import UNIT

_YEAR_WORDS = LazyPattern(
    r"(?<!\w)(?:in|since|until|till|year|circa|anno|c\.|ca\.|by|from|before|after|early|late|mid|spring|summer|autumn"
    r"|fall|winter|january|february|march|april|may|june|july|august|september|october|november|december|of"
    r"|(?:from|between) [0-9]{4} (?:to|and|until|through))[ (]$",
    re.IGNORECASE,
)
_IN = LazyPattern(r"(?<!\w)(?:in|since|until|till|year|circa|anno)[ ]$", re.IGNORECASE)
_OF_YEARS = LazyPattern(r"(?<!\w)(?:the|in|since|its|our|their|my|your|his|her|this|until|by|late|early|mid)[ ]$")
_YEARLY = LazyPattern(
    r"[ ](?:results?|sales|figures|elections?|earnings|taxes|games|olympics|playoffs|finals|goals|predictions"
    r"|trends|awards"
    r"|models?|standards|editions?|estimates|profits|revenues|rates|prices|budgets?|levels|is|was|has|bonus)\b"
)
_COUNTED_IN = LazyPattern(
    r"[ ](?:words|steps|meters|metres|feet|days|minutes|hours|seconds|pages|places|ways|cities|countries|pieces|miles"
    r"|people|cases|dollars|characters|tokens)\b"
)
_ENDS_PHRASE = LazyPattern(r"[,.;:!?)]|\s*\Z")
_ERA = LazyPattern(r"[ ](?:BC|AD|BCE|CE|B\.C\.|A\.D\.)")
_DECADE_WORDS = LazyPattern(
    r"(?:(?<!\w)(?:teens (?:and|or|to)|the|early|late|mid"
    r"|low|lower|high|upper|my|his|her|their|your|our|to)[ -]|['‘’]|0s, $|0s?,? (?:and"
    r"|or|to|through|into"
    r"|&) (?:the )?)$",
    re.IGNORECASE,
)
_OF_DECADE = LazyPattern(
    r"[ -](?:music|movies?|films?|hits?|fashion|rock|pop|disco|kids?|style|vibes?|hair|songs?|shows?|cartoons?|era"
    r"|icons?|nostalgia|bands?|sitcoms?|party|classics?|themed?|babies|baby|culture|toys?|cars?)\b"
)
_FISCAL = LazyPattern(r"(?:FY|CY|AY|Q[1-4]|H[12]|AW|SS|MY|CES|PyCon|ICML|CVPR|WWDC)$")
_LONGEST_RUN = 9
"""Digits of the longest number that nobody separated; longer ones are numbers of accounts and telephones."""
_LONGEST_IN_CODE = 2


def _range(match: re.Match[str], *, years: bool = False) -> str:
    """Return the words of `low` and perhaps `high`, with the sign."""
    say = _year_or_number if years else numbers.number
    words = ("minus " if match["sign"] else "") + say(match["low"])
    return f"{words} to {say(match['high'])}" if match["high"] else words


def _year_or_number(written: str) -> str:
    if _is_year(written):
        return numbers.year(int(written))
    if len(written) == 2 and written[0] == "0":
        return numbers.two_digits(written)
    return numbers.number(written)


def _percent(match: re.Match[str]) -> str:
    return f"{_range(match)} {'percent' if match['mark'] == '%' else 'per mille'}"


def _plain_range(match: re.Match[str]) -> str:
    if re.match(rf"{BLANK}?=", after(match)) and "-" in match[0][1:]:
        return (
            f"{'minus ' if match['sign'] else ''}{numbers.number(match['low'])} minus {numbers.number(match['high'])}"
        )
    low, high = match["low"], match["high"]
    if low == high == "50":
        return "fifty-fifty"
    if len(low) > 2 and len(high) > 2 and low[0] == "0" and low.isdigit() and high.isdigit():
        return f"{numbers.digit_by_digit(low)}, {numbers.digit_by_digit(high)}"
    return _range(match, years=_is_year(low) and not counts_things(match))


def _is_year(written: str) -> bool:
    return len(written) == 4 and written.isdigit() and 1100 <= int(written) <= 2099


def _sets(match: re.Match[str]) -> str:
    """Return the sets of a match of tennis: six four, seven five."""
    return ", ".join(
        " ".join(numbers.DIGITS[int(digit)] for digit in re.findall("[0-9]", games)) for games in match[0].split(",")
    )


def _dotted(match: re.Match[str]) -> str:
    parts = match["parts"].split(".")
    point = " dot " if len(parts) == 4 else " point "
    words = point.join(
        numbers.whole_number(part) if len(part) <= _LONGEST_IN_CODE else numbers.digit_by_digit(part) for part in parts
    )
    is_named = re.search(r"(?i:\bversion\s)$", before(match, 12))
    stage = f" {match['stage']} {numbers.whole_number(match['build'])}" if match["stage"] else ""
    return f"version {words}{stage}" if match[0][0] in "vV" and not is_named else words + stage


def _decade(match: re.Match[str]) -> str | None:
    written = match["decade"]
    if len(written) == 4:
        return f"{numbers.cardinal(20)} tens" if written == "2010" else numbers.plural(numbers.year(int(written)))
    known = _DECADE_WORDS.search(before(match)) or _OF_DECADE.match(after(match))
    return numbers.plural(numbers.cardinal(int(written))) if known else None


def _ordinal(match: re.Match[str]) -> str | None:
    return numbers.ordinal_number(plain(match["digits"]))


def _whole_and_sign(match: re.Match[str]) -> str:
    words = f"{numbers.number(match['whole'])} and {FRACTION_SIGNS[match['part']]}"
    if match["mark"]:
        return f"{words} {'inch' if describes_noun(match) else 'inches'}"
    unit = english_measures.unit_of(match, one=describes_noun(match))
    return f"{words} {unit}" if unit else words


def _scientific(match: re.Match[str]) -> str:
    exponent = match["exponent"]
    power = ("minus " if exponent[0] in "-−" else "") + numbers.number(exponent.lstrip("+-−"))
    words = f"{'minus ' if match['sign'] else ''}{numbers.number(match['low'])} times ten to the power of {power}"
    unit = english_measures.unit_of(match)
    return f"{words} {unit}" if unit else words


def _ratio(match: re.Match[str]) -> str:
    return f"{numbers.whole_number(match['low'])} to {numbers.whole_number(match['high'])}"


def _year(match: re.Match[str]) -> str | None:
    value = int(match[0])
    left = before(match)
    if _ERA.match(after(match)):
        return numbers.year(value)
    if _IN.search(left):
        return None if _COUNTED_IN.match(after(match)) else numbers.year(value)
    if (
        counts_things(match)
        and not _YEARLY.match(after(match))
        and not (_OF_YEARS.search(left) and 1900 <= value <= 2099)
    ):
        return None
    # Alone only what is hardly anything else; an older year needs a word like "in" before it.
    is_year = _YEAR_WORDS.search(left) and (value % 100 or (value < 2000 and _ENDS_PHRASE.match(after(match))))
    return numbers.year(value) if 1900 <= value <= 2099 or is_year else None


def _number(match: re.Match[str]) -> str:
    written = match["low"]
    words = numbers.digit_by_digit(written) if len(written) > _LONGEST_RUN and written.isdigit() else None
    return ("minus " if match["sign"] else "") + (words or numbers.number(written))


def _digits(match: re.Match[str]) -> str:
    """Return digits that are part of something else: MP3, x86."""
    if _is_year(match[0]) and _FISCAL.search(before(match, 8)):
        return numbers.year(int(match[0]))
    return numbers.digit_by_digit(match[0]) if len(match[0]) > _LONGEST_IN_CODE else numbers.whole_number(match[0])


def _named_decimal(match: re.Match[str]) -> str:
    """Return the decimal at the end of a name: PM2.5."""
    return numbers.number(match[0])


_STAGE = r"(?:[-.]?(?P<stage>alpha|beta|rc|preview|build)[-. ]?(?P<build>[0-9]{1,4}))?"
_NO_NUMBER = r"(?![0-9]|[.,:/][0-9])"

_SIGNED: tuple[ReadingRule, ...] = (
    english_money.LAST,
    english_money.CENTS,
    rule(rf"{CLEAR}{NEGATIVE}(?P<low>{NUMBER})%?(?:{TO}(?P<high>{NUMBER}))?{BLANK}?(?P<mark>[%‰])", _percent),
    english_measures.MEASURE,
    rule(
        rf"{LOW}(?:[eE](?=[-−+]?[0-9])|{BLANK}?[×x*]{BLANK}?10\^)(?P<exponent>[-−+]?[0-9]{{1,3}}){RIGHT}(?:{BLANK}?{UNIT})?",
        _scientific,
    ),
    rule(LOW, _number),
)

AT_LETTERS: tuple[ReadingRule, ...] = (
    english_money.MANY,
    english_money.FIRST,
    *english_codes.AT_LETTERS,
    rule(rf"{LEFT}[vV](?:er\.?\s?|\.\s?)?(?P<parts>[0-9]+(?:\.[0-9]+){{1,5}}){_STAGE}{RIGHT}", _dotted),
)
"""`USD 50`, `US$50` and `v1.2`."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    *english_slashes.AT_DIGITS,
    *english_codes.AT_DIGITS,
    rule(rf"{CLEAR}(?P<parts>[0-9]{{1,9}}(?:\.[0-9]{{1,9}}){{2,5}}){_STAGE}{RIGHT}", _dotted),
    rule(rf"{CLEAR}[0-7][-–][0-7](?:, [0-7][-–][0-7]){{1,4}}{RIGHT}(?![-–:/]|\.[0-9])", _sets),
    rule(rf"{CLEAR}(?P<decade>(?:1[1-9]|20)[0-9]0|[2-9]0)['’]?s{RIGHT}", _decade),
    rule(rf"{CLEAR}(?P<digits>{WHOLE})(?i:st|nd|rd|th){RIGHT}", _ordinal),
    rule(
        rf"{CLEAR}(?P<whole>{WHOLE}){BLANK}?(?P<part>{one_of(FRACTION_SIGNS)})"
        rf"(?:[- \u00a0]?{UNIT}|(?P<mark>[\"″])(?=[\s,.;:!?)x×-]|\Z))?",
        _whole_and_sign,
    ),
    *english_measures.AT_DIGITS[:2],
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,9}}):(?P<high>[0-9]{{1,9}}){RIGHT}(?![:.][0-9])", _ratio),
    rule(
        rf"{CLEAR}[0-9]{{1,3}}(?::[0-9]{{1,3}}){{2}}{RIGHT}(?![:.][0-9])",
        lambda match: " to ".join(map(numbers.whole_number, match[0].split(":"))),
    ),
    *english_measures.AT_DIGITS[2:-2],
    _SIGNED[-2],
    *english_measures.AT_DIGITS[-2:],
    english_money.SCALED,
    *_SIGNED[:-1],
    rule(rf"{CLEAR}(?:1[0-9]|20)[0-9]{{2}}{RIGHT}{_NO_NUMBER}(?!{TO}[0-9])", _year),
    rule(rf"{LOW}{TO}(?P<high>{NUMBER})(?!-[0-9])", _plain_range),
    _SIGNED[-1],
    rule(r"(?<=[A-Za-z])[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])", _named_decimal),
    rule("[0-9]+", _digits),
)
"""Whatever begins with a digit; the last two leave none unread."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    *english_codes.AT_SIGNS,
    english_money.MANY,
    english_money.FIRST,
    *_SIGNED,
)
"""Amounts behind a sign, and telephone numbers with their code."""
