"""Amounts in Chinese: money, shares, scores, measures, formulas."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_context as context
from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import (
    BLANK,
    DASH,
    LOW,
    LOW_HIGH,
    MEASURE,
    NO_MORE,
    SIGN,
    TO,
    after,
    before,
    number_or_range,
    scaled,
    signed,
)
from gpa_mlx.text.normalization.chinese_units import CURRENCY_CODES, CURRENCY_SIGNS, LENGTHS, UNIT, UNITS
from gpa_mlx.text.normalization.chinese_words import SCALES, SHORT_SCALES, WORD_SCALES
from gpa_mlx.text.normalization.latin_edges import CLEAR, LEFT, RIGHT
from gpa_mlx.text.normalization.rules import NUMBER, LazyPattern, ReadingRule, one_of, rule

_CURRENCY = one_of(CURRENCY_SIGNS)
_CODE = one_of(CURRENCY_CODES)
_CELSIUS = ("°C", "℃", "ºC", "˚C")
_AMOUNT_BEFORE = LazyPattern(
    rf"[0-9.万亿千百]\s?(?P<what>(?:{MEASURE}|人民币|元|块|次|转|下|[wWkK]|{one_of(UNITS)}){{1,2}})$"
)
_CURRENCY_BEFORE = LazyPattern("(港币|港元|新台币|台币|人民币|美元|美金|欧元|英镑|日元|韩元|泰铢)[:： ]?$")
_PER_BEFORE = LazyPattern(r"(?:元|块)/(?:㎡|m²|平|平米|平方米|人|台|户|间|亩|斤|kg|次|吨|GB|天)$")
_PERIOD_AFTER = LazyPattern("(?:月|年|天|晚|夜|周|小时|课时|人|位|间|平)(?![0-9])")
_GOODS_OF_NUMBER = LazyPattern(f"[0-9]{{1,2}}(?:{context.GOODS_AFTER.pattern})")
_PRICE_BEFORE = LazyPattern(r"[$€£¥]\s?[0-9][0-9.,]{0,12}$")
_MONEY_ENDS = LazyPattern("(?:元|块|美元|欧元|英镑|日元|币|钱|[￥¥])$")
_LONGEST_RUN = 10
"""Digits of the longest number that nobody separated; longer ones are numbers of accounts and telephones."""


def _percent(match: re.Match[str]) -> str:
    if match["mark"] == "%" and match["low"] == "100" and not match["high"]:
        return f"{signed(match)}百分之百"
    return f"{signed(match)}{'百分之' if match['mark'] == '%' else '千分之'}{number_or_range(match)}"


def _money(match: re.Match[str]) -> str:
    written = match["currency"].strip()
    currency = CURRENCY_SIGNS.get(written) or CURRENCY_CODES[written]
    scale = match["scale"] or ""
    low, high = match["low"], match["high"]
    short = match["short"] or match["word"]
    if short in ("T", "trillion"):
        scale, short = "万亿", None
    if short:
        words = scaled(low, short)
        words = f"{words}到{scaled(high, short)}" if high else words
    else:
        words = f"{numbers.money(low)}到{numbers.money(high)}" if high else numbers.money(low)
    if named := _CURRENCY_BEFORE.search(before(match)):
        currency = "元" if named[1] in ("港币", "新台币", "台币", "人民币") else ""
    return f"{signed(match)}{words}{scale}{currency}"


def _priced(match: re.Match[str]) -> str:
    words = numbers.money(match["low"])
    return signed(match) + (f"{words}到{numbers.money(match['high'])}" if match["high"] else words)


def _measured(match: re.Match[str]) -> str | None:
    symbol = match["length"] or match["unit"]
    if symbol == "A" and not (
        context.CURRENT_BEFORE.search(before(match)) or context.CURRENT_AFTER.match(after(match))
    ):
        return None  # a seat, a row, a class: 座位23A, 5A景区
    name = UNITS[symbol]
    sign, minus = signed(match), "负"
    if symbol in _CELSIUS or (symbol == "°" and context.TEMPERATURE_BEFORE.search(before(match))):
        minus = "零下"
        sign = minus if sign else ""
    if match["power"]:
        name = ("平方" if match["power"] in "2²" else "立方") + name
    amount = sign + number_or_range(match, counted=True, minus=minus) + (match["scale"] or "")
    if not match["per"]:
        return amount + name
    per = UNITS[match["per"]]
    if match["hundred"]:
        per = f"百{per}"
    if match["per_power"]:
        per = f"平方{per}" if match["per_power"] in "2²" else f"立方{per}"
    if per == "小时" and name in ("公里", "英里", "米"):
        return f"每小时{amount}{name}"
    return f"{amount}{name}每{per}"


def _degrees(match: re.Match[str]) -> str:
    minus = "负" if context.NO_TEMPERATURE_BEFORE.search(before(match)) else "零下"
    return (minus if match["sign"] else "") + number_or_range(match, counted=True, minus=minus)


def _storeys(match: re.Match[str]) -> str | None:
    return "两" if context.STOREYS_BEFORE.search(before(match, 4)) else None


def _wan(match: re.Match[str]) -> str | None:
    """Return 1.5w as 万; a capital may be a watt, which what is around decides."""
    letter = match["letter"]
    if letter == "W" and not (context.WAN_BEFORE.search(before(match)) or context.WAN_AFTER.match(after(match))):
        return None
    if match["first"]:
        return f"{signed(match)}{numbers.counted(match['low'])}万到{numbers.counted(match['high'])}万"
    return signed(match) + number_or_range(match, counted=True) + "万"


def _thousand(match: re.Match[str]) -> str | None:
    if not match["high"] and context.SHARP_AFTER.match(after(match)):
        return None
    letter = match["letter"]
    low = scaled(match["low"], letter)
    return signed(match) + (f"{low}到{scaled(match['high'], letter)}" if match["high"] else low)


def _mega(match: re.Match[str]) -> str:
    return f"{numbers.counted(match['low'])}兆"


def _adjacent(match: re.Match[str]) -> str | None:
    """Return 三五 for 3、5 before what is counted."""
    low, high = int(match["low"]), int(match["high"])
    if high - low != 1 and (low, high) != (3, 5):
        return None
    if match["ordinal"]:
        return numbers.cardinal(match["low"]) + numbers.cardinal(match["high"])
    return "一两" if low == 1 else numbers.counted(str(low)) + numbers.cardinal(str(high))


def _counted(match: re.Match[str]) -> str:
    return signed(match) + number_or_range(match, counted=True)


def _number(match: re.Match[str]) -> str:
    written = match["low"]
    if written.isdigit() and len(written) > _LONGEST_RUN:
        return signed(match) + numbers.digit_by_digit(written)
    return signed(match) + numbers.number(written)


def _ordinal(match: re.Match[str]) -> str:
    return number_or_range(match)


def _spaced(match: re.Match[str]) -> str:
    return numbers.number(match[0].replace(" ", ""))


def _grouped_by_four(match: re.Match[str]) -> str:
    """Return a number whose digits are grouped as Chinese names them: 20,0000."""
    return numbers.number(match[0].replace(",", ""))


def _per(match: re.Match[str]) -> str | None:
    """Return the word for / between what is counted and what it is counted by: 元/斤."""
    money = _PRICE_BEFORE.search(before(match))
    found = _AMOUNT_BEFORE.search(before(match))
    if not (found or money):
        bare = re.search("[0-9]{3}$", before(match)) and _PERIOD_AFTER.match(after(match))
        return "每" if bare or _PER_BEFORE.search(before(match)) else None
    if re.match(r"[0-9.]{1,6}\s?(?:A|V|W|Ah|mA|Hz)(?![A-Za-z])", after(match)):
        return "，"  # another property: 24V/2A
    each = match.string[match.end() : match.end() + 3]
    is_money = money or (found and _MONEY_ENDS.search(found["what"]))
    if each[:1] == "每" or (is_money and _GOODS_OF_NUMBER.match(each)):
        return ""
    if is_money and context.GOODS_AFTER.match(each):
        return "一"
    return "每"


def amount_before(match: re.Match[str]) -> str | None:
    """Return the word of a range between two amounts with what they count: 10人-15人."""
    return "到" if _AMOUNT_BEFORE.search(before(match)) else None


def _per_area(match: re.Match[str]) -> str | None:
    if not _AMOUNT_BEFORE.search(before(match)):
        return None
    return f"每{'平方' if match['power'] == '²' else '立方'}{UNITS[match['length']]}"


def _per_unit(match: re.Match[str]) -> str | None:
    return f"每{UNITS[match['unit']]}" if _AMOUNT_BEFORE.search(before(match)) else None


def _unit_of_power(match: re.Match[str]) -> str | None:
    """Return the unit after 10^8, which no number stands right before."""
    if not re.search(r"\^[0-9]{1,4}\s?$|[⁰¹²³⁴-⁹]\s?$", before(match, 8)):
        return None
    per = f"每{UNITS[match['per']]}" if match["per"] else ""
    power = {"2": "平方", "²": "平方", "3": "立方", "³": "立方"}.get(match["power"] or "", "")
    return power + UNITS[match["length"] or match["unit"]] + per


def _per_minute(match: re.Match[str]) -> str | None:
    return "每分钟" if _AMOUNT_BEFORE.search(before(match)) else None


_PLAIN = r"(?>[0-9]{1,9})(?:\.[0-9]{1,4})?"

MONEY_FIRST = rule(
    rf"{SIGN}{LEFT}(?P<currency>{_CURRENCY}|{_CODE}){BLANK}?(?P<low>{NUMBER})"
    rf"(?:[kKwWmMbB]?{TO}(?:{_CURRENCY})?(?P<high>{NUMBER}))?"
    rf"(?:{BLANK}?(?P<scale>{one_of(SCALES)})|(?P<short>{one_of(SHORT_SCALES)}){RIGHT}|{BLANK}(?P<word>{one_of(WORD_SCALES)}){RIGHT})?(?:元|人民币)?",
    _money,
)
_SHORT_RANGE = rf"{CLEAR}{SIGN}(?P<low>{NUMBER})(?:(?P<first>[%s])?{TO}(?P<high>{NUMBER}))?(?P<letter>[%s]){RIGHT}"

SIGNED: tuple[ReadingRule, ...] = (
    rule(rf"{LOW}(?:{TO}(?P<high>{NUMBER}))? (?P<letter>{one_of(WORD_SCALES)}){RIGHT}", _thousand),
    rule(
        rf"{LOW_HIGH}(?P<short>[kKmMbBwW](?={BLANK}?{_CODE}))?(?P<word>(?!))?(?P<scale>{one_of(SCALES)})?{BLANK}?(?P<currency>{_CODE}{RIGHT}|[$€£₩₹](?![0-9]))",
        _money,
    ),
    rule(rf"{LOW}%?(?:{TO}(?P<high>[-−]?{NUMBER}))?{BLANK}?(?P<mark>[%‰])", _percent),
    rule(_SHORT_RANGE % ("wW", "wW"), _wan),
    rule(rf"{LOW_HIGH}(?P<scale>[百千万亿]{{1,2}})?{BLANK}?{UNIT}", _measured),
    rule(_SHORT_RANGE % ("kK", "kK"), _thousand),
    rule(rf"{LOW_HIGH}(?={BLANK}?(?:元|块|欧元|美元|英镑|港元|日元)(?!次))", _priced),
    rule(rf"{LOW_HIGH}(?={BLANK}?度(?!数|角|假|过))", _degrees),
    rule(rf"{LOW_HIGH}(?={BLANK}?{MEASURE})", _counted),
    rule(rf"{LOW}", _number),
)
"""With a minus sign or without."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"(?<=第)(?P<sign>)(?P<low>{NUMBER})(?:{DASH}(?:第)?(?P<high>[0-9]{{1,6}}{NO_MORE}))?", _ordinal),
    rule(rf"{CLEAR}(?<![0-9] )[1-9][0-9]{{0,2}}(?: [0-9]{{3}}){{2,4}}(?! ?[0-9]){NO_MORE}", _spaced),
    rule(
        rf"{CLEAR}[1-9][0-9]{{0,2}} [0-9]{{3}}(?={BLANK}?(?:元|块|人|美元|吨|公里|km|平方|万|欧元|英镑|辆|台|件))",
        _spaced,
    ),
    rule(
        rf"(?<!、)(?<!第){CLEAR}(?P<low>[1-9])[、,，](?P<high>[1-9])"
        rf"(?={BLANK}?(?:(?P<ordinal>[月号日楼班期]|年级)|{MEASURE}))",
        _adjacent,
    ),
    rule(
        r"(?<![0-9A-Za-z.,])[0-9]{1,3}(?:\.[0-9]{1,2})?(?:\"|″|”(?=的?(?:屏|显示|电视|液晶))|'')(?![0-9])",
        lambda match: numbers.number(re.sub("[^0-9.]", "", match[0])) + "英寸",
    ),
    rule(
        rf"{CLEAR}(?P<low>[0-9]{{1,5}})M(?={BLANK}?(?:宽带|带宽|光纤|网|流量|的?文件|内存|空间|大小|网速|/s|左右))",
        _mega,
    ),
    rule(
        rf"(?:(?<=[0-9]m)|(?<=[0-9]米)|(?<=[0-9]万)|(?<=[0-9]千)|(?<=[0-9]块)|(?<=[0-9]元))[0-9](?![0-9.,:/%]|[A-Za-z])(?!{BLANK}?(?:{MEASURE}))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(
        r"(?<![0-9A-Za-z.,])(?P<low>[12])m(?P<high>[0-9]{1,2})(?![0-9A-Za-z.])",
        lambda match: f"{numbers.counted(match['low'])}米{numbers.digit_by_digit(match['high'])}",
    ),
    rule(
        rf"{CLEAR}(?P<low>{_PLAIN})V(?P<high>{_PLAIN})A{RIGHT}",
        lambda match: f"{numbers.counted(match['low'])}伏{numbers.counted(match['high'])}安",
    ),
    rule(rf"{CLEAR}[0-9]{{1,4}}(?:,[0-9]{{4}}){{1,4}}(?![0-9,])", _grouped_by_four),
    rule(r"(?<=[A-Za-z])(?P<low>[0-9]{1,4}(?:\.[0-9]{1,4})?)%", lambda match: f"百分之{numbers.number(match['low'])}"),
    rule(r"(?<=[百千万零十])2(?![0-9.,万千百十]|个[亿月])", lambda _: "二"),
    rule(rf"{CLEAR}2(?=对[0-9一二三四](?!夫|恋))", lambda _: "二"),
    rule(rf"{CLEAR}2(?=元[0-9一二三]次)", lambda _: "二"),
    rule(rf"{CLEAR}2(?=层(?!楼))", _storeys),
    rule(rf"{CLEAR}2(?=级(?:台阶|阶梯|楼梯|石阶))", lambda _: "两"),
    rule(rf"{CLEAR}2(?=两(?!个|种|次|人|年|天))", lambda _: "二"),
    rule(r"(?<=[A-Za-z])[0-9]{1,4}\.[0-9]{1,6}(?![0-9]|\.[0-9])", lambda match: numbers.number(match[0])),
    rule(r"(?<=[A-Za-z][.])[0-9]{3,4}(?![0-9.])", lambda match: numbers.digit_by_digit(match[0])),
    *SIGNED,
)


AT_LETTERS: tuple[ReadingRule, ...] = (MONEY_FIRST, rule(UNIT, _unit_of_power))
"""Currencies, and units after a power."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"/(?P<unit>{one_of(UNITS)}){RIGHT}", _per_unit),
    rule(rf"/(?P<length>{one_of(LENGTHS)})(?P<power>[²³]){RIGHT}", _per_area),
    rule(r"/(?:分(?!钟)|min(?![A-Za-z]))", _per_minute),
    rule(
        rf"/(?=每?(?:[0-9]{{0,4}}(?:{MEASURE}|{one_of(UNITS)}{RIGHT})|平(?!方)|月|日|夜|人|课时|盎司|户|次|周|季|股|注|手|平米|两|亩|{one_of(UNITS)}{RIGHT}))",
        _per,
    ),
    rule(r"(?<=[A-Z])\.(?=[0-9]{3})|(?<=[0-9])\.(?=[A-Z]{2}(?![A-Za-z]))", lambda _: "点"),
    rule(r"(?<![0-9A-Za-z年月日号点分时元岁度%℃°万亿千百米])(?<![0-9℃] )~(?=\s?[0-9])", lambda _: "约"),
)
