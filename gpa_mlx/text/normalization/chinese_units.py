"""Units and currencies as they are called in Chinese."""

from __future__ import annotations

from gpa_mlx.text.normalization.latin_edges import RIGHT
from gpa_mlx.text.normalization.rules import one_of
from gpa_mlx.text.normalization.units import CURRENCY_CODES as _CODES
from gpa_mlx.text.normalization.units import CURRENCY_SIGNS as _SIGNS
from gpa_mlx.text.normalization.units import UNITS as _UNITS

_FORMAL = {
    # What people say instead of the names that a standard prescribes.
    **{"KB": "K B", "kB": "K B", "MB": "兆", "GB": "G B", "TB": "T B", "PB": "P B", "GHz": "吉赫兹", "MHz": "兆赫兹"},
    **{"kHz": "千赫兹", "Mbps": "兆", "Gbps": "G", "kbps": "K", "rpm": "转每分钟", "lb": "磅", "lbs": "磅", "V": "伏"},
}
_MORE = {
    **{
        "㎡": "平方米",
        "㎥": "立方米",
        "㎞": "公里",
        "㎏": "公斤",
        "㎝": "厘米",
        "㎜": "毫米",
        "㎎": "毫克",
        "㎖": "毫升",
    },
    **{"㏄": "毫升", "cc": "毫升", "㎢": "平方公里", "㎠": "平方厘米", "㎍": "微克", "㎐": "赫兹", "㎑": "千赫兹"},
    **{
        "㎒": "兆赫兹",
        "㎓": "吉赫兹",
        "㎾": "千瓦",
        "㎿": "兆瓦",
        "㏈": "分贝",
        "㎩": "帕",
        "㎪": "千帕",
        "㎫": "兆帕",
    },
    **{"mmHg": "毫米汞柱", "mol": "摩尔", "mmol": "毫摩尔", "μmol": "微摩尔", "µmol": "微摩尔", "umol": "微摩尔"},
    **{"nmol": "纳摩尔", "pmol": "皮摩尔", "ng": "纳克", "pg": "皮克", "dL": "分升", "dl": "分升", "μL": "微升"},
    **{"µL": "微升", "μl": "微升", "IU": "国际单位", "mIU": "毫国际单位", "N": "牛", "kN": "千牛", "MPa": "兆帕"},
    **{"GPa": "吉帕", "A": "安", "Ah": "安时", "kVA": "千伏安", "mV": "毫伏", "mW": "毫瓦", "kΩ": "千欧", "lm": "流明"},
    **{"lx": "勒克斯", "Sv": "西弗", "mSv": "毫西弗", "μSv": "微西弗", "Bq": "贝可", "bar": "巴", "atm": "大气压"},
    **{"psi": "P S I", "ppm": "P P M", "ppb": "P P B", "bpm": "次每分钟", "dm": "分米", "in": "英寸", "inch": "英寸"},
    **{
        "nit": "尼特",
        "nits": "尼特",
        "N·m": "牛米",
        "Nm": "牛米",
        "MJ": "兆焦",
        "eV": "电子伏",
        "ly": "光年",
        "K": "开",
    },
    **{
        "GWh": "吉瓦时",
        "kW·h": "千瓦时",
        "MWh": "兆瓦时",
        "Kg": "公斤",
        "KG": "公斤",
        "kgs": "公斤",
        "Km": "公里",
        "KM": "公里",
    },
    **{
        "CM": "厘米",
        "MM": "毫米",
        "ML": "毫升",
        "Ml": "毫升",
        "CC": "毫升",
        "sqm": "平方米",
        "hrs": "小时",
        "KW": "千瓦",
    },
    **{
        "º": "度",
        "ºC": "摄氏度",
        "˚C": "摄氏度",
        "˚": "度",
        "pt": "磅",
        "TEU": "标准箱",
        "bp": "个基点",
        "BP": "个基点",
    },
    **{"kw": "千瓦", "kwh": "千瓦时", "Kwh": "千瓦时", "KWH": "千瓦时", "HZ": "赫兹", "hz": "赫兹", "khz": "千赫兹"},
    **{
        "KHz": "千赫兹",
        "KHZ": "千赫兹",
        "MHZ": "兆赫兹",
        "Mhz": "兆赫兹",
        "mhz": "兆赫兹",
        "GHZ": "吉赫兹",
        "ghz": "吉赫兹",
    },
    **{
        "mah": "毫安时",
        "MAH": "毫安时",
        "MAh": "毫安时",
        "mb": "兆",
        "Mb": "兆",
        "gb": "G B",
        "Gb": "G B",
        "tb": "T B",
    },
    **{
        "kb": "K B",
        "db": "分贝",
        "DB": "分贝",
        "Db": "分贝",
        "Kpa": "千帕",
        "KPa": "千帕",
        "kpa": "千帕",
        "KPA": "千帕",
    },
    **{
        "Kcal": "千卡",
        "KCal": "千卡",
        "KCAL": "千卡",
        "cal": "卡",
        "ℓ": "升",
        "KV": "千伏",
        "kv": "千伏",
        "MA": "毫安",
    },
    **{"mins": "分钟", "Min": "分钟", "min": "分钟", "hour": "小时", "hours": "小时", "days": "天", "KWh": "千瓦时"},
    **{
        "mph": "英里每小时",
        "pcs": "件",
        "μm": "微米",
        "Gbit": "吉比特",
        "km²": "平方公里",
        "Mpa": "兆帕",
        "Hz": "赫兹",
    },
}

UNITS: dict[str, str] = {symbol: names.chinese for symbol, names in _UNITS.items() if names.chinese} | _MORE | _FORMAL
UNITS = {symbol: name for symbol, name in UNITS.items() if symbol != "K"}
"""Symbols after a number."""

LENGTHS = ("km", "m", "cm", "mm", "mi", "yd", "ft", "dm", "KM", "CM", "Km")
"""Those whose squares and cubes are units."""

UNIT = (
    rf"(?:(?:(?P<length>{one_of(LENGTHS)})(?P<power>[²³23])|(?P<unit>{one_of(UNITS)}))"
    rf"(?:/(?P<hundred>100)?(?P<per>{one_of(UNITS)})(?P<per_power>[²³23])?)?{RIGHT})"
)
"""A unit after a number: `km`, `m²`, `m2`, `km/h`, `g/cm³`, `L/100km`."""

CURRENCY_SIGNS: dict[str, str] = {
    **{"NT$": "新台币", "C$": "加元", "CA$": "加元", "A$": "澳元", "AU$": "澳元", "S$": "新加坡元", "R$": "雷亚尔"},
    **{"NZ$": "新西兰元", "MOP$": "澳门元", "₽": "卢布", "฿": "泰铢", "₫": "越南盾", "₺": "里拉", "JP¥": "日元"},
    **{"CN¥": "元", "RM": "林吉特", "₱": "比索", "₪": "谢克尔"},
} | {sign: currency.chinese for sign, currency in _SIGNS.items() if currency.chinese}
"""What stands before an amount, and what the amount is then in."""

CURRENCY_CODES: dict[str, str] = {
    **{"TWD": "新台币", "NTD": "新台币", "SGD": "新加坡元", "AUD": "澳元", "CAD": "加元", "NZD": "新西兰元"},
    **{"KRW": "韩元", "THB": "泰铢", "RUB": "卢布", "INR": "卢比", "MOP": "澳门元", "VND": "越南盾", "MYR": "林吉特"},
    **{"USDT": "U S D T"},
} | {code: currency.chinese for code, currency in _CODES.items() if currency.chinese}
"""What stands before or after an amount."""
