"""Chinese number words, against an independent way back to the number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.text.normalization.chinese_numbers import cardinal, number, telephone

UNITS = {"十": 10, "百": 100, "千": 1000}


def value(words: str) -> int:
    for name, scale in (("亿", 10**8), ("万", 10**4)):
        if name in words:
            head, _, tail = words.rpartition(name)
            return value(head) * scale + (value(tail) if tail else 0)
    total, digit = 0, None
    for character in words:
        if character in UNITS:
            total += (1 if digit is None else digit) * UNITS[character]
            digit = None
        elif character != "零":
            digit = 2 if character == "两" else "零一二三四五六七八九".index(character)
    return total + (digit or 0)


@given(st.integers(0, 10**16 - 1) | st.integers(0, 99_999))
def test_the_words_of_a_number_mean_the_number(expected: int):
    words = cardinal(str(expected))
    assert value(words) == expected
    assert not re.search("零零|零$|零[万亿千百十]", words) or words == "零"


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        *[("0", "零"), ("10", "十"), ("12", "十二"), ("20", "二十"), ("110", "一百一十"), ("105", "一百零五")],
        *[("1005", "一千零五"), ("2200", "两千二百"), ("10050", "一万零五十"), ("100000", "十万"), ("20000", "两万")],
        *[("120000", "十二万"), ("1000500", "一百万零五百"), ("200000000", "两亿"), ("1200000000000", "一万两千亿")],
        *[("007", "零零七"), ("12345678901234567", "一二三四五六七八九零一二三四五六七")],
    ],
)
def test_cardinals(digits: str, words: str):
    assert cardinal(digits) == words


def test_other_numbers():
    assert number("1,234.50") == "一千二百三十四点五零"
    assert number(".5") == "零点五"
    assert telephone("110") == "幺幺零"
