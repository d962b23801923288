"""The English grammar."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import english_amounts, english_letters, english_times
from gpa_mlx.text.normalization.addresses import ADDRESSES
from gpa_mlx.text.normalization.english_words import PER, SIGNS
from gpa_mlx.text.normalization.rules import RIGHT, Grammar, ReadingRule, one_of, rule


def _per(match: re.Match[str]) -> str:
    return f"per {PER[match['each']]}"


_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"(?:(?<=[0-9])|(?<=[0-9][KMkm]))/(?P<each>{one_of(PER)}){RIGHT}", _per),
    rule(r"(?<=[A-Z]{2})-(?=[0-9])", lambda _: " "),
    rule(r"#(?=[0-9])", lambda _: "number"),
    rule(r"#(?=[^\W\d_])", lambda _: "hashtag "),
    rule(r"~(?=[$€£¥]?[0-9])", lambda _: "about "),
    rule(r"\^(?=[-−]?[0-9])", lambda _: "to the power of "),
    rule(r"(?<=[0-9])\*(?=[0-9])", lambda _: "times"),
    rule(r"<=(?=\s?[-−$€£¥]?[0-9])", lambda _: SIGNS["≤"]),
    rule(r">=(?=\s?[-−$€£¥]?[0-9])", lambda _: SIGNS["≥"]),
    rule(r"<(?=\s?[-−$€£¥]?[0-9])", lambda _: "less than"),
    rule(r"(?<![-=])>(?=\s?[-−$€£¥]?[0-9])", lambda _: "greater than"),
    rule(one_of(SIGNS), lambda match: SIGNS[match[0]]),
)

GRAMMAR = Grammar(
    letters=(*ADDRESSES, *english_amounts.AT_LETTERS, *english_times.AT_LETTERS, *english_letters.AT_LETTERS),
    digits=(*ADDRESSES, *english_times.AT_DIGITS, *english_amounts.AT_DIGITS),
    signs=(*english_amounts.AT_SIGNS, *_SIGNS),
)
