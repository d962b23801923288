"""Which grammar reads which place of a mixed text."""

from __future__ import annotations

import re

from gpa_mlx.text.cjk import CJK, SYLLABIC, is_cjk, is_syllabic
from gpa_mlx.text.normalization.rules import RIGHT, one_of
from gpa_mlx.text.normalization.units import CURRENCY_CODES, UNITS

_NEUTRAL = re.compile(
    # A number keeps its unit: in 跑5km了 it is Chinese on both sides; and its letter: 5G网络 is Chinese.
    r"(?:(?![^\W\d_])[^\s，。！？；、：（）“”!?;()\"])+"
    rf"(?:\s?{one_of({**UNITS, **CURRENCY_CODES})}{RIGHT}|[A-Za-z](?=[{CJK}{SYLLABIC}]))?"
)


def chinese_places(text: str) -> list[bool]:
    """Return, for every character, whether the Chinese grammar reads what begins there.

    Letters belong to their script. A number or symbol belongs to Chinese where a Chinese character touches it; else to
    the script of the nearest letter, to Chinese at equal distance. A text
    without any letter is Chinese if it was typed with full-width digits or signs, else English.
    """
    if not any(character.isalpha() for character in text):
        return [any(map(is_cjk, text))] * len(text)
    before = _nearest_letters(text, range(len(text)))
    after = _nearest_letters(text, range(len(text) - 1, -1, -1))
    places: list[bool] = []
    while len(places) < len(text):
        start = len(places)
        if text[start].isalpha():
            places.append(is_syllabic(text[start]))
            continue
        found = _NEUTRAL.match(text, start)
        end = found.end() if found else start + 1
        left = before[start]
        right = after[end] if end < len(text) else None
        gaps = []
        if left is not None:
            gaps.append((start - 1 - left, is_syllabic(text[left])))
        if right is not None:
            gaps.append((right - end, is_syllabic(text[right])))
        nearest = min((gap for gap, _ in gaps), default=0)
        places.extend([(0, True) in gaps or (nearest, True) in gaps] * (end - start))
    return places


def _nearest_letters(text: str, places: range) -> list[int | None]:
    """Return, for every place, where the last letter met on the way stands; None before the first."""
    result: list[int | None] = [None] * len(text)
    last: int | None = None
    for place in places:
        if text[place].isalpha():
            last = place
        result[place] = last
    return result
