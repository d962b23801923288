"""Web and e-mail addresses, said sign by sign."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization.english_numbers import digit_by_digit, whole_number
from gpa_mlx.text.normalization.english_words import DOMAINS
from gpa_mlx.text.normalization.latin_edges import LEFT, RIGHT
from gpa_mlx.text.normalization.rules import ReadingRule, one_of, rule

_SIGNS = {
    **{".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon", "?": "question mark"},
    **{"=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde"},
}
_LONGEST_NUMBER = 2
_SPELLED = re.compile(r"(?i:[^aeiouy]{2,5})")
"""A part without vowels cannot be said as a word."""
_PART = re.compile(r"[A-Za-z]+|[0-9]+|.")

_INSIDE = rf"[A-Za-z0-9{re.escape(''.join(_SIGNS))}]"
_START = rf"{LEFT}(?<![.+@/-])"
# Bounded, so that no long row of names is searched to its end from every name.
_HOST = r"(?:[A-Za-z0-9-]{1,63}\.){1,5}"


def _say(match: re.Match[str]) -> str:
    """Return an address as it is dictated, without the scheme nobody says."""
    return " ".join(_say_part(part) for part in _PART.findall(match["address"].rstrip("/")))


def _say_part(part: str) -> str:
    if part.isdigit():
        return whole_number(part) if len(part) <= _LONGEST_NUMBER else digit_by_digit(part)
    if part.isalpha() and _SPELLED.fullmatch(part):
        return " ".join(part.upper())
    return _SIGNS.get(part, part)


ADDRESS_FORMS = (
    rf"{LEFT}(?i:https?|ftp)://(?P<address>[A-Za-z0-9](?:{_INSIDE}*[A-Za-z0-9/])?)",
    rf"{_START}(?P<address>[A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}@{_HOST}[A-Za-z]{{2,24}}){RIGHT}",
    rf"{_START}(?P<address>www\.{_HOST}[a-z]{{2,24}}{RIGHT}(?:/(?:{_INSIDE}*[A-Za-z0-9/])?)?)",
    rf"{_START}(?P<address>{_HOST}{one_of(DOMAINS)}{RIGHT}(?!-|\.[A-Za-z0-9])(?:/(?:{_INSIDE}*[A-Za-z0-9/])?)?)",
)
"""Patterns of `https://a.com/b`, `me@a.com`, `www.a.com` and `a.com/b`; what is said is the group `address`."""

ADDRESSES: tuple[ReadingRule, ...] = tuple(rule(form, _say) for form in ADDRESS_FORMS)
"""In English."""
