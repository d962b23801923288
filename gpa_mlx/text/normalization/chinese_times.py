"""Dates, years, festivals, times of day and durations in Chinese."""

from __future__ import annotations

import re

from gpa_mlx.text.normalization import chinese_numbers as numbers
from gpa_mlx.text.normalization.chinese_patterns import BLANK, DASH, NO_MORE, after, before
from gpa_mlx.text.normalization.chinese_words import QUANTITY_WORDS
from gpa_mlx.text.normalization.rules import CLEAR, RIGHT, ReadingRule, one_of, rule

_MONTH, _DAY = r"(?P<month>0?[1-9]|1[0-2])", r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
_MONTH2, _DAY2 = r"(?P<month2>0?[1-9]|1[0-2])", r"(?P<day2>0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?P<year>[12][0-9]{3})"

_FESTIVAL = (
    r"(?:国际)?(?:劳动节|国庆|儿童节|妇女节|女神节|建军节|建党|青年节|护士节|教师节|大促|购物节|购物|事变|事件|运动|大?地震|晚会"
    r"|消费者|小长假|长假|黄金周|放假|假期|年中|狂欢|促销|活动日|特大地震|纪念日|公祭日|恐袭|表白|告白|袭击|打假|惨案|七?学潮|党的生日)"
)
_DATE_BEFORE = re.compile(
    r"(?:日期|生日|截止|截至|截止到|定于|定在|改到|改为|改至|推迟到|推迟至|延期到|提前到|提前至|预计|有效期|有效期至|时间|期限|档期"
    r"|交期|今天|昨天|明天|后天|前天|今天是|订于|[周星期][一二三四五六日天][,，]?|于|自)(?:日期|时间)?[是为在到至:： (（]{0,2}$"
)
_DATE_AFTER = re.compile(
    r"\s?(?:[(（]?(?:周|星期|礼拜)[一二三四五六日天]|开会|出发|上线|开始|举行|举办|见|之?前(?!两|三|几)|之?后(?=[,，。提交完])|截止"
    r"|到期|发布|晚|上午|下午|早上|早晨|中午|凌晨|傍晚|当天|起|提交|考试|放假|生日|开学|开业|开播|上映|发售|首发|首播|交付|交货|入职"
    r"|离职|报到|面试|更新|到货|发货|回国|返|圣诞|元旦|情人节|平安夜|跨年|端午|中秋|清明|愚人节|万圣|感恩|春节|除夕|会议|直播|比赛"
    r"|预约|结束|完成|的会|的课|的航班|的票|停电|停水|那天|早盘|收盘|行情|报名|集合|签到|维护|休息|不上班|请假|加班|飞|到店|出院|手术"
    r"|体检|聚会|婚礼|答辩|培训|毕业|讲座|生效|过期|有雨|下雨|降温|日报|晨会|例会)"
)
_EVENTS = {(10, 1): "十一", (11, 11): "双十一", (12, 12): "双十二"}
_QUANTITY_BEFORE = re.compile(rf"{one_of(QUANTITY_WORDS)}[:：]?\s?$")
_LONG_BEFORE = re.compile("(?:共|达|近|约|已|有|整整|长达|过了|活了|历时|距今|干了|等了|判了?|延长|长|活|享年|住了|刑期?|隔了?|年龄|超过)$")
_LONG_AFTER = re.compile("年(?:[来间里内前]|以[上来内]|之[久前]|左右|多|历史|寿命|时间|老店|如一日|校庆|庆典|陈|的(?:历史|时间|寿命|风雨|努力|老))")
_DURATION_BEFORE = re.compile(
    r"(?:时长|片长|耗时|用时|历时|成绩|配速|全长|跑出|跑了|纪录|记录|游出|游了|计时|倒计时|总长|长度|音频|视频|录音|剩余时间|停表)"
    r"(?:时间|约|大约|是|为|了|到|在|[:： ]){0,3}$"
)
_RATIO_BEFORE = re.compile(
    r"(?:比分|大比分|总分|战平|半场|全场|终场|首局|打成|战成|扳成|改写为|定格在|定格为|比例|比例尺|比率|配比|浓度比|男女比|宽高比|画面|屏幕|画幅"
    r"|尺寸比|汇率|赔率|稀释|模型|以|按|按照|盘口|体积比|质量比|性价比)[是为约: ：]{0,2}$"
)
_RATIO_AFTER = re.compile(
    r"\s?(?:击败|战胜|取胜|获胜|胜|险胜|惜败|负|领先|落后|大胜|逆转|拿下|赢|输|告负|力克|战平|打平|横扫|淘汰|完胜|不敌|逼平|大败|完败"
    r"|绝杀|扳平|收官|的比分|晋级|轻取|带走|稀释|混合|的比例|配比|兑|比例|屏|画面|画幅|的屏|模型|缩小|放大|还原|复刻|等比|先声夺人)"
)
_PERIODS = ("凌晨", "早上", "上午", "中午", "下午", "晚上")
_PERIOD_BEFORE = re.compile("(?:凌晨|早上?|清晨|上午|中午|下午|傍晚|晚上?|夜里|午后|半夜|深夜)[ :：,，]?$")
_TWELVE = 12


def _said_date(year: str, month: str, day: str) -> str:
    return f"{numbers.digit_by_digit(year)}年{_plain(month)}月{_plain(day)}日"


def _plain(written: str) -> str:
    return numbers.cardinal(written.lstrip("0") or "0")


def _month_day(month: str, day: str) -> str:
    return f"{_plain(month)}月{_plain(day)}日"


def _date(match: re.Match[str]) -> str:
    return _said_date(match["year"], match["month"], match["day"])


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
    known = zero or _DATE_BEFORE.search(before(match)) or _DATE_AFTER.match(after(match))
    return _month_day(month, day) if known else None


def _days(match: re.Match[str]) -> str | None:
    if match["mark"] != "/" and not (_DATE_BEFORE.search(before(match)) or _DATE_AFTER.match(after(match))):
        return None
    return f"{_month_day(match['month'], match['day'])}到{_month_day(match['month2'], match['day2'])}"


def _event(match: re.Match[str]) -> str:
    """Return a festival or event by its month and day: 6·18 is 六一八, 10·1 is 十一."""
    month, day = match["month"], match["day"]
    if (int(month), int(day)) in _EVENTS:
        return _EVENTS[int(month), int(day)]
    return numbers.digit_by_digit(month) + numbers.digit_by_digit(day)


def _years(match: re.Match[str]) -> str:
    high = numbers.digit_by_digit(match["high"])
    return f"{numbers.digit_by_digit(match['low'])}到{high}" if match["low"] else high


def _bc(match: re.Match[str]) -> str:
    """Return years before Christ as a number and others digit by digit: 公元前221年, 公元618年."""
    return numbers.cardinal(match[0]) if before(match, 2).endswith("前") else numbers.digit_by_digit(match[0])


def _short_year(match: re.Match[str]) -> str | None:
    """Return 98 in 98年 as a year, where it is no length of time."""
    written = match[0]
    if _LONG_BEFORE.search(before(match, 6)) or _LONG_AFTER.match(match.string, match.end()):
        return None
    # Round numbers are more often a length of time, as are those below 60.
    with_month = re.match(r"年\s?(?:0?[1-9]|1[0-2])月|年(?:初|底|末|年[初末底]|春|夏|秋|冬|上半年|下半年|款|出生|生|的夏天)", match.string[match.end() : match.end() + 6])
    if written[0] == "0" or with_month or (int(written) > 70 and written[1] != "0") or int(written) in range(61, 70):
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
    if not half and _DURATION_BEFORE.search(text):
        return _stopped([hour, minute, second] if second else [hour, minute])
    words = f"{_hour(hour)}点"
    if minute and (minute != "00" or second):
        words += f"{_minute(minute)}分"
    if second:
        words += f"{_minute(second)}秒"
    if half and int(hour) <= _TWELVE and not _PERIOD_BEFORE.search(text):
        words = _period(int(hour), afternoon=half[0] in "pP") + words
    return words


def _is_ratio(match: re.Match[str], text: str) -> bool:
    return bool(_RATIO_BEFORE.search(text) or _RATIO_AFTER.match(after(match)))


def _stopped(parts: list[str], fraction: str = "") -> str:
    """Return what a stopwatch shows: minutes and seconds, or hours, minutes and seconds."""
    names = ("小时", "分", "秒")[-len(parts) :]
    said = [numbers.counted(str(int(part))) + name for part, name in zip(parts, names, strict=True) if int(part)]
    words = "".join(said) or "零秒"
    if not fraction:
        return words
    return (words if words.endswith("秒") else words + "零秒") + numbers.digit_by_digit(fraction)


def _stopwatch(match: re.Match[str]) -> str:
    parts = [part for part in (match["hour"], match["minute"], match["second"]) if part]
    return _stopped(parts, match["fraction"])


def _primes(match: re.Match[str]) -> str:
    return _stopped([match["minute"], match["second"]], match["fraction"] or "")


def _hour_and_minute(match: re.Match[str]) -> str:
    return f"{_hour(match['hour'])}{match['of']}{_minute(match['minute'])}"


def _hour_of_half(match: re.Match[str]) -> str:
    words = _hour(match["hour"]) + "点"
    if _PERIOD_BEFORE.search(before(match)) or int(match["hour"]) > _TWELVE:
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

_FOLLOWED_YEAR = (
    r"(?:年度|年级的?|年[级代]|[年届款版]|赛季|学年|财年|奥运|世界杯|春晚|欧洲杯|亚运|春节|高考|中考|考研|国考|新年|元旦|财报|春夏|秋冬|冬奥"
    r"|亚冬|全运|世博|巴黎|东京|北京|里约|伦敦|卡塔尔|杭州|中国|全球|全国|世界|国际|毕业|校招|秋招|春招|跨年|双十一|双11|暑期|暑假|寒假|央视|最新)"
)

AT_DIGITS: tuple[ReadingRule, ...] = (
    rule(rf"{CLEAR}{_YEAR}(?P<mark>[-/.]){_MONTH}(?P=mark){_DAY}(?![0-9]|[-/.][0-9])", _date),
    rule(
        rf"{CLEAR}(?P<first>[0-9]{{1,2}})/(?P<second>[0-9]{{1,2}})/(?P<last>(?:19|20)[0-9]{{2}}|[0-9]{{1,2}})(?![0-9]|[-/.][0-9])",
        _date_year_last,
    ),
    rule(rf"{CLEAR}(?P<month>1[0-2]|[1-9])[.·・•‧∙](?P<day>[12][0-9]|3[01]|[1-9])(?=[”」』]?{_FESTIVAL})", _event),
    rule(rf"{CLEAR}(?P<month>1[0-2]|[1-9])/(?P<day>[12][0-9]|3[01]|[1-9])(?=(?:国际)?(?:劳动节|国庆|大促|事变|事件))", _event),
    rule(rf"{CLEAR}(?P<month>1[0-2]|[1-9])[·・•‧∙](?P<day>[12][0-9]|3[01]|[1-9])(?![0-9])", _event),
    rule(
        rf"{CLEAR}{_MONTH}(?P<mark>[/.]){_DAY}{BLANK}?(?:{DASH}|到|至){BLANK}?{_MONTH2}(?P=mark){_DAY2}(?![0-9]|[-/.][0-9])",
        _days,
    ),
    rule(rf"{CLEAR}{_MONTH}(?P<mark>[-/.]){_DAY}(?![0-9]|[-/.:][0-9]|[%℃°]|{BLANK}?[A-Za-z])", _date_of_day),
    rule(rf"{CLEAR}{_MONTH}\.{_DAY}(?=[号日](?![线楼]))", lambda match: f"{_plain(match['month'])}月{_plain(match['day'])}"),
    rule(rf"{CLEAR}(?P<year>(?:19|20)[0-9]{{2}})(?:-(?P<month>0[1-9]|1[0-2])|/(?P<month_>0[1-9]|1[0-2]))(?![0-9]|[-/.][0-9]|年)", lambda match: f"{numbers.digit_by_digit(match['year'])}年{_plain(match['month'] or match['month_'])}月"),
    rule(
        rf"{CLEAR}(?:(?P<low>[12][0-9]{{3}})(?:{DASH}|到|至))?(?P<high>(?:1[1-9]|20)[0-9]{{2}})(?={BLANK}?{_FOLLOWED_YEAR})",
        _years,
    ),
    rule(rf"{CLEAR}(?P<low>(?:19|20)[0-9]{{2}}){DASH}(?P<high>(?:19|20)[0-9]{{2}})(?![0-9.,]|{BLANK}?[元块人个台万美件])", _years),
    rule(r"(?:(?<=公元)|(?<=公元前)|(?<=纪元前)|(?<=西元)|(?<=西元前))[0-9]{1,4}(?=年)", _bc),
    rule(rf"{CLEAR}[0-9]{{2}}(?=年(?![级代度]))", _short_year),
    rule(
        rf"{CLEAR}(?P<minute>[0-9]{{1,2}})['′’](?P<second>[0-5][0-9])(?:[\"″”]|''|’’)(?P<fraction>[0-9]{{1,3}}(?![0-9]))?",
        _primes,
    ),
    rule(
        rf"{CLEAR}(?:(?P<hour>[0-9]{{1,2}}):)?(?P<minute>[0-9]{{1,2}}):(?P<second>[0-5][0-9])\.(?P<fraction>[0-9]{{1,3}})(?![0-9.])",
        _stopwatch,
    ),
    rule(
        rf"{CLEAR}(?P<half_before>(?!))?(?P<hour>[01]?[0-9]|2[0-4])[:：](?P<minute>[0-5][0-9])(?:[:：](?P<second>[0-5][0-9]))?"
        rf"(?:{BLANK}?{_HALF})?(?![0-9:：])",
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

AT_LETTERS: tuple[ReadingRule, ...] = (
    rule(
        rf"(?<![A-Za-z])(?P<half_before>[AaPp][Mm]){BLANK}?(?P<hour>0?[0-9]|1[0-2]):(?P<minute>[0-5][0-9])(?P<second>(?!))?(?P<half>(?!))?(?![0-9:])",
        _clock,
    ),
)

RANGE_OF_DAYS = rule(
    r"(?<=[周期拜][一二三四五六日天]){0}{1}{0}(?=(?:周|星期|礼拜)?[一二三四五六日天](?!\w{{0,1}}月))".format(f"{BLANK}?", DASH), lambda _: "到"
)
"""周一-周五."""
