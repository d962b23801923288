"""The Chinese grammar."""

from __future__ import annotations

import re
from decimal import Decimal

from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.addresses import ADDRESSES
from gpa_mlx.text.normalization.chinese_words import CODE_WORDS, MEASURES, SCALES, SHORT_SCALES, SIGNS, TELEPHONE_WORDS
from gpa_mlx.text.normalization.english_letters import ACRONYMS
from gpa_mlx.text.normalization.rules import (
    CLEAR,
    LEFT,
    NUMBER,
    RIGHT,
    Grammar,
    ReadingRule,
    one_of,
    plain_number,
    rule,
)
from gpa_mlx.text.normalization.units import CURRENCY_CODES, CURRENCY_SIGNS, UNIT, UNITS

_BLANK = "[ \u00a0\u202f]"
_DASH = r"[-–—~～]"
# A Chinese character before a minus does not make it a hyphen, as a letter would.
_SIGN = r"(?:(?<![0-9A-Za-z)\]）])(?P<sign>[-−]))?"
_LOW = rf"{CLEAR}{_SIGN}(?P<low>{NUMBER})"
_LOW_HIGH = rf"{_LOW}(?:(?:{_DASH}|到|至)(?P<high>{NUMBER}))?"
_NO_MORE = r"(?![0-9]|[.,:/][0-9])"
_MEASURE = rf"(?!年[级代]){one_of(MEASURES)}"
_CURRENCY = one_of({**CURRENCY_SIGNS})
_CODE = one_of(CURRENCY_CODES)
_MONTH, _DAY = r"(?P<month>0?[1-9]|1[0-2])", r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
_TELEPHONE_BEFORE = re.compile(rf"{one_of(TELEPHONE_WORDS)}[是为:：]?{_BLANK}?$")
_CODE_BEFORE = re.compile(rf"{one_of(CODE_WORDS)}[是为:：]?{_BLANK}?$")
_LONGEST_CONTEXT = 6
_LONGEST_RUN = 10
"""Digits of the longest number that nobody separated; longer ones are numbers of accounts and telephones."""
_LONGEST_IN_CODE = 2


def _sign(match: re.Match[str]) -> str:
    return "负" if match["sign"] else ""


def _range(match: re.Match[str], *, counted: bool = False) -> str:
    """Return the words of `low` and perhaps `high`, without the sign."""
    say = numbers.counted if counted else numbers.number
    return f"{say(match['low'])}到{say(match['high'])}" if match["high"] else say(match["low"])


def _after_word(match: re.Match[str]) -> str | None:
    """Return a telephone number or a code, known by the word before it."""
    before = match.string[max(0, match.start() - _LONGEST_CONTEXT) : match.start()]
    if _TELEPHONE_BEFORE.search(before):
        return numbers.telephone(match[0])
    return numbers.digit_by_digit(match[0]) if _CODE_BEFORE.search(before) else None


def _telephone(match: re.Match[str]) -> str:
    words = " ".join(numbers.telephone(group) for group in re.findall("[0-9]+", match[0]))
    return f"加{words}" if match[0].startswith("+") else words


def _date(match: re.Match[str]) -> str:
    month, day = numbers.cardinal(match["month"].lstrip("0")), numbers.cardinal(match["day"].lstrip("0"))
    return f"{numbers.digit_by_digit(match['year'])}年{month}月{day}日"


def _years(match: re.Match[str]) -> str:
    high = numbers.digit_by_digit(match["high"])
    return f"{numbers.digit_by_digit(match['low'])}到{high}" if match["low"] else high


def _clock(match: re.Match[str]) -> str:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    words = f"{_hour(hour)}点"
    if minute != "00" or second:
        words += f"{_minute(minute)}分"
    return f"{words}{_minute(second)}秒" if second else words


def _hour_and_minute(match: re.Match[str]) -> str:
    return f"{_hour(match['hour'])}{match['of']}{_minute(match['minute'])}"


def _hour(written: str) -> str:
    return numbers.counted(written.lstrip("0") or "0")


def _minute(written: str) -> str:
    return numbers.digit_by_digit(written) if written[0] == "0" else numbers.cardinal(written)


def _percent(match: re.Match[str]) -> str:
    return f"{_sign(match)}{'百分之' if match['mark'] == '%' else '千分之'}{_range(match)}"


def _money(match: re.Match[str]) -> str:
    written = match["currency"].strip()
    currency = CURRENCY_SIGNS.get(written) or CURRENCY_CODES[written]
    words = _range(match, counted=True)
    if match["short"] and not match["high"]:
        value = Decimal(plain_number(match["low"])) * 10 ** SHORT_SCALES[match["short"]]
        words = numbers.number(f"{value.normalize():f}")
    return f"{_sign(match)}{words}{match['scale'] or ''}{currency.chinese}"


def _measured(match: re.Match[str]) -> str:
    symbol = match["length"] or match["unit"]
    name = UNITS[symbol].chinese
    sign = _sign(match)
    if sign and symbol in ("°C", "℃"):
        sign = "零下"
    if match["power"]:
        name = ("平方" if match["power"] in "2²" else "立方") + name
    words = sign + _range(match, counted=True) + name
    if not match["per"]:
        return words
    per = UNITS[match["per"]].chinese
    if match["per_power"]:
        per = f"平方{per}" if match["per_power"] in "2²" else f"立方{per}"
    return f"每{per}{words}"


def _fraction(match: re.Match[str]) -> str:
    top, bottom = match["low"], match["high"]
    if 0 < int(top) < int(bottom) <= 100:
        return f"{numbers.cardinal(bottom)}分之{numbers.cardinal(top)}"
    return f"{numbers.cardinal(top)}斜杠{numbers.cardinal(bottom)}"


def _ratio(match: re.Match[str]) -> str:
    return f"{numbers.cardinal(match['low'])}比{numbers.cardinal(match['high'])}"


def _product(match: re.Match[str]) -> str:
    return "乘".join(numbers.cardinal(part) for part in re.split("[x×*]", match[0]))


def _version(match: re.Match[str]) -> str:
    return "点".join(numbers.cardinal(part) for part in match[0].split("."))


def _code(match: re.Match[str]) -> str:
    return "杠".join(numbers.digit_by_digit(part) for part in match[0].split("-"))


def _counted(match: re.Match[str]) -> str:
    return _sign(match) + _range(match, counted=True)


def _number(match: re.Match[str]) -> str:
    written = match["low"]
    if written.isdigit() and len(written) > _LONGEST_RUN:
        return _sign(match) + numbers.digit_by_digit(written)
    return _sign(match) + numbers.number(written)


def _digits(match: re.Match[str]) -> str:
    """Return digits that are part of something else: MP3, A380."""
    return numbers.digit_by_digit(match[0]) if len(match[0]) > _LONGEST_IN_CODE else numbers.cardinal(match[0])


_MONEY_FIRST = rule(
    rf"{_SIGN}{LEFT}(?P<currency>{_CURRENCY}|{_CODE}){_BLANK}?(?P<low>{NUMBER})"
    rf"(?:{_DASH}(?P<high>{NUMBER}))?(?:{_BLANK}?(?P<scale>{one_of(SCALES)})|(?P<short>{one_of(SHORT_SCALES)}){RIGHT})?元?",
    _money,
)
_SIGNED: tuple[ReadingRule, ...] = (
    rule(
        rf"{_LOW_HIGH}(?P<short>(?!))?(?P<scale>{one_of(SCALES)})?{_BLANK}?(?P<currency>{_CODE}{RIGHT}|[€£₩₹])", _money
    ),
    rule(rf"{_LOW}%?(?:{_DASH}(?P<high>{NUMBER}))?{_BLANK}?(?P<mark>[%‰])", _percent),
    rule(rf"{_LOW_HIGH}{_BLANK}?{UNIT}", _measured),
    rule(rf"{_LOW_HIGH}(?={_BLANK}?{_MEASURE})", _counted),
    rule(rf"{_LOW}", _number),
)

_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}(?<!第)[0-9]{{3,12}}(?![0-9.,/-])(?!{_BLANK}?(?:{_MEASURE}|分|折))", _after_word),
    rule(rf"{CLEAR}1[3-9][0-9](?P<mark>[- ]?)[0-9]{{4}}(?P=mark)[0-9]{{4}}{RIGHT}{_NO_MORE}", _telephone),
    rule(rf"{CLEAR}(?:0[0-9]{{2,3}}-[0-9]{{7,8}}|[48]00-[0-9]{{3,4}}-[0-9]{{3,4}}){RIGHT}{_NO_MORE}", _telephone),
    rule(
        rf"{CLEAR}(?P<year>[12][0-9]{{3}})(?P<mark>[-/.]){_MONTH}(?P=mark){_DAY}(?![0-9]|[-/.][0-9])",
        _date,
    ),
    rule(
        rf"{CLEAR}(?:(?P<low>[12][0-9]{{3}})(?:{_DASH}|到|至))?(?P<high>(?:1[1-9]|20)[0-9]{{2}})(?={_BLANK}?(?:[年级届款]|赛季|学年|财年))",
        _years,
    ),
    rule(
        rf"{CLEAR}(?P<hour>[01]?[0-9]|2[0-4])[:：](?P<minute>[0-5][0-9])(?:[:：](?P<second>[0-5][0-9]))?(?![0-9:：])",
        _clock,
    ),
    rule(
        rf"{CLEAR}(?P<hour>[0-9]{{1,2}}){_BLANK}?(?P<of>[点时]){_BLANK}?(?P<minute>[0-5]?[0-9](?={_BLANK}?分)|[0-5][0-9]{_NO_MORE})",
        _hour_and_minute,
    ),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,9}})[:：](?P<high>[0-9]{{1,9}})(?![0-9:：])", _ratio),
    rule(rf"(?<=第)(?P<sign>)(?P<low>{NUMBER})", _number),
    rule(rf"{CLEAR}(?P<low>[0-9]{{1,9}})/(?P<high>[0-9]{{1,9}}){RIGHT}(?![/.][0-9])", _fraction),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:[x×*][0-9]{{1,9}}){{1,3}}{RIGHT}", _product),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:\.[0-9]{{1,9}}){{2,5}}{RIGHT}", _version),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:-[0-9]{{1,9}}){{2,7}}{RIGHT}", _code),
    rule(rf"(?<=[0-9]米)[0-9]{{2}}{_NO_MORE}|{CLEAR}[05-9][05](?=后)", lambda match: numbers.digit_by_digit(match[0])),
    *_SIGNED,
    rule("[0-9]+", _digits),
)

GRAMMAR = Grammar(
    letters=(*ADDRESSES, *ACRONYMS),
    digits=(*ADDRESSES, *_DIGITS),
    signs=(
        _MONEY_FIRST,
        rule(r"\+86[- ]?1[3-9][0-9](?P<mark>[- ]?)[0-9]{4}(?P=mark)[0-9]{4}(?![0-9])", _telephone),
        rule(rf"(?<=[0-9年月日号点分时元岁度%℃]){_BLANK}?{_DASH}{_BLANK}?(?=[0-9])", lambda _: "到"),
        rule(r"(?<=[A-Z]{2})-(?=[0-9])", lambda _: " "),
        *_SIGNED,
        rule(r"[<＜](?=\s?[-−]?[0-9])", lambda _: "小于"),
        rule(r"(?<![-=])[>＞](?=\s?[-−]?[0-9])", lambda _: "大于"),
        rule(one_of(SIGNS), lambda match: SIGNS[match[0]]),
    ),
)
