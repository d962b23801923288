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
    **_regular("kg kgs", "kilogram", "公斤"),
    **_regular("g", "gram", "克"),
    **_regular("mg", "milligram", "毫克"),
    **_regular("µg μg", "microgram", "微克"),
    **_regular("t", "ton", "吨"),
    **_regular("lb lbs", "pound", "磅"),
    **_regular("oz", "ounce", "盎司"),
    **_regular("mcg", "microgram", "微克"),
    **_regular("l L", "liter", "升"),
    **_regular("dl dL", "deciliter", "分升"),
    **_regular("cl cL", "centiliter", "厘升"),
    **_regular("ml mL", "milliliter", "毫升"),
    **_regular("µl μl µL μL", "microliter", "微升"),
    **_fixed("cc", "cc", "毫升"),
    **_regular("tbsp", "tablespoon", "汤匙"),
    **_regular("tsp", "teaspoon", "茶匙"),
    **{symbol: Names("fluid ounce", "fluid ounces", "液量盎司") for symbol in ("fl oz", "fl. oz.")},
    **_regular("mol", "mole", "摩尔"),
    **_regular("mmol", "millimole", "毫摩尔"),
    **_regular("µmol μmol", "micromole", "微摩尔"),
    **_regular("IU", "international unit", "国际单位"),
    **_fixed("mmHg", "millimeters of mercury", "毫米汞柱"),
    **_fixed("ppm", "parts per million", "ppm"),
    **_fixed("ppb", "parts per billion", "ppb"),
    **{symbol: Names("square foot", "square feet", "平方英尺") for symbol in ("sq ft", "sq. ft.", "sqft")},
    **{symbol: Names("square inch", "square inches", "平方英寸") for symbol in ("sq in", "sq. in.")},
    **{symbol: Names("square mile", "square miles", "平方英里") for symbol in ("sq mi", "sq. mi.")},
    **{symbol: Names("square kilometer", "square kilometers", "平方公里") for symbol in ("sq km", "sq. km")},
    **{symbol: Names("square meter", "square meters", "平方米") for symbol in ("sq m", "sq. m", "sqm")},
    **{symbol: Names("cubic foot", "cubic feet", "立方英尺") for symbol in ("cu ft", "cu. ft.")},
    **_regular("gal", "gallon", "加仑"),
    **_regular("ha", "hectare", "公顷"),
    **_regular("s sec secs", "second", "秒"),
    **_regular("ms", "millisecond", "毫秒"),
    **_regular("µs μs", "microsecond", "微秒"),
    **_regular("ns", "nanosecond", "纳秒"),
    **_regular("min mins", "minute", "分钟"),
    **_regular("h hr hrs", "hour", "小时"),
    **_regular("wk wks", "week", "周"),
    **_regular("yr yrs", "year", "年"),
    **_regular("mW", "milliwatt", "毫瓦"),
    **_fixed("hp", "horsepower", "马力"),
    **_regular("N", "newton", "牛"),
    **_regular("kN", "kilonewton", "千牛"),
    **_regular("Nm", "newton meter", "牛米"),
    **_regular("lm", "lumen", "流明"),
    **_fixed("lx", "lux", "勒克斯"),
    **_fixed("psi", "P S I", "磅每平方英寸"),
    **_regular("mbar", "millibar", "毫巴"),
    **_regular("MPa", "megapascal", "兆帕"),
    **_regular("mV", "millivolt", "毫伏"),
    **_regular("kΩ", "kilohm", "千欧"),
    **_regular("kn kt", "knot", "节"),
    **_regular("MP", "megapixel", "百万像素"),
    **_regular("PB", "petabyte", "拍字节"),
    **_regular("GiB", "gibibyte", "吉字节"),
    **_regular("MiB", "mebibyte", "兆字节"),
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
    **_fixed("mpg", "miles per gallon", "英里每加仑"),
    **_fixed("bpm", "beats per minute", "次每分钟"),
    **_fixed("wpm", "words per minute", "词每分钟"),
    **_fixed("THz", "terahertz", "太赫兹"),
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
    **_regular("° deg", "degree", "度"),
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


def _dollar(country: str, chinese: str) -> Currency:
    return _DOLLAR._replace(one=f"{country} dollar", many=f"{country} dollars", chinese=chinese)


CURRENCY_SIGNS: dict[str, Currency] = {
    "$": _DOLLAR,
    "US$": _DOLLAR._replace(one="U S dollar", many="U S dollars"),
    "HK$": _DOLLAR._replace(one="Hong Kong dollar", many="Hong Kong dollars", chinese="港元"),
    **{sign: _dollar("Canadian", "加元") for sign in ("C$", "CA$")},
    **{sign: _dollar("Australian", "澳元") for sign in ("A$", "AU$")},
    "NZ$": _dollar("New Zealand", "新西兰元"),
    "NT$": Currency("New Taiwan dollar", "New Taiwan dollars", "", "", "新台币"),
    "S$": _dollar("Singapore", "新加坡元"),
    "R$": Currency("real", "reais", "centavo", "centavos", "雷亚尔"),
    "€": _EURO,
    "£": _POUND,
    "¥": _YUAN,
    "₩": Currency("won", "won", "", "", "韩元"),
    "₹": Currency("rupee", "rupees", "paisa", "paise", "卢比"),
    "₽": Currency("ruble", "rubles", "kopeck", "kopecks", "卢布"),
    "₺": Currency("lira", "lira", "kuruş", "kuruş", "里拉"),
    "₫": Currency("dong", "dong", "", "", "越南盾"),
    "₱": Currency("peso", "pesos", "centavo", "centavos", "比索"),
    "฿": Currency("baht", "baht", "satang", "satang", "泰铢"),
    "₪": Currency("shekel", "shekels", "agora", "agorot", "谢克尔"),
    "₦": Currency("naira", "naira", "kobo", "kobo", "奈拉"),
    "₴": Currency("hryvnia", "hryvnias", "kopiyka", "kopiykas", "格里夫纳"),
    "₿": Currency("bitcoin", "bitcoins", "", "", "比特币"),
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
    "CAD": CURRENCY_SIGNS["C$"],
    "AUD": CURRENCY_SIGNS["A$"],
    "NZD": CURRENCY_SIGNS["NZ$"],
    "SGD": CURRENCY_SIGNS["S$"],
    "TWD": CURRENCY_SIGNS["NT$"],
    "INR": CURRENCY_SIGNS["₹"]._replace(one="Indian rupee", many="Indian rupees"),
    "KRW": CURRENCY_SIGNS["₩"],
    "BRL": CURRENCY_SIGNS["R$"],
    "RUB": CURRENCY_SIGNS["₽"],
    "THB": CURRENCY_SIGNS["฿"],
    "MXN": Currency("Mexican peso", "Mexican pesos", "centavo", "centavos", "墨西哥比索"),
    "SEK": Currency("Swedish krona", "Swedish kronor", "", "", "瑞典克朗"),
    "NOK": Currency("Norwegian krone", "Norwegian kroner", "", "", "挪威克朗"),
    "DKK": Currency("Danish krone", "Danish kroner", "", "", "丹麦克朗"),
    "PLN": Currency("zloty", "zlotys", "grosz", "groszy", "兹罗提"),
    "ZAR": Currency("rand", "rand", "cent", "cents", "兰特"),
    "CHF": Currency("Swiss franc", "Swiss francs", "", "", "瑞士法郎"),
}
"""What stands before or after an amount."""
