"""Fractions, scores, ratios, products and powers in Chinese."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_context as context
from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import BLANK, NO_MORE, after, before, is_amount
from gpa_mlx.text.normalization.chinese_units import UNITS
from gpa_mlx.text.normalization.latin_edges import CLEAR, RIGHT
from gpa_mlx.text.normalization.rules import ReadingRule, one_of, plain_number, rule

_PARTS = "页章节集期部题步天张关轮局话课回站组场批段遍"
_PLAIN = r"(?>[0-9]{1,9})(?:\.[0-9]{1,4})?"
_FORMULA_AFTER = r"(?=\s?[0-9.]{1,12}(?:\s?[-+−×x*÷/]\s?[0-9.]{1,12}){0,4}\s?[=＝])"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _fraction(match: re.Match[str]) -> str | None:
    top, bottom = match["low"], match["high"]
    text = before(match)
    if context.BLOOD_BEFORE.search(text):
        return f"{numbers.number(top)}比{numbers.number(bottom)}"
    if (
        bottom in context.FULL_MARKS
        and context.RATED_BEFORE.search(text)
        and float(plain_number(top)) <= float(plain_number(bottom))
        and not match["after"]
    ):
        return f"{numbers.counted(top)}分，满分{numbers.counted(bottom)}分"
    if "." in top and "." in bottom:  # two values of the same kind: of both eyes
        full = "满分" if context.RATED_BEFORE.search(text) else ""
        return f"{numbers.number(top)}，{full}{numbers.number(bottom)}"
    if "." in top or "." in bottom:
        return None
    if bottom == "100" and 0 < int(top) <= 100:
        return f"百分之{'百' if top == '100' else numbers.cardinal(top)}"
    if context.PART_BEFORE.search(text):
        return f"{numbers.cardinal(top)}，共{numbers.cardinal(bottom)}"
    if 0 < int(top) < int(bottom):
        return f"{numbers.cardinal(bottom)}分之{numbers.cardinal(top)}{match['after'] or ''}"
    return f"{numbers.cardinal(top)}斜杠{numbers.cardinal(bottom)}{match['after'] or ''}"


def _mixed_fraction(match: re.Match[str]) -> str:
    whole, top, bottom = (numbers.cardinal(match[name]) for name in ("whole", "low", "high"))
    return f"{whole}又{bottom}分之{top}"


def _part_of(match: re.Match[str]) -> str:
    """Return 1/3页 after 第."""
    part = match["part"]
    return f"{numbers.cardinal(match['low'])}{part}，共{numbers.cardinal(match['high'])}{part}"


def _of_all(match: re.Match[str]) -> str | None:
    """Return how many of all there are: 23/30人."""
    if not int(match["low"]) <= int(match["high"]) or int(match["high"]) < 10:
        return None
    thing = match["thing"]
    return f"{numbers.counted(match['low'])}{thing}，共{numbers.counted(match['high'])}{thing}"


def _pressure(match: re.Match[str]) -> str:
    return f"{numbers.cardinal(match['low'])}比{numbers.cardinal(match['high'])}{UNITS[match['unit']]}"


def _ratio(match: re.Match[str]) -> str | None:
    if "：" in match[0] and is_amount(match) and not context.RATIO_BEFORE.search(before(match)):
        return None  # the number of an item, and what it is
    return "比".join(numbers.number(part) for part in re.split("[:：]", match[0]))


def _score(match: re.Match[str]) -> str | None:
    """Return the result of a game or a door: 98-102."""
    low, high = match["low"], match["high"]
    if is_amount(match) and not context.GAME_AFTER.match(after(match)):
        return None
    if context.DOOR_AFTER.match(after(match)) and int(low) > int(high):
        return f"{numbers.short(low)}杠{numbers.short(high)}"
    game = context.GAME_AFTER.match(after(match)) or context.GAME_BEFORE.search(before(match))
    if game or int(low) >= int(high) or _is_beside_score(match):
        return f"{numbers.cardinal(low)}比{numbers.cardinal(high)}"
    return None


def _is_beside_score(match: re.Match[str]) -> bool:
    """Return whether the result stands in a row with one that can be no range: 25-20、23-25."""
    beside = [context.RESULTS_BEFORE.search(before(match, 48)), context.RESULTS_AFTER.match(after(match, 48))]
    results = [pair for row in beside if row for pair in re.findall("([0-9]+)[-–:：]([0-9]+)", row[0])]
    return any(int(low) > int(high) for low, high in results)


def _row_of_results(match: re.Match[str]) -> str | None:
    """Return results of a row with one that is no time: 25:21、22:25."""
    pairs = [(int(low), int(high)) for low, high in re.findall("([0-9]+)[:：]([0-9]+)", match[0])]
    if all(low < 24 and 0 <= high < 60 for low, high in pairs) and not context.GAME_BEFORE.search(before(match)):
        return None
    return re.sub(
        "([0-9]+)[:：]([0-9]+)", lambda pair: f"{numbers.cardinal(pair[1])}比{numbers.cardinal(pair[2])}", match[0]
    )


def _product(match: re.Match[str]) -> str:
    words = "乘".join(numbers.cardinal(part) for part in re.split(r"\s?[xX×*]\s?", match["factors"]))
    return words + (UNITS[match["side"]] if match["side"] else "")


def _exponent(match: re.Match[str]) -> str:
    sign = "负" if match["minus"] in ("-", "−") else ""
    return f"{numbers.number(match['low'])}乘以十的{sign}{numbers.cardinal(match['power'].lstrip('0') or '0')}次方"


def _power(match: re.Match[str]) -> str:
    written = match["power"].translate(_SUPERSCRIPTS)
    sign = "负" if written[0] in "-−" else ""
    digits = written.lstrip("-−+")
    if not digits:
        return sign
    of_letter = match["letter"] is not None
    if digits == "2" and not sign:
        return "平方" if of_letter else "的平方"
    return f"的{sign}{numbers.number(digits)}次方"


def _charge(match: re.Match[str]) -> str:
    """Return the charge of an ion: ²⁺ is 二正."""
    return numbers.digit_by_digit(match["charge"].translate(_SUPERSCRIPTS)) + ("正" if match["kind"] == "⁺" else "负")


AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(
        rf"(?<=满)(?P<low>[0-9]{{1,5}})[-−](?P<high>[0-9]{{1,5}}){NO_MORE}",
        lambda match: f"{numbers.cardinal(match['low'])}减{numbers.cardinal(match['high'])}",
    ),
    rule(rf"(?<=第)(?P<low>[0-9]{{1,4}})/(?P<high>[0-9]{{1,4}}){BLANK}?(?P<part>部分|[{_PARTS}])", _part_of),
    rule(rf"{CLEAR}(?P<low>[0-9]{{2,3}})/(?P<high>[0-9]{{2,3}}){BLANK}?(?P<unit>mmHg)", _pressure),
    rule(
        rf"{CLEAR}(?P<low>[0-9]{{1,4}})/(?P<high>[0-9]{{2,4}})(?P<thing>[人名位个项题件条])(?!均|次|民|口|工)", _of_all
    ),
    rule(rf"{CLEAR}(?P<whole>[0-9]{{1,3}}) (?P<low>[1-9])/(?P<high>[1-9][0-9]?)(?![0-9/.])", _mixed_fraction),
    rule(
        rf"{CLEAR}(?P<low>{_PLAIN})/(?P<high>{_PLAIN})(?:分(?!之|钟)|(?:rds|ths|rd|th)(?![a-z])|(?P<after>(?!)))?(?![0-9]|[/.][0-9]|[A-Za-z])",
        _fraction,
    ),
    rule(
        rf"{CLEAR}(?P<low>[0-9]{{1,3}}){BLANK}?[-–—]{BLANK}?(?P<high>[0-9]{{1,3}})(?![0-9]|[-.,:/%~][0-9]|[%℃°]|{BLANK}?(?:[=＝]|[A-Za-z]))",
        _score,
    ),
    rule(rf"{CLEAR}{_PLAIN}(?:[:：]{_PLAIN}){{1,3}}(?![0-9:：])", _ratio),
    rule(rf"{CLEAR}(?P<low>{_PLAIN})[eE](?P<minus>[-+−]?)(?P<power>[0-9]{{1,4}}){RIGHT}", _exponent),
    rule(
        rf"{CLEAR}(?P<factors>[0-9]{{1,9}}(?:\s?[xX×*]\s?[0-9]{{1,9}}){{1,3}})(?![.,:/][0-9]|[0-9])(?:(?P<side>{one_of(UNITS)}){RIGHT})?",
        _product,
    ),
)
RESULTS = rule(
    rf"{CLEAR}[0-9]{{1,3}}[:：][0-9]{{1,3}}(?:[、,， ]{{1,2}}[0-9]{{1,3}}[:：][0-9]{{1,3}}){{1,6}}(?![0-9:：])",
    _row_of_results,
)
"""Comes before the times of day."""

"""`第1/3页`, `120/80mmHg`, `1/3`, `98-102`, `3:2`, `6e23` and `3x4`."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule("[₀₁₂₃₄₅₆₇₈₉]{1,6}", lambda match: numbers.cardinal(match[0].translate(_SUBSCRIPTS))),
    rule(rf"(?<=[0-9A-Za-z)）])[-−]{_FORMULA_AFTER}", lambda _: "减"),
    rule(rf"(?<=[0-9A-Za-z)）] )[-−]{_FORMULA_AFTER}", lambda _: "减"),
    rule(
        r"(?P<letter>(?<=[A-Za-z]))?(?<=[A-Za-z0-9)）])\^[({]?(?P<power>[-−]?[0-9]{1,6}(?:\.[0-9]{1,4})?)[)}]?", _power
    ),
    rule(r"(?P<letter>(?<=[A-Za-z]))?(?P<power>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,8})(?![⁺⁻])", _power),
    rule("(?P<charge>[⁰¹²³⁴⁵⁶⁷⁸⁹]{0,2})(?P<kind>[⁺⁻])", _charge),
)
"""Minus signs, and what is raised or lowered."""
