"""Amounts of money in English: `$5 million house`, `€2.50`, `C$10`, `100$`, `$100s`, `$5-$10`."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_numbers as numbers
from gpa_mlx.text.normalization.english_context import counts_things, describes_noun
from gpa_mlx.text.normalization.english_measures import BLANK, LOW_HIGH, MILLIONS, TO
from gpa_mlx.text.normalization.rules import (
    CLEAR,
    LEFT,
    NEGATIVE,
    NUMBER,
    RIGHT,
    LazyPattern,
    one_of,
    plain_number,
    rule,
)
from gpa_mlx.text.normalization.units import CURRENCY_CODES, CURRENCY_SIGNS, Currency

SCALES = {
    **{"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion"},
    **{"MM": "million", "b": "billion", "B": "billion", "tn": "trillion", "T": "trillion", "mm": "million"},
    **{"mil": "million", "Mn": "million", "Bn": "billion"},
}
_WORDS_OF_SCALE = ("hundred", "thousand", "million", "billion", "trillion", "lakh", "crore")
_SCALE = rf"(?:[ \u00a0-]?(?P<scale>{one_of(_WORDS_OF_SCALE)}){RIGHT}|{BLANK}?(?P<short>{one_of(SCALES)}){RIGHT})?"
_LOW_SCALE = rf"(?:{BLANK}?(?:{one_of(_WORDS_OF_SCALE)}|(?P<low_short>{one_of(SCALES)})){RIGHT})?"
_SIGN = one_of(CURRENCY_SIGNS)
_CODE = one_of(CURRENCY_CODES)
_PLURALS = {"10": "tens", "100": "hundreds", "1000": "thousands", "10000": "tens of thousands"}
_PLURALS |= {"100000": "hundreds of thousands", "1000000": "millions"}


def _money(match: re.Match[str]) -> str:
    written = (match["currency"] or "").strip()
    currency = CURRENCY_SIGNS.get(written) or CURRENCY_CODES[written]
    scale = match["scale"] or SCALES.get(match["short"] or "")
    describes = describes_noun(match)
    name = currency.one if describes else currency.many
    minus = "minus " if match["sign"] else ""
    low, high = match["low"], match["high"]
    if not scale and not high:
        return minus + _whole_and_cents(low, currency, name)
    if not high:
        return f"{minus}{numbers.number(low)} {scale} {name}"
    low_short = match["low_short"]
    first = numbers.number(low) + (f" {SCALES[low_short]}" if low_short and SCALES[low_short] != scale else "")
    if not scale and "." in low + high:
        return f"{minus}{_whole_and_cents(low, currency, name)} to {_whole_and_cents(high, currency, name)}"
    return f"{minus}{first} to {numbers.number(high)}{f' {scale}' if scale else ''} {name}"


def _whole_and_cents(written: str, currency: Currency, name: str) -> str:
    whole, _, rest = plain_number(written).partition(".")
    if len(rest) != 2 or not currency.cent:
        return f"{numbers.number(written)} {currency.one if written == '1' else name}"
    parts = []
    if int(whole or 0):
        parts.append(f"{numbers.whole_number(whole)} {currency.one if whole == '1' else name}")
    if int(rest) or not parts:
        parts.append(f"{numbers.cardinal(int(rest))} {currency.cent if rest == '01' else currency.cents}")
    return " and ".join(parts)


def _many(match: re.Match[str]) -> str | None:
    if match["low"] in ("1", "5", "10", "20", "50") and match["currency"] == "$":
        return numbers.plural(numbers.cardinal(int(match["low"])))  # notes
    words = _PLURALS.get(plain_number(match["low"]))
    return f"{words} of {CURRENCY_SIGNS[match['currency']].many}" if words else None


def _cents(match: re.Match[str]) -> str:
    return f"{numbers.number(match['low'])} {'cent' if match['low'] == '1' or describes_noun(match) else 'cents'}"


def _scaled(match: re.Match[str]) -> str | None:
    """Return 10K followers as thousands; 4K alone is the name of something."""
    low, high, short = match["low"], match["high"], match["short"]
    if short not in ("bn", "mn", "tn", "Bn", "Mn", "M") and not high and not _counts(match, short):
        return None
    words = numbers.number(low)
    if high:
        low_short = match["low_short"]
        words += f" {SCALES[low_short]}" if low_short else ""
        words += f" to {numbers.number(high)}"
    return f"{words} {SCALES[short]}"


_ABOUT = LazyPattern(
    r"(?<!\w)(?:about|over|under|around|nearly|almost|than|of|earn(?:s|ed|ing)?|makes?|made|roughly|approximately|some"
    r"|least|most|to|only|just|hit|reached|got|have|has|had|with|up to|worth|sold|for|costs?|paid|pays?|from|by"
    r"|between|and"
    r"|lost|gained|raised|~|surpassed|past|crossed)[ ]?~?$",
    re.IGNORECASE,
)


def _counts(match: re.Match[str], short: str) -> bool:
    """Whether a letter after a number is its scale: 10K followers, about 20k."""
    if short in ("m", "mm", "b", "T"):
        found = re.match(r"[ \u00a0]([a-z]+)", match.string[match.end() : match.end() + 24])
        return bool(found and found[1] in MILLIONS)
    if counts_things(match):
        return True
    left = match.string[max(0, match.start() - 16) : match.start()]
    following = match.string[match.end() : match.end() + 2]
    return bool(_ABOUT.search(left)) and not re.match(r"[ -][A-Za-z]", following)


FIRST = rule(
    rf"{NEGATIVE}{LEFT}(?P<currency>{_SIGN}|{_CODE}){BLANK}?"
    rf"(?P<low>{NUMBER})(?:{_LOW_SCALE}{TO}(?:{_SIGN})?(?P<high>{NUMBER}))?{_SCALE}",
    _money,
)
MANY = rule(rf"{LEFT}(?P<currency>{_SIGN})(?P<low>[0-9][0-9,]{{0,8}})s{RIGHT}", _many)
"""`$100s`."""

LAST = rule(rf"{LOW_HIGH}(?P<low_short>){_SCALE}{BLANK}?(?P<currency>{_CODE}{RIGHT}|[€£₩₹$₽₺₫₱฿₪₦₴](?![0-9]))", _money)
"""`50 EUR`, `100$`."""

CENTS = rule(rf"{CLEAR}(?P<low>{NUMBER}){BLANK}?¢", _cents)
SCALED = rule(
    rf"{CLEAR}(?P<low>{NUMBER})(?:(?P<low_short>{one_of(SCALES)})?{TO}(?P<high>{NUMBER}))?(?P<short>{one_of(SCALES)}){RIGHT}(?!-[A-Za-z])",
    _scaled,
)
"""`10K followers`, `10k-20k`, `3bn people`."""
