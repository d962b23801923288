"""Dates, years, festivals, times of day and durations in Chinese."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_context as context
from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import BLANK, DASH, NO_MORE, after, before, is_amount
from gpa_mlx.text.normalization.latin_edges import CLEAR, RIGHT
from gpa_mlx.text.normalization.rules import ReadingRule, rule

_MONTH, _DAY = r"(?P<month>0?[1-9]|1[0-2])", r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
_MONTH2, _DAY2 = r"(?P<month2>0?[1-9]|1[0-2])", r"(?P<day2>0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?P<year>[12][0-9]{3})"

_EVENTS = {(10, 1): "十一", (11, 11): "双十一", (12, 12): "双十二"}
_TWELVE = 12


def _said_date(year: str, month: str, day: str) -> str:
    return f"{numbers.digit_by_digit(year)}年{_plain(month)}月{_plain(day)}日"


def _plain(written: str) -> str:
    return numbers.cardinal(written.lstrip("0") or "0")


def _month_day(month: str, day: str) -> str:
    return f"{_plain(month)}月{_plain(day)}日"


def _date(match: re.Match[str]) -> str:
    date = _said_date(match["year"], match["month"], match["day"])
    return f"{date}到{_month_day(match['month2'], match['day2'])}" if match["month2"] else date


def _year_month(match: re.Match[str]) -> str:
    return f"{numbers.digit_by_digit(match['year'])}年{_plain(match['month'])}月"


def _date_year_last(match: re.Match[str]) -> str | None:
    first, second, last = match["first"], match["second"], match["last"]
    if len(first) == len(last) == 2 and int(first) > _TWELVE:
        if not (1 <= int(second) <= _TWELVE and 1 <= int(last) <= 31):
            return None
        return _said_date(first, second, last)
    month, day = (first, second) if int(first) <= _TWELVE else (second, first)
    if not (1 <= int(month) <= _TWELVE and 1 <= int(day) <= 31):
        return None
    return _said_date(last if len(last) == 4 else ("20" if int(last) < 50 else "19") + last, month, day)


def _date_of_day(match: re.Match[str]) -> str | None:
    """Return a month and a day, known by what is around them or by a zero in front."""
    month, day = match["month"], match["day"]
    zero = (month[0] == "0" or day[0] == "0") and len(day) == 2
    if match["mark"] == "." and not (month[0] == "0" and len(day) == 2):
        zero = False
    person = context.PERSON_BEFORE.search(before(match)) and context.MOVE_AFTER.match(after(match))
    known = zero or person or context.DATE_BEFORE.search(before(match)) or context.DATE_AFTER.match(after(match))
    return _month_day(month, day) if known else None


def _compact_date(match: re.Match[str]) -> str | None:
    """Return 20240315 as a date, unless it is the number of a filing or a paper."""
    return (
        None
        if is_amount(match) or before(match, 1) in ("备", "证", "字")
        else _said_date(match["year"], match["month"], match["day"])
    )


def _days(match: re.Match[str]) -> str | None:
    if match["mark"] != "/" and not (
        context.DATE_BEFORE.search(before(match)) or context.DATE_AFTER.match(after(match))
    ):
        return None
    return f"{_month_day(match['month'], match['day'])}到{_month_day(match['month2'], match['day2'])}"


def _event(match: re.Match[str]) -> str:
    """Return a festival or event by its month and day: 6·18 is 六一八, 10·1 is 十一."""
    month, day = match["month"], match["day"]
    if (int(month), int(day)) in _EVENTS:
        return _EVENTS[int(month), int(day)]
    return numbers.digit_by_digit(month) + numbers.digit_by_digit(day)


def _shopping(match: re.Match[str]) -> str | None:
    """Return a day of sales without a word after it, beside another: 双11和6.18."""
    return _event(match) if context.SHOPPING_BEFORE.search(before(match)) else None


def _years(match: re.Match[str]) -> str | None:
    if not match["low"] and match.string.startswith("年", match.end()):
        old = match["high"].endswith("00") and context.AGE_AFTER.match(match.string, match.end())
        if old or match["high"] == "1000" or context.LONG_TIME_BEFORE.search(before(match, 6)):
            return None
    high = numbers.digit_by_digit(match["high"])
    return f"{numbers.digit_by_digit(match['low'])}到{high}" if match["low"] else high


def _bc(match: re.Match[str]) -> str:
    """Return years before Christ as a number and others digit by digit: 公元前221年, 公元618年."""
    is_number = before(match, 2).endswith("前") or (len(match[0]) < 4 and match[0].endswith("00"))
    return numbers.cardinal(match[0]) if is_number else numbers.digit_by_digit(match[0])


def _short_year(match: re.Match[str]) -> str | None:
    """Return 98 in 98年 as a year, where it is no length of time."""
    written = match[0]
    if context.LONG_TIME_BEFORE.search(before(match, 6)) or context.LONG_TIME_AFTER.match(match.string, match.end()):
        return None
    # Round numbers are more often a length of time, as are those below 60.
    known = context.SHORT_YEAR_AFTER.match(match.string, match.end())
    if written[0] == "0" or known or (int(written) > 70 and written[1] != "0") or int(written) in range(61, 70):
        return numbers.digit_by_digit(written)
    return None


def _period(hour: int, *, afternoon: bool) -> str:
    if not afternoon:
        return "凌晨" if hour < 5 or hour == _TWELVE else "早上" if hour < 9 else "上午"
    return "中午" if hour == _TWELVE else "下午" if hour < 6 else "晚上"


def _clock(match: re.Match[str]) -> str | None:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    half, text = match["half"] or match["half_before"], before(match)
    if not half and not second and _is_ratio(match, text):
        return None
    if not half and (context.DURATION_BEFORE.search(text) or (second and context.DURATION_AFTER.match(after(match)))):
        return _stopped([hour, minute, second] if second else [hour, minute])
    words = f"{_hour(hour)}点"
    if minute and (minute != "00" or second):
        words += f"{_minute(minute)}分"
    if second:
        words += f"{_minute(second)}秒"
    if half and int(hour) <= _TWELVE and not context.DAYTIME_BEFORE.search(text):
        words = _period(int(hour), afternoon=half[0] in "pP") + words
    return words


def _is_ratio(match: re.Match[str], text: str) -> bool:
    found = context.RATIO_BEFORE.search(text) or context.GAME_BEFORE.search(text)
    return bool(found or context.RATIO_AFTER.match(after(match)))


def _stopped(parts: list[str], fraction: str = "") -> str:
    """Return what a stopwatch shows: minutes and seconds, or hours, minutes and seconds."""
    names = ("小时", "分", "秒")[-len(parts) :]
    words = ""
    for part, name in zip(parts, names, strict=True):
        if int(part):
            words += ("零" if words and part[0] == "0" else "") + numbers.counted(str(int(part))) + name
    words = words.replace("零两", "零二") or "零秒"
    if not fraction:
        return words
    return (words if words.endswith("秒") else words + "零秒") + numbers.digit_by_digit(fraction)


def _stopwatch(match: re.Match[str]) -> str:
    parts = [part for part in (match["hour"], match["minute"], match["second"]) if part]
    return _stopped(parts, match["fraction"])


def _primes(match: re.Match[str]) -> str | None:
    """Return minutes and seconds, or a height in feet and inches."""
    if context.HEIGHT_BEFORE.search(before(match)) or context.HEIGHT_AFTER.match(after(match)):
        return f"{numbers.counted(match['minute'])}英尺{_hour(match['second'])}英寸"
    if len(match["second"]) == 1:
        return None
    return _stopped([match["minute"], match["second"]], match["fraction"] or "")


def _hour_and_minute(match: re.Match[str]) -> str:
    minute = "两" if match["minute"] == "2" else _minute(match["minute"])
    return f"{_hour(match['hour'])}{match['of']}{minute}"


def _hour_of_half(match: re.Match[str]) -> str:
    words = _hour(match["hour"]) + "点"
    if context.DAYTIME_BEFORE.search(before(match)) or int(match["hour"]) > _TWELVE:
        return words
    return _period(int(match["hour"]), afternoon=match["half"][0] in "pP") + words


def _hour(written: str) -> str:
    return numbers.counted(written.lstrip("0") or "0")


def _minute(written: str) -> str:
    return numbers.digit_by_digit(written) if written[0] == "0" else numbers.cardinal(written)


def _tenths(match: re.Match[str]) -> str:
    return numbers.digit_by_digit(match[0])


def _duration(match: re.Match[str]) -> str:
    """Return 2h30m, 1d2h, 5min30s."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s?([A-Za-z]+)", match[0])
    names = {"d": "天", "h": "小时", "m": "分钟", "s": "秒"}
    said = []
    for number, unit in parts:
        name = names[unit[0].lower()]
        said.append((numbers.counted(number), name))
    if said[-1][1] == "秒":
        said = [(number, "分" if name == "分钟" else name) for number, name in said]
    return "".join(number + name for number, name in said)


_H, _M, _S = "(?:h|H|hr|hrs|hours?)", "(?:m|M|min|mins|minutes?)", "(?:s|S|sec|secs|seconds?)"
_HALF = r"(?P<half>[AaPp](?:\.[Mm]\.|[Mm]))"

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(
        rf"{CLEAR}{_YEAR}(?P<mark>[-/.]){_MONTH}(?P=mark){_DAY}"
        rf"(?:{BLANK}?(?:[-–—~～]|到|至){BLANK}?{_MONTH2}(?![-])(?P=mark){_DAY2}(?![0-9]|[-/.][0-9]))?"
        r"(?![0-9]|[/.][0-9]|-(?!(?:19|20)[0-9]{2}[-/.])[0-9])",
        _date,
    ),
    rule(
        rf"{CLEAR}(?P<year>[23][0-9])-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])(?P<month2>(?!))?(?![-0-9])",
        _date,
    ),
    rule(
        rf"{CLEAR}(?P<year>2[0-9])[.](?P<month>0[1-9]|1[0-2])[.](?P<day>0[1-9]|[12][0-9]|3[01]){NO_MORE}{RIGHT}",
        lambda match: (
            None
            if context.VERSION_BEFORE.search(before(match))
            else _said_date(match["year"], match["month"], match["day"])
        ),
    ),
    rule(
        rf"{CLEAR}(?P<year>(?:19|20)[0-9]{{2}})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12][0-9]|3[01]){RIGHT}{NO_MORE}"
        "(?![-+])",
        _compact_date,
    ),
    rule(
        rf"{CLEAR}(?P<year>(?:19|20)[0-9]{{2}})\.(?P<month>0?[1-9]|1[0-2]){NO_MORE}{RIGHT}",
        lambda match: (
            _year_month(match)
            if context.DATE_BEFORE.search(before(match)) or context.MONTH_AFTER.match(after(match))
            else None
        ),
    ),
    rule(
        rf"{CLEAR}(?P<first>[0-9]{{1,2}})/(?P<second>[0-9]{{1,2}})/(?P<last>(?:19|20)[0-9]{{2}}|[0-9]{{1,2}})(?![0-9]|[-/.][0-9])",
        _date_year_last,
    ),
    rule(
        rf"{CLEAR}(?P<month>1[0-2]|[1-9])[.·・•‧∙](?P<day>[12][0-9]|3[01]|[1-9])(?=[”」』]?{context.FESTIVAL})", _event
    ),
    rule(
        rf"{CLEAR}(?P<month>1[0-2]|[1-9])/(?P<day>[12][0-9]|3[01]|[1-9])(?=(?:国际)?{context.HOLIDAY})",
        _event,
    ),
    rule(rf"{CLEAR}(?P<month>1[0-2]|[1-9])[·・•‧∙](?P<day>[12][0-9]|3[01]|[1-9])(?![0-9])", _event),
    rule(rf"{CLEAR}(?P<month>6|11|12)\.(?P<day>18|11|12){NO_MORE}", _shopping),
    rule(
        rf"{CLEAR}{_MONTH}(?P<mark>[/.]){_DAY}{BLANK}?(?:{DASH}|到|至){BLANK}?{_MONTH2}(?P=mark){_DAY2}(?![0-9]|[-/.][0-9])",
        _days,
    ),
    rule(rf"{CLEAR}{_MONTH}(?P<mark>[-/.]){_DAY}(?![0-9]|[-/.:][0-9]|[%℃°]|{BLANK}?[A-Za-z])", _date_of_day),
    rule(
        rf"{CLEAR}{_MONTH}\.{_DAY}(?=[号日](?![线楼]))",
        lambda match: f"{_plain(match['month'])}月{_plain(match['day'])}",
    ),
    rule(
        rf"{CLEAR}(?P<year>(?:19|20)[0-9]{{2}})(?:-(?P<month>0[1-9]|1[0-2])|/(?P<month_>0?[1-9]|1[0-2]))(?![0-9]|[-/.][0-9]|年)",
        lambda match: f"{numbers.digit_by_digit(match['year'])}年{_plain(match['month'] or match['month_'])}月",
    ),
    rule(
        rf"{CLEAR}(?:(?P<low>[12][0-9]{{3}})(?:{DASH}|到|至))?(?P<high>(?:1[0-9]|20)[0-9]{{2}})(?={BLANK}?(?:{context.YEAR_AFTER.pattern}))",
        _years,
    ),
    rule(
        rf"{CLEAR}(?P<low>(?:19|20)[0-9]{{2}}){DASH}(?P<high>(?:19|20)[0-9]{{2}})(?![0-9.,]|{BLANK}?[元块人个台万美件])",
        _years,
    ),
    rule(
        rf"{CLEAR}(?P<low>(?:19|20)[0-9]{{2}})[-–—/](?P<high>[0-9]{{2}})"
        r"(?=赛季|学年|财年|年度|英超|欧冠|NBA|CBA)",
        _years,
    ),
    rule(
        rf"{CLEAR}(?:1[0-9]|20)[0-9]{{2}}{NO_MORE}(?!年|{BLANK}?[0-9A-Za-z])",
        lambda match: numbers.digit_by_digit(match[0]) if context.YEAR_BEFORE.search(before(match)) else None,
    ),
    rule(r"(?<![0-9.,:])0[1-9](?=月)|(?<=月)0[1-9](?=[日号])", lambda match: _plain(match[0])),
    rule(r"(?<![0-9.,:])[5-9]0(?=[-~～到至][5-9][05]后)", lambda match: numbers.digit_by_digit(match[0])),
    rule(rf"(?<={context.ERA})[1-9][0-9]?(?=年)", lambda match: numbers.cardinal(match[0])),
    rule(
        rf"(?<=[(（〔\[【])(?:1[89]|20)[0-9]{{2}}(?=[)）〕\]】](?!{BLANK}?[人个件元]))",
        lambda match: numbers.digit_by_digit(match[0]),
    ),
    rule(r"(?:(?<=公元)|(?<=公元前)|(?<=纪元前)|(?<=西元)|(?<=西元前))[0-9]{1,4}(?=年)", _bc),
    rule(
        rf"{CLEAR}(?:[6-9][1-9]|0[0-9])(?=版(?!本|次|权|块|面))",
        lambda match: None if context.LONG_TIME_BEFORE.search(before(match, 6)) else numbers.digit_by_digit(match[0]),
    ),
    rule(rf"{CLEAR}[0-9]{{2}}(?=年(?![级代度]))", _short_year),
    rule(
        rf"{CLEAR}(?P<minute>[0-9]{{1,2}})['′’](?P<second>[0-5]?[0-9])(?:[\"″”]|''|’’)(?P<fraction>[0-9]{{1,3}}(?![0-9]))?",
        _primes,
    ),
    rule(r"(?<=[0-9]°)(?P<minute>[0-5]?[0-9])['′](?![0-9])", lambda match: f"{numbers.cardinal(match['minute'])}分"),
    rule(
        rf"{CLEAR}(?:(?P<hour>[0-9]{{1,2}}):)?(?P<minute>[0-9]{{1,2}}):(?P<second>[0-5][0-9])\.(?P<fraction>[0-9]{{1,3}})(?![0-9.])",
        _stopwatch,
    ),
    rule(
        rf"{CLEAR}(?P<half_before>(?!))?(?P<hour>[01]?[0-9]|2[0-4])[:：](?P<minute>[0-5][0-9])(?:[:：](?P<second>[0-5][0-9]))?"
        rf"(?:{BLANK}?{_HALF}|分(?![钟之享]))?(?![0-9:：])",
        _clock,
    ),
    rule(rf"{CLEAR}(?P<hour>0?[1-9]|1[0-2]){BLANK}?{_HALF}(?![A-Za-z0-9])", _hour_of_half),
    rule(
        rf"{CLEAR}(?P<hour>[0-9]{{1,2}}){BLANK}?(?P<of>[点时]){BLANK}?(?P<minute>[0-5]?[0-9](?={BLANK}?分)|[0-5][0-9]{NO_MORE}(?!{BLANK}?[万亿元个]))",
        _hour_and_minute,
    ),
    rule(
        rf"{CLEAR}(?:[0-9]+\s?[dD]\s?)?[0-9]+\s?{_H}\s?[0-9]+\s?{_M}(?:\s?[0-9]+\s?{_S})?{RIGHT}"
        rf"|{CLEAR}[0-9]+\s?{_M}\s?[0-9]+\s?{_S}{RIGHT}|{CLEAR}[0-9]+\s?[dD]\s?[0-9]+\s?{_H}{RIGHT}",
        _duration,
    ),
    rule(r"(?<=[0-9]秒)[0-9]{1,3}(?![0-9.])", _tenths),
)

AFTER_DURATION = rule(
    rf"{CLEAR}(?P<minute>[0-9]{{1,3}})[:：](?P<second>[0-5][0-9])(?![0-9:：])",
    lambda match: (
        _stopped([match["minute"], match["second"]]) if context.DURATION_BEFORE.search(before(match)) else None
    ),
)
"""45:30 after the word for how long something is."""

AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(
        rf"(?<![A-Za-z])(?P<half_before>[AaPp][Mm]){BLANK}?(?P<hour>0?[0-9]|1[0-2]):(?P<minute>[0-5][0-9])(?P<second>(?!))?(?P<half>(?!))?(?![0-9:])",
        _clock,
    ),
)

RANGE_IN_WORDS = rule(
    r"(?<=[点半分日月号年元度岁天万亿])(?<![-—~～])[-–—~～](?![-—~～])(?=[零一二两三四五六七八九十百])", lambda _: "到"
)
"""两点半-三点."""

RANGE_TO_DAYTIME = rule(
    rf"(?<=[0-9点分]){BLANK}?{DASH}{BLANK}?(?=次日|翌日|第二天|凌晨|晚上?[0-9]|下午|中午|明早|至今|现在)",
    lambda _: "到",
)
"""21:00-次日6:00."""

RANGE_OF_HOURS = rule(
    rf"(?<=[AaPp][Mm]){BLANK}?{DASH}{BLANK}?(?=[0-9]{{1,2}}(?::[0-9]{{2}}|{BLANK}?[AaPp][Mm]))", lambda _: "到"
)
"""10am-10pm."""

RANGE_OF_DAYS = rule(
    r"(?<=[周期拜][一二三四五六日天]){0}{1}{0}(?=(?:周|星期|礼拜)?[一二三四五六日天](?!\w{{0,1}}月))".format(
        f"{BLANK}?", DASH
    ),
    lambda _: "到",
)
"""周一-周五."""
