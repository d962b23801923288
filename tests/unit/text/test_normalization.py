"""What holds for the spoken form of any text at all."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.text.normalization import Lexicon, clean_text, normalize_text

# What rules look for, so that they meet in every order.
PIECES = st.sampled_from(
    [
        *"0123456789.,:;/-–—~%°$€£¥+=<>@#&*^()[]'\"!?_ \n\t²½℃№×−，。：（）年月日号点时分第个元万到中文aAxXsSkKmMIVLZé",
        *("10", "12", "05", "30", "100", "1999", "2026", "138", "00138000", "1,000", "..", "--", " - ", "５", "％"),
        *("km", "kg", "m²", "°C", "GB", "am", " p.m.", "USD", "US$", "st", "th", "Nov", "May ", "No.", "Dr.", "St. "),
        *(
            "e.g.",
            "U.S.",
            "etc.",
            "NASA",
            "GPA",
            "WHO ",
            "iOS",
            "Louis ",
            "XIV",
            "http://",
            "www.",
            ".com",
            "C++",
            "24/7",
        ),
        *(
            "the ",
            "in ",
            "call ",
            "word",
            "Smith",
            "拨打",
            "百分之",
            "下午",
            "公里",
            "电话：",
            "w/",
            "PhD",
            "vs",
            "R&D",
            "和",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40)
# Letters that no unit, sign, title or acronym is written with, in lower case: nothing to say differently.
WORDS = st.text(
    alphabet=st.characters(categories=("Ll", "Lo"), exclude_characters="abcdefghijklmnopqrstuvwxyzµμ"), min_size=1
)


@given(TEXTS)
def test_any_text_has_a_spoken_form_that_is_its_own(text: str):
    once = normalize_text(text)
    # A sign that has become a word may stand behind what is markup before words: ">%".
    if clean_text(once).text == once:
        assert normalize_text(once) == once


@given(TEXTS)
def test_no_digit_and_no_sign_with_a_name_is_left(text: str):
    spoken = normalize_text(text)
    assert set(spoken).isdisjoint("0123456789%°$€£¥+=@&²½℃№×")


@pytest.mark.slow
@given(st.lists(WORDS | PIECES, max_size=12))
def test_letters_that_are_no_part_of_a_rule_stay_in_their_order(parts: list[str]):
    names = "年月日号点时分第个元万到中文拨打百分之下午公里电话和ºª"  # the last two are signs of ordinals
    text = "\n".join(parts)
    spoken = iter(normalize_text(text))
    for letter in text:
        if letter.isalpha() and not letter.isascii() and letter not in names and clean_text(letter).text == letter:
            assert letter in spoken


@given(st.text(alphabet=st.characters(categories=("L", "M", "Zs"), exclude_characters="℃℉µμΩ")).map(str.lower))
def test_a_text_of_words_stays_as_it_is(text: str):
    abbreviations = {"vs"}
    # Cleaning folds ligatures and the like, and takes out what is invisible.
    if abbreviations.isdisjoint(text.split()) and clean_text(text).text == text and "\u00a0" not in text:
        assert normalize_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello there, how are you? I'm well - thanks; really (well)…",
        "“Nobody knows,” she said — and left.\r\n\tThe well-known end!",
        "Прощай, мой друг. ¿Qué tal? Ça va.",
        "今天天气很好，我们去公园吧！一百二十三个人。",
        "NATO and Laser, Max. and Min. as they may march; no. Fig leaves.",
        "e\u0301 नमस्ते می\u200cخواهم",
    ],
)
def test_text_without_numbers_and_symbols_comes_back_byte_for_byte(text: str):
    assert normalize_text(text) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "1",
            "1,",
            "-",
            "1-",
            "1.",
            "1:",
            "1/",
            "1 ",
            "a.",
            "A.",
            "a@",
            "a-",
            ".",
            ":",
            "$",
            "$1",
            "%",
            "(",
            "+1 ",
            "~",
        ),
        *(
            "1,111",
            "(212",
            "1x",
            "http://",
            "www.",
            "AB ",
            "St. ",
            "Part I ",
            "w/ ",
            "etc. ",
            "中1",
            "1年",
            "中",
            "/",
            "5 m",
        ),
        *("中1-", "中a-", "密码1、", "第1/", "中#"),
    ],
)
def test_a_long_text_takes_no_longer_for_what_it_is_made_of(unit: str):
    normalize_text(unit)  # rules are compiled once

    def processor_s(chars: int) -> float:
        begin = time.process_time()
        normalize_text((unit * chars)[:chars])
        return time.process_time() - begin

    # Four times the text: four times the time, or sixteen times with a search that is not linear.
    assert processor_s(10_000) < 10 * processor_s(2_500) + 0.2


@given(TEXTS)
def test_what_the_lexicon_says_is_final(text: str):
    lexicon = Lexicon((("word", "USD 5 & C++"),))
    assert normalize_text(f"{text} word 5", lexicon=lexicon).endswith(("USD 5 & C++ five", "USD 5 & C++ 五"))


def test_the_import_compiles_no_grammar():
    script = (
        "import sys; import gpa_mlx.text.normalization as s; "
        "names = {f'gpa_mlx.text.normalization.{name}' for name in ('english', 'chinese')}; "
        "assert names.isdisjoint(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
