"""The English grammar."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_amounts, english_files, english_letters, english_measures, english_times
from gpa_mlx.text.normalization.addresses import ADDRESSES
from gpa_mlx.text.normalization.english_context import before
from gpa_mlx.text.normalization.english_words import PER, SIGNS
from gpa_mlx.text.normalization.rules import RIGHT, Grammar, LazyPattern, ReadingRule, one_of, rule


def _per_unit(match: re.Match[str]) -> str | None:
    return _per(match) if _AMOUNT.search(match.string[max(0, match.start() - 16) : match.start()]) else None


def _per(match: re.Match[str]) -> str:
    return f"per {PER[match['each']]}"


def _by(match: re.Match[str]) -> str | None:
    """Return the word between two sides with their units: 2 m x 3 m."""
    return "by" if _SIDE.search(before(match)) else None


_AMOUNT = LazyPattern(
    r"[0-9][ ]?(?:[A-Za-zµμ²³]{1,5}(?:/[A-Za-z]{1,4})?|[€£$¢])$"
    r"|(?<!\w)(?:dollar|euro|pound|hour|time|unit|mile|kilometer|calorie)s?$"
)
_KEYPAD = LazyPattern(r"(?<!\w)(?:press|dial|hit|push|enter)[ ][^.!?]{1,40}$", re.IGNORECASE)
_SIDE = LazyPattern(r"[0-9]\s?(?:mm|cm|km|m|ft|in|yd|inch(?:es)?|feet|foot|meters?|metres?)\.?\s?$")
_TERM = r"[0-9A-Za-z(√π]"
_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"(?:(?<=[0-9])|(?<=[0-9][KMkm]))/(?P<each>{one_of(PER)}){RIGHT}", _per),
    rule(rf"(?<=[A-Za-z²³€£$¢])/(?P<each>{one_of(PER)}){RIGHT}", _per_unit),
    # Sums have blanks around their signs.
    rule(rf"(?<=[0-9)²³] )/(?= {_TERM})", lambda _: "divided by"),
    rule(rf"(?<=[0-9)²³] )\*(?= {_TERM})", lambda _: "times"),
    rule(rf"(?<=[0-9)²³] )\*\*(?= {_TERM})", lambda _: "to the power of"),
    rule(rf"(?<=[0-9a-z)])\*\*(?={_TERM})", lambda _: "to the power of"),
    rule(
        r"(?:(?<=[)²³] )|(?<=[=+×÷*/(] [a-z0-9] )|(?<=(?<![A-Za-z])[xyzabn] ))-(?= [0-9a-z(])(?! [a-z]{2})",
        lambda _: "minus",
    ),
    rule(r"(?<=[0-9] )-(?= [0-9.]+[0-9a-z² ]{0,12}=)", lambda _: "minus"),
    rule(r"(?<=(?<!\w)[A-F])-(?=[,.;)]|\s(?!and\b|or\b)|\Z)", lambda _: " minus"),
    rule(r"(?<=[A-Z]{2})-(?=[0-9])", lambda _: " "),
    rule(r"(?<=[0-9](?:st|nd|rd|th))[-–—](?=[0-9]{1,4}(?:st|nd|rd|th))", lambda _: " to "),
    rule(r"(?<=[0-9n])!(?=\s=)", lambda _: " factorial"),
    rule(r"½(?= (?:price|time|term|day|way|board|dozen|past|off|full|empty|moon|marathon|off)\b)", lambda _: "half"),
    rule(r"!=(?=\s?[-−0-9A-Za-z])", lambda _: SIGNS["≠"]),
    rule(r"==(?=\s?[-−0-9A-Za-z\"'])", lambda _: "equals"),
    *english_files.AT_SIGNS,
    rule(r"(?i:(?<=dial )|(?<=press )|(?<=enter )|(?<=hit ))\*(?=[0-9#]|[ .,;!?]|\Z)", lambda _: "star "),
    rule(r"(?i:(?<=dial )|(?<=press )|(?<=enter )|(?<=hit )|(?<=then ))#(?!\w)", lambda _: "pound"),
    rule(r"#(?=[0-9](?![0-9]))", lambda match: "pound " if _KEYPAD.search(before(match)) else None),
    rule(r"(?<=[0-9])#(?!\w)", lambda _: " hash"),
    rule(r"#(?=[0-9])", lambda _: "number"),
    rule(r"#(?=[A-Z]{1,4}-?[0-9]{2})", lambda _: "number "),
    rule(r"#(?=[^\W\d_])", lambda _: "hashtag "),
    rule(r"(?i:(?<=about )|(?<=around )|(?<=roughly )|(?<=only ))~(?=\s?[$€£¥]?[0-9])", lambda _: ""),
    rule(r"~(?=\s?[$€£¥]?[0-9])", lambda _: "about "),
    rule(r"\^(?=[-−]?[0-9])", lambda _: "to the power of "),
    rule(r"\^(?=[-−]?[A-Za-z(])", lambda _: "to the power of "),
    rule(r"(?<=[0-9])\*(?=[0-9])", lambda _: "times"),
    rule(r"<=(?=\s?[-−$€£¥]?[0-9])", lambda _: SIGNS["≤"]),
    rule(r">=(?=\s?[-−$€£¥]?[0-9])", lambda _: SIGNS["≥"]),
    rule(r"<(?=\s?[-−$€£¥]?[0-9])", lambda _: "less than"),
    rule(r"(?<![-=])>(?=\s?[-−$€£¥]?[0-9])", lambda _: "greater than"),
    rule(r"×(?=\s?[0-9])", _by),
    rule(one_of(SIGNS), lambda match: SIGNS[match[0]]),
)

GRAMMAR = Grammar(
    letters=(
        *ADDRESSES,
        *english_files.AT_LETTERS,
        *english_amounts.AT_LETTERS,
        *english_times.AT_LETTERS,
        *english_letters.AT_LETTERS,
        *english_measures.AT_LETTERS,
        rule(r"x(?=\s?[0-9])", _by),
    ),
    digits=(
        *ADDRESSES,
        *english_files.AT_DIGITS,
        english_measures.LONG_TIME,
        *english_times.AT_DIGITS,
        *english_amounts.AT_DIGITS,
    ),
    signs=(*english_amounts.AT_SIGNS, *_SIGNS),
)
