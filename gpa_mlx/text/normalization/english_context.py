"""What stands around a written form in English, and decides how it is read."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization.rules import LazyPattern, listed

LONGEST_CONTEXT = 48
"""How far a rule looks back and ahead, in characters: a bound, so that no text takes long."""

_NOT_PLURAL = frozenset(
    listed("""
    is was has as this his its us thus always perhaps plus does less across yes unless press pass gas bus class
    process versus minus vs
    """)
)
_PEOPLE = frozenset(
    listed("""
    people men women children feet fish sheep mice teeth cattle police
    """)
)
_PLURAL = LazyPattern(r"[ \u00a0](?P<words>(?:[a-z]+[ -]){0,2}[a-z]+)(?![\w'’-])")
_DETERMINER = LazyPattern(
    r"(?<![\w'’])(?:an?|the|this|that|my|your|his|her|its|our|their|each|every|another|one|two|three|four|five|six|ten|several|both|per|no|any|single|new|old|whole"
    r"|first|second|third|last|next|massive|huge|big|small|tiny|mere|record|nearly|about|whopping|minimum"
    r"|maximum)[ -]$",
    re.IGNORECASE,
)
_ARTICLE = LazyPattern(
    r"(?<![\w'’])(?:an?|this|that|my|your|his|her|its|our|their|each|every|another|the)[ ](?:[a-z]+[ ])?$",
    re.IGNORECASE,
)
_NOUN = LazyPattern(r"[ -](?P<noun>[A-Za-z][a-z]+|[A-Z]{2,5}(?![A-Za-z]))(?P<more>[ ][a-z]+)?")
_HEADS = frozenset(
    listed("""
    house home flat apartment bottle battery bulb pizza drive screen lens run race walk hike radius limit bill note
    coin fine fee fence pole wall deal gap loan grant prize budget bag box tank pipe ladder board rope cable monitor
    display camera sensor charger engine motor card disk disc radio signal walk ride swim sprint dash marathon zone
    tower wave room relay record photo ruler flight
    drive trip movie film video delay nap commute workout session meeting break layover hike swim
    """)
)
_NO_NOUNS = frozenset(
    listed("""
    a about across after again against ago ahead along already although always an and apart are around as at away
    back be because been before behind below between both but by can deep down during each even ever every far fast
    faster few for from had has have he heavier her here high higher his how i if in into is it its just less long
    longer longest lower may might more most my near no nor not now of off on once only or our out outside over past
    per plus she short shorter since slower so some still tall taller than that the their them then there these they
    thick this those through thus till to today together tomorrow tonight too toward towards under until up us vs
    was we were wide when where which while who will with within without worth would yearly yesterday you your daily
    weekly monthly annually each apiece total if did does do could should saved spent raised owed
    """)
)


def before(match: re.Match[str], length: int = LONGEST_CONTEXT) -> str:
    """Return what stands before a match."""
    return match.string[max(0, match.start() - length) : match.start()]


def after(match: re.Match[str], length: int = LONGEST_CONTEXT) -> str:
    """Return what stands after a match."""
    return match.string[match.end() : match.end() + length]


def counts_things(match: re.Match[str]) -> bool:
    """Whether a plural comes after a match: 2010 people, 2 big cats."""
    found = _PLURAL.match(after(match))
    if not found:
        return False
    words = re.split("[ -]", found["words"])
    for number, word in enumerate(words):
        if word in _PEOPLE or (
            len(word) > 3 and word.endswith("s") and not word.endswith("ss") and word not in _NOT_PLURAL
        ):
            return True
        if word in _NO_NOUNS or number > 1:
            return False
    return False


def describes_noun(match: re.Match[str]) -> bool:
    """Whether an amount describes the noun after it, and is singular then: a 5 km run, a $20 bill."""
    following = _NOUN.match(after(match))
    if not following or following["noun"].lower() in _NO_NOUNS:
        return False
    noun = following["noun"]
    if noun in _HEADS or (following["more"] or "").lstrip() == "record":
        return not re.search(r"(?<![\w])(?:of|than|over|under|for)[ ]$", before(match)[-8:])
    if noun.endswith("ly") or noun.endswith("ing"):
        return False
    return bool(_DETERMINER.search(before(match)) or _ARTICLE.search(before(match)))
