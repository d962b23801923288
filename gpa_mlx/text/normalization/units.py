"""Units and currencies: how they are written, and what they are called in both languages."""

from __future__ import annotations

from typing import NamedTuple

from gpa_mlx.text.normalization.rules import RIGHT, one_of


class Names(NamedTuple):
    """A unit in English, one and many, and in Chinese."""

    one: str
    many: str
    chinese: str


def _regular(symbols: str, one: str, chinese: str) -> dict[str, Names]:
    return {symbol: Names(one, one + "s", chinese) for symbol in symbols.split()}


def _fixed(symbols: str, words: str, chinese: str) -> dict[str, Names]:
    return {symbol: Names(words, words, chinese) for symbol in symbols.split()}


UNITS: dict[str, Names] = {
    **_regular("km", "kilometer", "公里"),
    **_regular("m", "meter", "米"),
    **_regular("cm", "centimeter", "厘米"),
    **_regular("mm", "millimeter", "毫米"),
    **_regular("µm μm um", "micrometer", "微米"),
    **_regular("nm", "nanometer", "纳米"),
    **_regular("mi", "mile", "英里"),
    **_regular("yd", "yard", "码"),
    **{"ft": Names("foot", "feet", "英尺")},
    **_regular("kg", "kilogram", "公斤"),
    **_regular("g", "gram", "克"),
    **_regular("mg", "milligram", "毫克"),
    **_regular("µg μg", "microgram", "微克"),
    **_regular("t", "ton", "吨"),
    **_regular("lb lbs", "pound", "磅"),
    **_regular("oz", "ounce", "盎司"),
    **_regular("l L", "liter", "升"),
    **_regular("ml mL", "milliliter", "毫升"),
    **_regular("gal", "gallon", "加仑"),
    **_regular("ha", "hectare", "公顷"),
    **_regular("s sec secs", "second", "秒"),
    **_regular("ms", "millisecond", "毫秒"),
    **_regular("µs μs", "microsecond", "微秒"),
    **_regular("ns", "nanosecond", "纳秒"),
    **_regular("min mins", "minute", "分钟"),
    **_regular("h hr hrs", "hour", "小时"),
    **_regular("W", "watt", "瓦"),
    **_regular("kW", "kilowatt", "千瓦"),
    **_regular("MW", "megawatt", "兆瓦"),
    **_regular("GW", "gigawatt", "吉瓦"),
    **_regular("Wh", "watt hour", "瓦时"),
    **_regular("kWh", "kilowatt hour", "千瓦时"),
    **_regular("V", "volt", "伏"),
    **_regular("kV", "kilovolt", "千伏"),
    **_regular("mA", "milliamp", "毫安"),
    **_regular("mAh", "milliamp hour", "毫安时"),
    **_regular("Ω", "ohm", "欧"),
    **_regular("J", "joule", "焦"),
    **_regular("kJ", "kilojoule", "千焦"),
    **_regular("cal", "calorie", "卡"),
    **_regular("kcal", "kilocalorie", "千卡"),
    **_regular("Pa", "pascal", "帕"),
    **_fixed("hPa", "hectopascals", "百帕"),
    **_regular("kPa", "kilopascal", "千帕"),
    **_fixed("Hz", "hertz", "赫兹"),
    **_fixed("kHz", "kilohertz", "千赫"),
    **_fixed("MHz", "megahertz", "兆赫"),
    **_fixed("GHz", "gigahertz", "吉赫"),
    **_regular("dB", "decibel", "分贝"),
    **_regular("KB kB", "kilobyte", "千字节"),
    **_regular("MB", "megabyte", "兆字节"),
    **_regular("GB", "gigabyte", "吉字节"),
    **_regular("TB", "terabyte", "太字节"),
    **_regular("kbit", "kilobit", "千比特"),
    **_regular("Mbit", "megabit", "兆比特"),
    **_regular("Gbit", "gigabit", "吉比特"),
    **_fixed("kbps", "kilobits per second", "千比特每秒"),
    **_fixed("Mbps", "megabits per second", "兆比特每秒"),
    **_fixed("Gbps", "gigabits per second", "吉比特每秒"),
    **_fixed("mph", "miles per hour", "英里每小时"),
    **_fixed("kph", "kilometers per hour", "公里每小时"),
    **_fixed("rpm", "revolutions per minute", "转每分"),
    **_fixed("fps", "frames per second", "帧每秒"),
    **_fixed("dpi", "dots per inch", "点每英寸"),
    **_regular("px", "pixel", "像素"),
    **{"°C": Names("degree Celsius", "degrees Celsius", "摄氏度")},
    **{"℃": Names("degree Celsius", "degrees Celsius", "摄氏度")},
    **{"°F": Names("degree Fahrenheit", "degrees Fahrenheit", "华氏度")},
    **{"℉": Names("degree Fahrenheit", "degrees Fahrenheit", "华氏度")},
    **_regular("°", "degree", "度"),
}

_LENGTHS = ("km", "m", "cm", "mm", "mi", "yd", "ft")

UNIT = (
    rf"(?:(?:(?P<length>{one_of(_LENGTHS)})(?P<power>[²³23])|(?P<unit>{one_of(UNITS)}))"
    rf"(?:/(?P<per>{one_of(UNITS)})(?P<per_power>[²³23])?)?{RIGHT})"
)
"""A unit after a number: `km`, `m²`, `m2`, `km/h`, `g/cm³`."""


class Currency(NamedTuple):
    """A currency in English, one and many, its hundredth if it is spoken, and in Chinese."""

    one: str
    many: str
    cent: str
    cents: str
    chinese: str


_DOLLAR = Currency("dollar", "dollars", "cent", "cents", "美元")
_EURO = Currency("euro", "euros", "cent", "cents", "欧元")
_POUND = Currency("pound", "pounds", "penny", "pence", "英镑")
_YUAN = Currency("yuan", "yuan", "", "", "元")
_YEN = Currency("yen", "yen", "", "", "日元")

CURRENCY_SIGNS: dict[str, Currency] = {
    "$": _DOLLAR,
    "US$": _DOLLAR._replace(one="U S dollar", many="U S dollars"),
    "HK$": _DOLLAR._replace(one="Hong Kong dollar", many="Hong Kong dollars", chinese="港元"),
    "€": _EURO,
    "£": _POUND,
    "¥": _YUAN,
    "₩": Currency("won", "won", "", "", "韩元"),
    "₹": Currency("rupee", "rupees", "paisa", "paise", "卢比"),
}
"""What stands before an amount. ¥ is the yuan: the model speaks Chinese, not Japanese."""

CURRENCY_CODES: dict[str, Currency] = {
    "USD": CURRENCY_SIGNS["US$"],
    "EUR": _EURO,
    "GBP": _POUND,
    "CNY": _YUAN._replace(chinese="人民币"),
    "RMB": _YUAN._replace(chinese="人民币"),
    "JPY": _YEN,
    "HKD": CURRENCY_SIGNS["HK$"],
    "CHF": Currency("Swiss franc", "Swiss francs", "", "", "瑞士法郎"),
}
"""What stands before or after an amount."""
