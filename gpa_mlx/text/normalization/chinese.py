"""The Chinese grammar."""

from __future__ import annotations

from gpa_mlx.text.normalization import chinese_amounts, chinese_codes, chinese_formulas, chinese_letters, chinese_times
from gpa_mlx.text.normalization.chinese_patterns import BLANK, DASH
from gpa_mlx.text.normalization.chinese_words import SIGNS
from gpa_mlx.text.normalization.rules import Grammar, one_of, rule

GRAMMAR = Grammar(
    letters=chinese_letters.AT_LETTERS,
    digits=(
        *chinese_letters.ADDRESSES,
        *chinese_codes.AFTER_WORDS,
        chinese_formulas.RESULTS,
        *chinese_times.AT_DIGITS,
        chinese_times.AFTER_DURATION,
        *chinese_codes.AT_DIGITS,
        *chinese_formulas.AT_DIGITS,
        *chinese_amounts.AT_DIGITS,
        chinese_codes.DIGITS_ONLY,
    ),
    signs=(
        chinese_amounts.MONEY_FIRST,
        *chinese_codes.AT_SIGNS,
        *chinese_letters.AT_SIGNS,
        *chinese_formulas.AT_SIGNS,
        *chinese_amounts.AT_SIGNS,
        chinese_codes.FILING_HYPHEN,
        chinese_times.RANGE_OF_DAYS,
        chinese_times.RANGE_OF_HOURS,
        chinese_times.RANGE_IN_WORDS,
        chinese_times.RANGE_TO_DAYTIME,
        chinese_codes.NAMED_HYPHEN,
        rule(r"(?<=[A-Za-z][0-9])-(?=[0-9]{3})", lambda _: " "),
        rule(rf"(?<=[0-9年月日号点分时元岁度%℃万亿千百]){BLANK}?{DASH}{BLANK}?(?=[0-9])", lambda _: "到"),
        rule(r"(?<=[A-Z][0-9])-(?=[A-Z][0-9]{1,2}(?![0-9A-Za-z]))", chinese_codes.same_letter),
        rule(r"(?:(?<=\w)|(?<=[)）]))\s?\*(?=\s?[0-9])", lambda _: "乘"),
        rule(r"(?<=985)/(?=211)|(?<=九八五)/(?=二幺幺|211)", lambda _: ""),
        rule(r"/(?=共[0-9])", lambda _: "，"),
        rule(rf"{BLANK}?{DASH}{BLANK}?(?=[0-9])", chinese_amounts.amount_before),
        rule(r"(?<=[A-Za-z])-(?=[0-9])", lambda _: " "),
        rule(r"(?<=\w)#", chinese_codes.end_of_tag),
        rule(r"#(?=号?键)", lambda _: "井号" if "号" not in _.string[_.end() : _.end() + 1] else "井"),
        rule(r"[*＊](?=号?键)", lambda _: "星"),
        rule(r"#(?P<digits>[0-9]{4,12})(?![0-9A-Za-z#])", chinese_codes.number_of_item),
        rule(r"(?<![0-9A-Za-z])#(?=[^#\n]{1,40}#)(?=\w)", lambda _: ""),
        rule(r"(?<=[0-9])#(?![#\n])", lambda _: "号"),
        rule(r"#(?=[0-9])", lambda _: "第"),
        rule(r"(?<=\w)#|#(?=[^\W\d])", lambda _: ""),
        *chinese_amounts.SIGNED,
        rule(r"[<＜]=?(?=\s?[-−]?[0-9])", lambda match: "小于等于" if match[0][-1] == "=" else "小于"),
        rule(r"(?<![-=])[>＞]=?(?=\s?[-−]?[0-9])", lambda match: "大于等于" if match[0][-1] == "=" else "大于"),
        rule(r"(?<=[一二三四五六七八九十])[·・•‧∙](?=[一二三四五六七八九十])", lambda _: ""),
        rule(one_of(SIGNS), lambda match: SIGNS[match[0]]),
    ),
)
