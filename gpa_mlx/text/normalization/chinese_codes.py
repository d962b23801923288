"""Digits that are no amount: telephone numbers, codes, plates, rooms, flights, names, models, versions."""

from __future__ import annotations

import re

from gpa_mlx.text.cjk import is_syllabic
from gpa_mlx.text.normalization import chinese_context as context
from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import BLANK, NO_MORE, after, before, is_amount
from gpa_mlx.text.normalization.chinese_words import CALLED_AFTER, CALLED_BEFORE, CALLED_BY_DIGITS, SERVICE_NUMBERS
from gpa_mlx.text.normalization.latin_edges import CLEAR, LEFT, RIGHT
from gpa_mlx.text.normalization.rules import LazyPattern, ReadingRule, listed, one_of, rule

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"
_CARRIERS = one_of(
    listed("""
    CA MU CZ HU ZH MF SC 3U 9C HO FM KN GS EU TV JD CX KA CI BR SQ UA AA DL BA LH AF NH JL KE OZ EK QR TG MH NX UO HX GJ
    """)
)
_MOBILE = LazyPattern("1[3-9][0-9]-?[0-9]{4}-?[0-9]{4}$")
_SHORTEST_CODE = 3
_SHORTEST_NUMBER_OF = 5


def _groups(written: str) -> list[str]:
    return re.findall("[0-9]+", written)


def _after_word(match: re.Match[str]) -> str | None:
    """Return a telephone number or a code, known by the word before it."""
    text = before(match, context.LONGEST_CODE_CONTEXT)
    written = match[0].replace(" - ", "-")
    if (len(written) < _SHORTEST_CODE and written[0] != "0") or is_amount(match):
        return None
    if context.TELEPHONE_BEFORE.search(text) and written[0].isdigit() and not re.search("[A-Za-z]", written):
        return None if context.NO_TELEPHONE_BEFORE.search(text) else _telephone(match)
    if context.SPOKEN_NUMBER_BEFORE.search(text):
        return numbers.spelled(written, one="幺")
    if not context.CODE_BEFORE.search(text) and not (
        len(written) >= _SHORTEST_NUMBER_OF and not _MOBILE.match(written) and context.NUMBER_OF_BEFORE.search(text)
    ):
        return None
    groups = written.split("-")
    if len(groups) > 2 and all(group.isdigit() and len(group) in (3, 4) for group in groups):
        return " ".join(map(numbers.digit_by_digit, groups))
    parts = re.split("([-_])", written)
    if len(parts) == 1 or re.fullmatch(r"[0-9\s-]+", written) is None:
        return "".join({"-": "杠", "_": "下划线"}.get(part) or _spelled_groups(part) for part in parts)
    return "杠".join(_spelled_groups(part) for part in written.split("-"))


def _spelled_groups(written: str) -> str:
    return " ".join(numbers.spelled(part) for part in written.split())


def _code_with_letters(match: re.Match[str]) -> str | None:
    written = match[0]
    if written.isalpha() and not (written.isupper() and context.CODE_BEFORE.search(before(match, 12))):
        return None  # a word
    return _after_word(match)


def _telephone(match: re.Match[str]) -> str:
    words = " ".join(numbers.telephone(group) for group in _groups(match[0]))
    if match[0].lstrip("(（").startswith("+"):
        country = _groups(match[0])[0]
        rest = [numbers.telephone(group) for group in _groups(match[0])[1:]]
        if country.startswith("86") and len(country) > 2:
            rest.insert(0, numbers.telephone(country[2:]))
            country = "86"
        return " ".join([f"加{numbers.digit_by_digit(country)}", *rest])
    return words


def _extension(match: re.Match[str]) -> str | None:
    known = context.EXTENSION_BEFORE.search(before(match))
    return numbers.telephone(match[0]) if known and not is_amount(match) else None


def _plate(match: re.Match[str]) -> str | None:
    body = match["body"]
    if not re.search("[0-9]", body):
        return None
    return f"{match['city']} {numbers.spelled(body, one='幺')}"


def _ride(match: re.Match[str]) -> str | None:
    """Return a flight or a train: CA1234, G8."""
    carrier, digits = match["carrier"], match["digits"]
    flight = len(carrier) > 1 and len(digits) > 2
    known = context.RIDE_BEFORE.search(before(match, 6)) or context.RIDE_AFTER.match(after(match, 6))
    if not known and not (flight and len(digits) == 4):
        return None
    words = numbers.short(digits) if len(digits) < 3 else numbers.telephone(digits)
    return f"{numbers.spelled(carrier)} {words}"


def _room(match: re.Match[str]) -> str | None:
    """Return 1203 after a building or before 室."""
    known = context.ROOM_BEFORE.search(before(match, 8)) or (
        context.STOREY_BEFORE.search(before(match, 8)) and not is_amount(match)
    )
    if not known and not context.ROOM_AFTER.match(after(match, 4)):
        return None
    return numbers.telephone(match[0])


def _bus(match: re.Match[str]) -> str:
    return numbers.telephone(match[0])


def _called(match: re.Match[str]) -> str | None:
    """Return a number that is a name: 985高校."""
    text = before(match, 5)
    if is_amount(match) or (
        context.QUANTITY_BEFORE.search(text) and not text.endswith(("到", "至", "是", "有", "985/"))
    ):
        return None
    return numbers.telephone(match[0]) if match[0] == "211" else numbers.digit_by_digit(match[0])


def _called_before(match: re.Match[str]) -> str | None:
    written = match[0]
    if not re.match(one_of(CALLED_BEFORE[written].split()), match.string[match.end() : match.end() + 6]):
        return None
    if written in ("110", "119", "120", "122", "114", "301", "309", "12345"):
        return numbers.telephone(written)
    return numbers.digit_by_digit(written) if written != "24" else "二十四"


def _called_after(match: re.Match[str]) -> str | None:
    """Return the number of a service after what it is for: 火警119."""
    known = re.search(f"(?:{CALLED_AFTER[match[0]]})[:：是 ]?$", before(match, 4))
    return numbers.telephone(match[0]) if known and not is_amount(match) else None


def _service(match: re.Match[str]) -> str | None:
    amount = context.QUANTITY_BEFORE.search(before(match, 5)) or is_amount(match)
    return None if amount else numbers.telephone(match[0])


def _brand(match: re.Match[str]) -> str:
    digits = match["digits"]
    plain = len(digits) > 3 and digits.endswith("000")
    more = f" {numbers.cardinal(match['more'])}" if match["more"] else ""
    return match["blank"] + (numbers.cardinal(digits) if plain else numbers.short(digits)) + more


def _share(match: re.Match[str]) -> str | None:
    """Return the number of a share: in brackets, or before what shares do."""
    in_brackets = before(match, 1) in ("(", "（") and after(match, 1) in (")", "）", ".")
    named = context.SHARE_AFTER.match(after(match)) or (
        context.SHARE_BEFORE.search(before(match, context.LONGEST_CODE_CONTEXT)) and not is_amount(match)
    )
    return numbers.digit_by_digit(match[0]) if in_brackets or named else None


def _postcode(match: re.Match[str]) -> str | None:
    """Return six digits after an address."""
    known = context.ADDRESS_BEFORE.search(before(match)) and not is_amount(match)
    return numbers.digit_by_digit(match[0]) if known else None


def _masked(match: re.Match[str]) -> str:
    """Return the digits of a number whose middle is hidden: 138****5678."""
    one = "幺" if match["low"][0] == "1" and len(match["low"] + match["high"]) < 9 and len(match["low"]) == 3 else "一"
    return " ".join(numbers.spelled(match[name], one=one) for name in ("low", "high"))


def _numbers_of_two(match: re.Match[str]) -> str:
    """Return two telephone numbers or codes with a slash between them."""
    say = numbers.telephone if context.TELEPHONE_BEFORE.search(before(match)) else numbers.digit_by_digit
    return f"{say(match['low'])}，{say(match['high'])}"


def _keys(match: re.Match[str]) -> str | None:
    """Return what is typed on a keypad: #2580#."""
    if not context.KEYS_BEFORE.search(before(match)):
        return None
    return "".join({"#": "井号", "*": "星号"}.get(key) or numbers.digit_by_digit(key) for key in match[0])


def _named(match: re.Match[str]) -> str | None:
    """Return three digits and more after a Latin word: RTX 4090."""
    return None if is_amount(match) else numbers.digit_by_digit(match[0])


def _version(match: re.Match[str]) -> str:
    written, _, port = match[0].partition(":")
    parts = written.split(".")
    if len(parts) == 4 and all(int(part) < 256 for part in parts) and (port or any(len(part) > 2 for part in parts)):
        address = "点".join(numbers.short(part) for part in parts)  # of a computer
        return f"{address}冒号{numbers.digit_by_digit(port)}" if port else address
    if all(len(part) in (3, 4) for part in parts):
        return " ".join(numbers.telephone(part) for part in parts)
    return "点".join(numbers.cardinal(part) for part in parts)


def _code(match: re.Match[str]) -> str:
    if context.FORMATION_AFTER.match(after(match, 4)):
        return numbers.digit_by_digit(match[0])
    parts = match[0].split("-")
    if len(parts[-1]) > 2 and context.ROOM_AFTER.match(after(match, 4)):
        return "杠".join([*map(numbers.short, parts[:-1]), numbers.telephone(parts[-1])])
    if len(parts) == 3 and all(len(part) in (3, 4) for part in parts):
        return " ".join(numbers.telephone(part) for part in parts)
    return "杠".join(numbers.digit_by_digit(part) for part in parts)


def same_letter(match: re.Match[str]) -> str | None:
    """Return the word of a range between places or sizes of one row: B1-B3."""
    start, end = match.span()
    return "到" if match.string[start - 2] == match.string[end] else None


def number_of_item(match: re.Match[str]) -> str | None:
    """Return the long number of a ticket or an issue: #20391."""
    return None if is_amount(match) else numbers.digit_by_digit(match["digits"])


def end_of_tag(match: re.Match[str]) -> str | None:
    """Return nothing for the second sign of #双11#; elsewhere the sign after a number is 号."""
    return "" if context.TAG_BEFORE.search(before(match, context.LONGEST_CODE_CONTEXT)) else None


def _digits(match: re.Match[str]) -> str:
    """Return digits that are part of something else: MP3, A380."""
    return numbers.short(match[0])


_GROUPED = r"[0-9]{2,}(?:(?:[ \u00a0\u202f-]| - )[0-9]{2,}){0,7}"
_GENERAL_PHONE = (
    r"(?:1[3-9][0-9](?P<mark>[- ]?)[0-9]{4}(?P=mark)[0-9]{4}"
    r"|0[0-9]{1,3}(?:[- ]| - )[2-9][0-9]{2,3}[- ]?[0-9]{3,5}(?:-[0-9]{1,5})?"
    r"|00[1-9][0-9]{0,3}[- ][0-9]{6,11}"
    r"|0[0-9]{2,3}-[0-9]{7,8}(?:-[0-9]{1,5})?"
    r"|0[0-9]{2,3}[2-9][0-9]{6,7}(?:-[0-9]{1,5})?"
    r"|(?:[48]00|0800|0900)[- ]?[0-9]{3,4}[- ]?[0-9]{3,4}|09[0-9]{2}[- ]?[0-9]{3}[- ]?[0-9]{3}"
    r"|1[- ]?[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}|[2-9][0-9]{2}[-.][2-9][0-9]{2}[-.][0-9]{4})"
)

AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(
        rf"(?<=[{_PROVINCES}])(?P<city>[A-Z])[·•・‧∙. -]?(?P<body>[A-Z0-9]{{4,6}})(?![0-9A-Za-z])",
        _plate,
    ),
    rule(
        rf"{LEFT}[A-Za-z][A-Za-z0-9]{{0,40}}(?:[-_][A-Za-z0-9]{{1,40}}){{0,6}}(?![.@/\\]?[A-Za-z0-9])",
        _code_with_letters,
    ),
    rule(rf"{LEFT}(?P<carrier>{_CARRIERS}|[GDCZTKYLS])-?(?P<digits>[0-9]{{1,4}})(?![0-9A-Za-z.])", _ride),
)
"""Plates, codes with letters, flights and trains."""

AT_SIGNS: tuple[ReadingRule, ...] = (
    rule(r"[*#](?:[0-9]{1,10}[*#]?){1,4}(?![A-Za-z])", _keys),
    rule(
        rf"\+[0-9]{{1,4}}[- ]?(?:\([0-9]{{1,4}}\)[- ]?|[0-9]{{1,4}}[- ]?)?"
        rf"[0-9]{{3,5}}(?:[- ]?[0-9]{{3,5}}){{1,2}}{NO_MORE}",
        _telephone,
    ),
    rule(
        rf"[(（]\+?0?[0-9]{{2,4}}[)）]{BLANK}?(?:1[3-9][0-9][- ]?[0-9]{{4}}|[0-9]{{3,4}})[- ]?[0-9]{{4}}{NO_MORE}",
        _telephone,
    ),
)
"""+86 138 1234 5678 and (010)12345678."""

AFTER_WORDS: tuple[ReadingRule, ...] = (
    rule(r"(?<![0-9A-Za-z])(?P<low>[0-9]{2,6})\*{2,14}(?P<high>[0-9]{1,5}[Xx]?)(?![0-9A-Za-z])", _masked),
    rule(rf"{LEFT}(?P<carrier>3U|9C)(?P<digits>[0-9]{{4}}){RIGHT}", _ride),
    rule(
        rf"(?<![0-9A-Za-z第])(?<![0-9][.,/]){_GROUPED}(?:[A-Za-z][A-Za-z0-9]*)?(?![A-Za-z]){NO_MORE}(?![-+])",
        _after_word,
    ),
    rule(rf"(?<![0-9A-Za-z第])(?<![0-9][.,/])[0-9]{{2,}}{NO_MORE}(?![-])", _after_word),
    rule(rf"{LEFT}[0-9]+[A-Za-z][A-Za-z0-9]*{RIGHT}(?![.,:/][0-9])", _after_word),
)
"""Digits that a word before them explains."""

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}(?P<low>[0-9]{{5,12}})/(?P<high>[0-9]{{5,12}})(?![0-9A-Za-z]|[./][0-9])", _numbers_of_two),
    rule(r"(?<![0-9A-Za-z])[0-9]{1,10}[*#](?:[0-9]{1,10}[*#]?){0,4}(?![A-Za-z])", _keys),
    rule(rf"{CLEAR}[0-9]{{6}}{NO_MORE}{RIGHT}", _postcode),
    rule(r"(?:(?<=台北)|(?<=创造))101(?![0-9.])", lambda match: numbers.digit_by_digit(match[0])),
    rule(
        r"(?<![0-9A-Za-z])(?:110|119|120|122|114)(?:[、和与及/](?:110|119|120|122|114)){1,4}(?![0-9])",
        lambda match: "".join(
            numbers.telephone(part) if part.isdigit() else part for part in re.split("([0-9]+)", match[0])
        ),
    ),
    rule(rf"{CLEAR}9-5(?=工作制|的?上班|打工)", lambda _: "朝九晚五"),
    rule(
        rf"{CLEAR}24/7(?=的?(?:全天|小时|客服|服务|在线|营业|支持|不间断|运行|待命|监控|开放|值班))",
        lambda _: "七乘二十四",
    ),
    rule(r"(?<=[备证可字第])[0-9]{5,12}(?:-[0-9]{1,3})?(?=号)", _code),
    rule(
        r"(?:(?<=座位)|(?<=座号)|(?<=坐)|(?<=位于)|(?<=座位号)|(?<=座位是)|(?<=座位在)|(?<=车厢))[0-9]{1,2}(?=[A-K](?![A-Za-z]))",
        lambda match: numbers.cardinal(match[0]),
    ),
    rule(r"(?<=《)[12][0-9]{3}(?=》)", lambda match: numbers.digit_by_digit(match[0])),
    rule(rf"{CLEAR}7-11(?=便利|店|超市|买|门店)", lambda _: "七 十一"),
    rule(rf"{CLEAR}{_GENERAL_PHONE}{RIGHT}{NO_MORE}(?!-[0-9])", _telephone),
    rule(rf"(?<![0-9A-Za-z.])[0-9]{{1,5}}{NO_MORE}", _extension),
    rule(
        rf"{CLEAR}(?<![0-9] )[0-9]{{4}}(?: [0-9]{{4}}){{2,4}}(?: [0-9]{{1,3}})?{RIGHT}(?! ?[0-9]){NO_MORE}",
        lambda match: " ".join(numbers.digit_by_digit(part) for part in match[0].split()),
    ),
    rule(
        r"(?<![0-9A-Za-z.,])(?:60[0135]|00[0-3]|30[01]|68[89])[0-9]{3}(?![0-9]|[.,:/-][0-9])",
        _share,
    ),
    rule(
        r"(?<![0-9A-Za-z.,])(?:240|360|480|720|1080|1440|2160|4320)(?=[pPi](?![A-Za-z]))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(rf"{CLEAR}{SERVICE_NUMBERS}{NO_MORE}", _service),
    rule(rf"{CLEAR}(?:95[0-9]{{3}})(?=\s?(?:客服|热线|电话|$|[，。,）)；;]))", _service),
    rule(r"(?<![0-9A-Za-z.,:])[1-9][0-9]{2,3}(?![0-9A-Za-z]|[.,:/][0-9])", _room),
    rule(rf"{CLEAR}[1-9][0-9]{{2}}(?=路(?!口|程|人|段|诸)|国道|省道|县道)", _bus),
    rule(r"(?<=[GSX])[1-9][0-9]{2}(?=国道|省道|县道|高速)", _bus),
    rule(rf"{CLEAR}{one_of(CALLED_BEFORE)}(?=[^\W0-9A-IK-Za-ik-z_])", _called_before),
    rule(rf"{CLEAR}{one_of(CALLED_AFTER)}{NO_MORE}{RIGHT}", _called_after),
    rule(rf"{CLEAR}(?:985(?=/211)|(?<=985/)211)(?![0-9])", _called),
    rule(r"(?<=985/)211(?![0-9])", _called),
    rule(rf"{CLEAR}{one_of(CALLED_BY_DIGITS)}{NO_MORE}{RIGHT}(?!{BLANK}?[-~～—+×x*=])", _called),
    rule(
        r"(?<![0-9A-Za-z.])9[02578](?=号?(?:汽油|乙醇|油(?!价))|号加)", lambda match: numbers.digit_by_digit(match[0])
    ),
    rule(
        r"(?<=N)95(?![0-9.])|(?<=AK-)47(?![0-9.])|(?<=AK)47(?![0-9.])", lambda match: numbers.digit_by_digit(match[0])
    ),
    rule(
        rf"(?<![0-9A-Za-z_])(?<=\w)(?P<blank>){BLANK}?(?P<digits>[0-9]{{3,4}})(?:-(?P<more>[0-9]{{1,4}}))?"
        rf"(?![0-9]|[.,:/][0-9]|{BLANK}?(?:万|亿|元|块|台|架|辆|块钱|部|个|款))",
        lambda match: _brand(match) if context.BRAND_BEFORE.search(before(match, 4)) else None,
    ),
    rule(
        r"(?<![0-9A-Za-z.])[5-9][0-9](?=[A-Z]?(?:式(?!太极)|坦克|步枪|主战))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(
        r"(?<![0-9A-Za-z.])[0-9]{3}(?=[A-Z]?型?(?:驱逐舰|护卫舰|核潜艇|潜艇|登陆舰|型驱|型护|型战|型导弹|导弹驱逐舰))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(
        r"(?<=[A-Z])(?P<low>[0-9]{3})-(?P<high>[0-9]{3,4})(?![0-9A-Za-z])",
        lambda match: f"{numbers.short(match['low'])} {numbers.cardinal(match['high'])}",
    ),
    rule(
        r"(?<![0-9.])[0-9]{1,3}(?=[A-Z](?![A-Za-z]))",
        lambda match: numbers.short(match[0]) if context.DESIGNATED_BEFORE.search(before(match, 5)) else None,
    ),
    rule(r"(?<=[A-Za-z][0-9]-)[0-9]{3,5}(?![0-9]|[.,:/-][0-9])", lambda match: numbers.digit_by_digit(match[0])),
    rule(r"(?<=[A-Za-z]-)[0-9]{3,5}(?![0-9]|[.,:/-][0-9])", _named),
    rule(
        rf"(?<=[A-Za-z] )(?<!Top )(?<!TOP )(?<!No )(?<!NO )[0-9]{{3,5}}"
        rf"(?![0-9A-Za-z]*[.,:/%‰~～-][0-9%]?){NO_MORE}(?![年届级强版])",
        _named,
    ),
    rule(
        r"(?<![0-9][.,:])(?<![0-9])[0-9]{1,9}(?:\.[0-9]{1,9}){2,5}(?![0-9A-Za-z])(?::(?P<port>[0-9]{2,5}))?", _version
    ),
    rule(rf"{CLEAR}[0-9]{{1,9}}(?:-[0-9]{{1,9}}){{2,7}}{RIGHT}(?!{BLANK}?[=＝])", _code),
    rule(
        r"(?<=[A-Z] )[0-9]{4,5}-[0-9]{4}(?![0-9])|(?<=[A-Z]{3}-)[0-9]{4}-[0-9]{4,7}(?![0-9])"
        r"|(?<=ISO )[0-9]{4,5}[:-][0-9]{4}(?![0-9])",
        lambda match: " ".join(map(numbers.digit_by_digit, _groups(match[0]))),
    ),
    rule(
        rf"(?<=[0-9]米)[0-9]{{2}}{NO_MORE}|{CLEAR}[03-9][05](?=后)|(?<=后[、和与跟])[12][05](?=后)",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
)
"""From what is certain to what is likely."""

FILING_HYPHEN = rule(
    r"(?<=号)-(?=[0-9]{1,3}(?![0-9号日元]))",
    lambda match: "杠" if context.FILING_BEFORE.search(before(match, 24)) else None,
)
"""The hyphen after the number of a filing: ICP备12345678号-1."""

NAMED_HYPHEN = rule(
    r"[-－—·](?=[0-9])",
    lambda match: "" if context.DESIGNATOR_BEFORE.search(before(match, 4)) or _is_model(match) else None,
)
"""The hyphen between a name and its number: 歼-20."""


def _is_model(match: re.Match[str]) -> bool:
    return bool(is_syllabic(before(match, 1) or " ") and context.MODEL_AFTER.match(after(match, 10)))


DIGITS_ONLY = rule("[0-9]+", _digits)
