"""Numbers in English and what they count: money, units, shares, ranges, codes."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_words import FRACTION_SIGNS, SET_PHRASES
from gpa_mlx.text.normalization.rules import (
    CLEAR,
    LEFT,
    NEGATIVE,
    NUMBER,
    RIGHT,
    WHOLE,
    ReadingRule,
    one_of,
    plain_number,
    rule,
)
from gpa_mlx.text.normalization.units import CURRENCY_CODES, CURRENCY_SIGNS, UNIT, UNITS, Currency

_BLANK = "[ \u00a0\u202f]"
_TO = r"(?:[-–—]|\s[–—]\s)"
_SCALES = {
    **{"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion"},
    **{"b": "billion", "B": "billion", "tn": "trillion", "T": "trillion"},
}
_WORDS_OF_SCALE = ("hundred", "thousand", "million", "billion", "trillion")
_SCALE = rf"(?:{_BLANK}?(?P<scale>{one_of(_WORDS_OF_SCALE)}){RIGHT}|{_BLANK}?(?P<short>{one_of(_SCALES)}){RIGHT})?"
_SIGN = one_of(CURRENCY_SIGNS)
_CODE = one_of(CURRENCY_CODES)
_DENOMINATORS = (*range(2, 11), 12, 16, 20, 32, 64, 100)
_YEAR_WORDS = re.compile(r"\b(?:in|since|until|till|year|circa|anno|c\.|ca\.)\s$", re.IGNORECASE)
_DECADE_WORDS = re.compile(r"(?:\b(?:the|early|late|mid|my|his|her|their|your|our)[\s-]|['‘’])$", re.IGNORECASE)
_CALL_WORDS = re.compile(
    r"\b(?:call|dial|ring|dialed|dialled|called|extension|ext\.|PIN|room|flight)\s$", re.IGNORECASE
)
_LONGEST_CONTEXT = 12
_LONGEST_RUN = 9
"""Digits of the longest number that nobody separated; longer ones are numbers of accounts and telephones."""
_LONGEST_IN_CODE = 2


def _range(match: re.Match[str], *, years: bool = False) -> str:
    """Return the words of `low` and perhaps `high`, with the sign."""
    say = _year_or_number if years else numbers.number
    words = ("minus " if match["sign"] else "") + say(match["low"])
    return f"{words} to {say(match['high'])}" if match["high"] else words


def _year_or_number(written: str) -> str:
    if len(written) == 4 and written.isdigit() and 1100 <= int(written) <= 2099:
        return numbers.year(int(written))
    if len(written) == 2 and written[0] == "0":
        return f"oh {numbers.whole_number(written[1])}"
    return numbers.number(written)


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _LONGEST_CONTEXT) : match.start()]


def _money(match: re.Match[str]) -> str:
    written = (match["currency"] or "").strip()
    currency = CURRENCY_SIGNS.get(written) or CURRENCY_CODES[written]
    scale = match["scale"] or _SCALES.get(match["short"] or "")
    if not scale and not match["high"]:
        return ("minus " if match["sign"] else "") + _whole_and_cents(match["low"], currency)
    words = _range(match)
    return f"{words} {scale} {currency.many}" if scale else f"{words} {currency.many}"


def _whole_and_cents(written: str, currency: Currency) -> str:
    whole, _, rest = plain_number(written).partition(".")
    if len(rest) != 2 or not currency.cent:
        return f"{numbers.number(written)} {currency.one if written == '1' else currency.many}"
    parts = []
    if int(whole or 0):
        parts.append(f"{numbers.whole_number(whole)} {currency.one if whole == '1' else currency.many}")
    if int(rest) or not parts:
        parts.append(f"{numbers.cardinal(int(rest))} {currency.cent if rest == '01' else currency.cents}")
    return " and ".join(parts)


def _percent(match: re.Match[str]) -> str:
    return f"{_range(match)} {'percent' if match['mark'] == '%' else 'per mille'}"


def _measure(match: re.Match[str]) -> str:
    one = match["low"] == "1" and not match["high"]
    names = UNITS[match["length"] or match["unit"]]
    words = names.one if one else names.many
    if match["power"]:
        words = f"{'square' if match['power'] in '2²' else 'cubic'} {words}"
    if match["per"]:
        words += f" per {_one_of_unit(match['per'], match['per_power'])}"
    return f"{_range(match)} {words}"


def _one_of_unit(symbol: str, power: str | None) -> str:
    name = UNITS[symbol].one
    if not power:
        return name
    if symbol == "s":
        return f"{name} {'squared' if power in '2²' else 'cubed'}"
    return f"{'square' if power in '2²' else 'cubic'} {name}"


def _plain_range(match: re.Match[str]) -> str:
    low, high = match["low"], match["high"]
    if low.isdigit() and high.isdigit() and len(low) > 2 and len(high) > 2 and int(low) > int(high):
        return _code(match)
    return _range(match, years=_is_year(low))


def _is_year(written: str) -> bool:
    return len(written) == 4 and written.isdigit() and 1100 <= int(written) <= 2099


def _code(match: re.Match[str]) -> str:
    """Return digits one by one, with a pause where the writer put a mark."""
    words = ", ".join(numbers.digit_by_digit(group) for group in re.findall("[0-9]+", match[0]))
    return f"plus {words}" if match[0].startswith("+") else words


def _long_code(match: re.Match[str]) -> str | None:
    return _code(match) if sum(character.isdigit() for character in match[0]) >= 8 else None


def _dictated(match: re.Match[str]) -> str | None:
    return numbers.digit_by_digit(match[0]) if _CALL_WORDS.search(_before(match)) else None


def _dotted(match: re.Match[str]) -> str:
    parts = match["parts"].split(".")
    point = " dot " if len(parts) == 4 else " point "
    words = point.join(
        numbers.whole_number(part) if len(part) <= _LONGEST_IN_CODE else numbers.digit_by_digit(part) for part in parts
    )
    return f"version {words}" if match[0][0] in "vV" else words


def _decade(match: re.Match[str]) -> str | None:
    written = match["decade"]
    if len(written) == 4:
        return numbers.plural(numbers.year(int(written)))
    return numbers.plural(numbers.cardinal(int(written))) if _DECADE_WORDS.search(_before(match)) else None


def _ordinal(match: re.Match[str]) -> str | None:
    return numbers.ordinal_number(plain_number(match["digits"]))


def _mixed_fraction(match: re.Match[str]) -> str | None:
    top, bottom = int(match["top"]), int(match["bottom"])
    if not 0 < top < bottom or bottom not in _DENOMINATORS:
        return None
    part = numbers.fraction(top, bottom)
    whole = match["whole"]
    if not whole:
        return part
    return f"{numbers.whole_number(whole)} and {'a ' + part.removeprefix('one ') if top == 1 else part}"


def _slash(match: re.Match[str]) -> str:
    return f"{numbers.whole_number(match['low'])} slash {numbers.whole_number(match['high'])}"


def _whole_and_sign(match: re.Match[str]) -> str:
    return f"{numbers.number(match['whole'])} and {FRACTION_SIGNS[match['part']]}"


def _scientific(match: re.Match[str]) -> str:
    exponent = match["exponent"]
    power = ("minus " if exponent[0] in "-−" else "") + numbers.number(exponent.lstrip("+-−"))
    return f"{'minus ' if match['sign'] else ''}{numbers.number(match['low'])} times ten to the power of {power}"


def _ratio(match: re.Match[str]) -> str:
    return f"{numbers.whole_number(match['low'])} to {numbers.whole_number(match['high'])}"


def _by(match: re.Match[str]) -> str:
    return " by ".join(numbers.number(part) for part in re.split("[x×]", match[0]))


def _feet(match: re.Match[str]) -> str:
    feet, inches = int(match["feet"]), int(match["inches"])
    return (
        f"{numbers.cardinal(feet)} {'foot' if feet == 1 else 'feet'} "
        f"{numbers.cardinal(inches)} {'inch' if inches == 1 else 'inches'}"
    )


def _year(match: re.Match[str]) -> str | None:
    value = int(match[0])
    # Alone only what is hardly anything else; an older year needs a word like "in" before it.
    return numbers.year(value) if 1900 <= value <= 2099 or _YEAR_WORDS.search(_before(match)) else None


def _number(match: re.Match[str]) -> str:
    written = match["low"]
    words = numbers.digit_by_digit(written) if len(written) > _LONGEST_RUN and written.isdigit() else None
    return ("minus " if match["sign"] else "") + (words or numbers.number(written))


def _digits(match: re.Match[str]) -> str:
    """Return digits that are part of something else: MP3, x86."""
    return numbers.digit_by_digit(match[0]) if len(match[0]) > _LONGEST_IN_CODE else numbers.whole_number(match[0])


_LOW = rf"{CLEAR}{NEGATIVE}(?P<low>{NUMBER})"
_LOW_HIGH = rf"{_LOW}(?:{_TO}(?P<high>{NUMBER}))?"
_NO_NUMBER = r"(?![0-9]|[.,:/][0-9])"

_MONEY_FIRST = rule(
    rf"{NEGATIVE}{LEFT}(?P<currency>{_SIGN}|{_CODE}){_BLANK}?"
    rf"(?P<low>{NUMBER})(?:{_TO}{_SIGN}?(?P<high>{NUMBER}))?{_SCALE}",
    _money,
)
_SIGNED: tuple[ReadingRule, ...] = (
    rule(rf"{_LOW_HIGH}{_SCALE}{_BLANK}?(?P<currency>{_CODE}{RIGHT}|[€£₩₹])", _money),
    rule(rf"{CLEAR}{NEGATIVE}(?P<low>{NUMBER})%?(?:{_TO}(?P<high>{NUMBER}))?{_BLANK}?(?P<mark>[%‰])", _percent),
    rule(rf"{_LOW_HIGH}{_BLANK}?{UNIT}", _measure),
    rule(rf"{_LOW}[eE](?P<exponent>[-−+][0-9]{{1,3}}){RIGHT}", _scientific),
    rule(_LOW, _number),
)

AT_LETTERS: tuple[ReadingRule, ...] = (
    _MONEY_FIRST,
    rule(rf"{LEFT}[vV](?P<parts>[0-9]+(?:\.[0-9]+){{1,5}}){RIGHT}", _dotted),
)
"""`USD 50`, `US$50` and `v1.2`."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}{one_of(SET_PHRASES)}{RIGHT}(?![/.,][0-9])", lambda match: SET_PHRASES[match[0]]),
    rule(rf"{CLEAR}(?P<parts>[0-9]{{1,9}}(?:\.[0-9]{{1,9}}){{2,5}}){RIGHT}", _dotted),
    rule(rf"{CLEAR}(?:1[- .])?[2-9][0-9]{{2}}[- .][0-9]{{3}}[- .][0-9]{{4}}{RIGHT}", _code),
    rule(rf"{CLEAR}[2-9][0-9]{{2}}-[0-9]{{4}}{RIGHT}(?!-[0-9])", _code),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:-[0-9]{{1,9}}){{2,7}}{RIGHT}", _code),
    rule(rf"{CLEAR}[0-9]{{3,6}}{RIGHT}{_NO_NUMBER}", _dictated),
    rule(rf"{CLEAR}(?P<decade>(?:1[1-9]|20)[0-9]0|[2-9]0)['’]?s{RIGHT}", _decade),
    rule(rf"{CLEAR}(?P<digits>{WHOLE})(?i:st|nd|rd|th){RIGHT}", _ordinal),
    rule(
        rf"{CLEAR}(?:(?P<whole>[0-9]{{1,3}}){_BLANK})?(?P<top>[0-9]{{1,2}})/(?P<bottom>[0-9]{{1,3}}){RIGHT}(?![./][0-9])",
        _mixed_fraction,
    ),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,9}})/(?P<high>[0-9]{{1,9}}){RIGHT}(?![./][0-9])", _slash),
    rule(rf"{CLEAR}(?P<whole>{WHOLE}){_BLANK}?(?P<part>{one_of(FRACTION_SIGNS)})", _whole_and_sign),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,9}}):(?P<high>[0-9]{{1,9}}){RIGHT}(?![:.][0-9])", _ratio),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:[x×][0-9]{{1,9}}){{1,3}}{RIGHT}", _by),
    rule(rf"{CLEAR}(?P<feet>[0-9])['′](?P<inches>1[01]|[0-9])[\"″]", _feet),
    *_SIGNED[:-1],
    rule(rf"{CLEAR}(?:1[1-9]|20)[0-9]{{2}}{RIGHT}{_NO_NUMBER}(?!{_TO}[0-9])", _year),
    rule(rf"{_LOW}{_TO}(?P<high>{NUMBER})(?!-[0-9])", _plain_range),
    _SIGNED[-1],
    rule("[0-9]+", _digits),
)
"""Whatever begins with a digit; the last two leave none unread."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    _MONEY_FIRST,
    *_SIGNED,
    rule(rf"\+[0-9]{{1,3}}(?:[- ]?\(?[0-9]{{1,4}}\)?){{2,6}}{RIGHT}", _long_code),
    rule(rf"\([2-9][0-9]{{2}}\) ?[0-9]{{3}}-[0-9]{{4}}{RIGHT}", _code),
)
"""Amounts behind a sign, and telephone numbers with their code."""
