"""Digits that are no amount: telephone numbers, codes, plates, rooms, flights, names, models, versions."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import BLANK, NO_AMOUNT, NO_MORE, after, before
from gpa_mlx.text.normalization.chinese_words import (
    BRANDS,
    CALLED_BEFORE,
    CALLED_BY_DIGITS,
    CODE_WORDS,
    DESIGNATORS,
    QUANTITY_WORDS,
    SERVICE_NUMBERS,
    SPOKEN_NUMBER_WORDS,
    TELEPHONE_WORDS,
)
from gpa_mlx.text.normalization.rules import CLEAR, LEFT, RIGHT, ReadingRule, one_of, rule

_FILLER = r"(?:号码|号|码|是|为|就|叫|设|填|写|输|入|成|了|我|他|她|改|有|[:：=\s\"“'‘(（\[【《])"
_OTHERS = r"(?:[0-9A-Za-z][0-9A-Za-z -]{2,24}[、/,，;；或和及与]\s?){0,3}"
_TELEPHONE_BEFORE = re.compile(rf"{one_of(TELEPHONE_WORDS)}{_FILLER}{{0,6}}{_OTHERS}$")
_SPOKEN_BEFORE = re.compile(rf"{one_of(SPOKEN_NUMBER_WORDS)}{_FILLER}{{0,4}}{_OTHERS}$")
_CODE_BEFORE = re.compile(rf"{one_of(CODE_WORDS)}{_FILLER}{{0,6}}{_OTHERS}$")
_LONGEST_BEFORE = 48
_NOT_BEFORE = re.compile("(?:分不清|攻|击|殴|暴|拍|痛|主|吊|敲|安|抽|单|双|扭)打$")

_QUANTITY_BEFORE = re.compile(rf"{one_of(QUANTITY_WORDS)}[:：]?\s?$|[$€£¥+=×÷<>≥≤/-]$")
_WHEEL = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
_CARRIERS = one_of(
    "CA MU CZ HU ZH MF SC 3U 9C HO FM KN GS EU TV JD CX KA CI BR SQ UA AA DL BA LH AF NH JL KE OZ EK QR TG MH NX UO HX GJ".split()
)
_RIDE_BEFORE = re.compile("(?:坐|乘|搭|高铁|动车|列车|火车|车次|航班|车票|换|赶|改签|上了?|订|买|买了|的)[是为:： ]{0,2}$")
_RIDE_AFTER = re.compile(r"\s?(?:次|列车|高铁|动车|火车|航班|客机|飞机|的票|车票|班机|正点|晚点|延误|取消|起飞|降落|到达|到站|检票|(?:从|由)\w)")
_ROOM_BEFORE = re.compile(r"(?:[A-Z\u4e00-\u9fff]座|单元|号楼|[0-9]栋|[A-Z]栋|[0-9]幢|[#＃])[-—\s]?$")
_SHORTEST_CODE = 3
_LONGEST_RUN = 10
"""Digits of the longest number that nobody separated; longer ones are numbers of accounts and telephones."""


def _groups(written: str) -> list[str]:
    return re.findall("[0-9]+", written)


def _after_word(match: re.Match[str]) -> str | None:
    """Return a telephone number or a code, known by the word before it."""
    text = before(match, _LONGEST_BEFORE)
    written = match[0]
    if len(written) < _SHORTEST_CODE and written[0] != "0":
        return None
    if _TELEPHONE_BEFORE.search(text) and written[0].isdigit() and not re.search("[A-Za-z]", written):
        return None if _NOT_BEFORE.search(text) else _telephone(match)
    if _SPOKEN_BEFORE.search(text):
        return numbers.spelled(written, one="幺")
    if not _CODE_BEFORE.search(text):
        return None
    parts = re.split("([-_])", written)
    if len(parts) == 1 or re.fullmatch("[0-9 -]+", written) is None:
        return "".join({"-": "杠", "_": "下划线"}.get(part) or _spelled_groups(part) for part in parts)
    return "杠".join(_spelled_groups(part) for part in written.split("-"))


def _spelled_groups(written: str) -> str:
    return " ".join(numbers.spelled(part) for part in written.split())


def _code_with_letters(match: re.Match[str]) -> str | None:
    written = match[0]
    if not re.search("[0-9]", written):
        return None
    return _after_word(match)


def _telephone(match: re.Match[str]) -> str:
    words = " ".join(numbers.telephone(group) for group in _groups(match[0]))
    if match[0].startswith("+"):
        country = _groups(match[0])[0]
        rest = [numbers.telephone(group) for group in _groups(match[0])[1:]]
        if country.startswith("86") and len(country) > 2:
            rest.insert(0, numbers.telephone(country[2:]))
            country = "86"
        return " ".join([f"加{numbers.telephone(country)}", *rest])
    return words


def _extension(match: re.Match[str]) -> str | None:
    return numbers.telephone(match[0]) if re.search(r"[0-9]\s?(?:转|分机|-|#|\()\s?$", before(match, 6)) else None


def _plate(match: re.Match[str]) -> str | None:
    body = match["body"]
    if not re.search("[0-9]", body):
        return None
    return f"{match['city']} {numbers.spelled(body, one='幺')}"


def _ride(match: re.Match[str]) -> str | None:
    """Return a flight or a train: CA1234, G8."""
    carrier, digits = match["carrier"], match["digits"]
    flight = len(carrier) > 1 and len(digits) > 2
    known = _RIDE_BEFORE.search(before(match, 6)) or _RIDE_AFTER.match(after(match, 6))
    if not known and not (flight and len(digits) == 4):
        return None
    words = numbers.short(digits) if len(digits) < 3 else numbers.telephone(digits)
    return f"{numbers.spelled(carrier)} {words}"


def _room(match: re.Match[str]) -> str | None:
    """Return 1203 after a building or before 室."""
    known = _ROOM_BEFORE.search(before(match, 8))
    if not known and not re.match(r"(?:室|号房|房间|包间|包厢|教室|宿舍|寝室|会议室|病房|房(?!价|地|产|企|贷|东|源|租|屋))", after(match, 4)):
        return None
    return numbers.telephone(match[0])


def _bus(match: re.Match[str]) -> str:
    return numbers.telephone(match[0])


def _called(match: re.Match[str]) -> str | None:
    """Return a number that is a name: 985高校."""
    if _QUANTITY_BEFORE.search(before(match, 5)):
        return None
    return numbers.telephone(match[0]) if match[0] == "211" else numbers.digit_by_digit(match[0])


def _called_before(match: re.Match[str]) -> str | None:
    written = match[0]
    if not re.match(one_of(CALLED_BEFORE[written].split()), match.string[match.end() : match.end() + 6]):
        return None
    if written in ("110", "119", "120", "122", "114", "301", "309", "12345"):
        return numbers.telephone(written)
    return numbers.digit_by_digit(written) if written != "24" else "二十四"


def _service(match: re.Match[str]) -> str | None:
    return None if _QUANTITY_BEFORE.search(before(match, 5)) else numbers.telephone(match[0])


def _brand(match: re.Match[str]) -> str:
    digits = match["digits"]
    plain = len(digits) > 3 and digits.endswith("000")
    return (match["blank"] or "") + (numbers.cardinal(digits) if plain else numbers.short(digits))


def _named(match: re.Match[str]) -> str:
    """Return three digits and more after a Latin word: RTX 4090."""
    return numbers.digit_by_digit(match[0])


def _version(match: re.Match[str]) -> str:
    parts = match[0].split(".")
    if len(parts) == 4 and all(int(part) < 256 for part in parts) and any(len(part) > 2 for part in parts):
        return "点".join(numbers.short(part) for part in parts)  # the address of a computer
    if all(len(part) in (3, 4) for part in parts):
        return " ".join(numbers.telephone(part) for part in parts)
    return "点".join(numbers.cardinal(part) for part in parts)


def _code(match: re.Match[str]) -> str:
    if re.match(r"\s?阵[型容]|的?站位", after(match, 4)):
        return numbers.digit_by_digit(match[0])
    parts = match[0].split("-")
    if len(parts) == 3 and all(len(part) in (3, 4) for part in parts):
        return " ".join(numbers.telephone(part) for part in parts)
    return "杠".join(numbers.digit_by_digit(part) for part in parts)


def _digits(match: re.Match[str]) -> str:
    """Return digits that are part of something else: MP3, A380."""
    return numbers.short(match[0])


_GROUPED = r"[0-9]{2,}(?:[ \u00a0-][0-9]{2,}){0,7}"
_GENERAL_PHONE = (
    rf"(?:1[3-9][0-9](?P<mark>[- ]?)[0-9]{{4}}(?P=mark)[0-9]{{4}}"
    rf"|0[0-9]{{1,3}}[- ][2-9][0-9]{{2,3}}[- ]?[0-9]{{3,5}}(?:-[0-9]{{1,5}})?"
    rf"|0[0-9]{{2,3}}[2-9][0-9]{{6,7}}(?:-[0-9]{{1,5}})?"
    rf"|(?:[48]00|0800|0900)[- ]?[0-9]{{3,4}}[- ]?[0-9]{{3,4}}|09[0-9]{{2}}[- ]?[0-9]{{3}}[- ]?[0-9]{{3}}"
    rf"|1[- ]?[2-9][0-9]{{2}}-[0-9]{{3}}-[0-9]{{4}}|[2-9][0-9]{{2}}[-.][2-9][0-9]{{2}}[-.][0-9]{{4}})"
)

AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(
        rf"(?<=[{_WHEEL}])(?P<city>[A-Z])[·•・. -]?(?P<body>[A-Z0-9]{{4,6}}[挂学警港澳]?)(?![0-9A-Za-z])",
        _plate,
    ),
    rule(rf"{LEFT}[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*(?![.@/\\]?[A-Za-z0-9])", _code_with_letters),
    rule(rf"{LEFT}(?P<carrier>{_CARRIERS}|[GDCZTKYLS])-?(?P<digits>[0-9]{{1,4}})(?![0-9A-Za-z.])", _ride),
)
"""Plates, codes with letters, flights and trains."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule(rf"\+[0-9]{{1,4}}[- ]?(?:\(?[0-9]{{1,4}}\)?[- ]?)?[0-9]{{3,5}}(?:[- ]?[0-9]{{3,5}}){{1,2}}{NO_MORE}", _telephone),
    rule(rf"[(（]\+?0?[0-9]{{2,4}}[)）]{BLANK}?[0-9]{{3,4}}[- ]?[0-9]{{4}}{NO_MORE}", _telephone),
)
"""+86 138 1234 5678 and (010)12345678."""

AFTER_WORDS: tuple[ReadingRule, ...] = (
    rule(rf"{LEFT}(?P<carrier>3U|9C)(?P<digits>[0-9]{{4}}){RIGHT}", _ride),
    rule(rf"{CLEAR}(?<!第){_GROUPED}(?:[A-Za-z][A-Za-z0-9]*)?(?![A-Za-z]){NO_AMOUNT}(?![-+])", _after_word),
    rule(rf"{CLEAR}(?<!第)[0-9]{{2,}}{NO_AMOUNT}(?![-])", _after_word),
    rule(rf"{LEFT}[0-9]+[A-Za-z][A-Za-z0-9]*{RIGHT}(?![.,:/][0-9])", _after_word),
)
"""Digits that a word before them explains."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}{_GENERAL_PHONE}{RIGHT}{NO_MORE}(?!-[0-9])", _telephone),
    rule(rf"(?<![0-9A-Za-z.])[0-9]{{1,5}}{NO_AMOUNT}", _extension),
    rule(
        rf"{CLEAR}(?<![0-9] )[0-9]{{4}}(?: [0-9]{{4}}){{2,4}}(?: [0-9]{{1,3}})?{RIGHT}(?! ?[0-9]){NO_MORE}",
        lambda match: " ".join(numbers.digit_by_digit(part) for part in match[0].split()),
    ),
    rule(
        r"(?<=[(（])(?:60[0135]|00[0-3]|30[01]|68[89])[0-9]{3}(?=[)）.])", lambda match: numbers.digit_by_digit(match[0])
    ),
    rule(
        r"(?<![0-9A-Za-z.,])(?:240|360|480|720|1080|1440|2160|4320)(?=[pPi](?![A-Za-z]))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(rf"{CLEAR}{SERVICE_NUMBERS}{NO_AMOUNT}", _service),
    rule(rf"{CLEAR}(?:95[0-9]{{3}})(?=\s?(?:客服|热线|电话|$|[，。,）)；;]))", _service),
    rule(rf"(?<![0-9A-Za-z.,:])[1-9][0-9]{{2,3}}(?![0-9A-Za-z]|[.,:/][0-9])", _room),
    rule(rf"{CLEAR}[1-9][0-9]{{2}}(?=路(?!口|程|人|段|诸)|国道|省道|县道)", _bus),
    rule(rf"(?<=[GSX])[1-9][0-9]{{2}}(?=国道|省道|县道|高速)", _bus),
    rule(rf"{CLEAR}{one_of(CALLED_BEFORE)}(?=[\u4e00-\u9fffjJ])", _called_before),
    rule(rf"{CLEAR}(?:985(?=/211)|(?<=985/)211)(?![0-9])", _called),
    rule(rf"(?<=985/)211(?![0-9])", _called),
    rule(rf"{CLEAR}{one_of(CALLED_BY_DIGITS)}{NO_AMOUNT}{RIGHT}(?!{BLANK}?[-~～—+×x*=])", _called),
    rule(r"(?<![0-9A-Za-z.])9[02578](?=号?(?:汽油|乙醇|油(?!价))|号加)", lambda match: numbers.digit_by_digit(match[0])),
    rule(r"(?<=N)95(?![0-9.])|(?<=AK-)47(?![0-9.])|(?<=AK)47(?![0-9.])", lambda match: numbers.digit_by_digit(match[0])),
    rule(
        rf"(?<=[\u4e00-\u9fff])(?P<blank>){BLANK}?(?P<digits>[0-9]{{3,4}})(?![0-9]|[.,:/][0-9]|{BLANK}?(?:万|亿|元|块|台|架|辆|块钱|部|个|款))",
        lambda match: _brand(match) if re.search(rf"{one_of(BRANDS)}-?$", before(match, 4)) else None,
    ),
    rule(
        r"(?<![0-9A-Za-z.])[0-9]{3}(?=[A-Z]?型?(?:驱逐舰|护卫舰|核潜艇|潜艇|登陆舰|型驱|型护|型战|型导弹|导弹驱逐舰))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(rf"(?<=[A-Za-z] )(?<!Top )(?<!TOP )(?<!No )(?<!NO )[0-9]{{3,5}}(?![0-9A-Za-z]*[.,:/%‰~～-][0-9%]?){NO_AMOUNT}(?![年届级强])", _named),
    rule(r"(?<![0-9][.,:])(?<![0-9])[0-9]{1,9}(?:\.[0-9]{1,9}){2,5}(?![0-9A-Za-z])", _version),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:-[0-9]{{1,9}}){{2,7}}{RIGHT}(?!{BLANK}?[=＝])", _code),
    rule(
        r"(?<=[A-Za-z] )(?<=[A-Z]{2} )[0-9]{4,5}-[0-9]{4}(?![0-9])|(?<=[A-Z]{3}-)[0-9]{4}-[0-9]{4,7}(?![0-9])|(?<=ISO )[0-9]{4,5}[:-][0-9]{4}(?![0-9])",
        lambda match: " ".join(map(numbers.digit_by_digit, _groups(match[0]))),
    ),
    rule(rf"(?<=[0-9]米)[0-9]{{2}}{NO_MORE}|{CLEAR}[05-9][05](?=后)", lambda match: numbers.digit_by_digit(match[0])),
)
"""From what is certain to what is likely."""

NAMED_HYPHEN = rule(
    r"[-－—·](?=[0-9])",
    lambda match: "" if re.search(rf"{one_of(DESIGNATORS)}$", before(match, 4)) or _is_model(match) else None,
)
"""The hyphen between a name and its number: 歼-20."""


def _is_model(match: re.Match[str]) -> bool:
    return bool(
        re.search("[\u4e00-\u9fff]$", before(match, 1))
        and re.match(r"[0-9]{1,4}[A-Z]?(?:型|号|式|战|隐|舰|机|导弹|火箭|轰炸|运输|歼击|直升|武装|卫星|飞船|探测器|坦克)", after(match, 10))
    )


DIGITS_ONLY = rule("[0-9]+", _digits)
LONGEST_RUN = _LONGEST_RUN
