"""Which characters are written without blanks, which are words, which are said with a syllable."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from gpa_mlx.synthesis.failure_detector import code_budget
from gpa_mlx.text.cjk import CJK, CJK_LETTERS, SYLLABIC, is_cjk, is_syllabic
from gpa_mlx.text.custom_vocabulary import CustomVocabulary
from gpa_mlx.text.joining import join_segments

_CJK_NAMES = re.compile(
    r"(CJK (UNIFIED|COMPATIBILITY) IDEOGRAPH|CJK RADICAL|CJK STROKE|KANGXI RADICAL|HIRAGANA|KATAKANA(?!-HIRAGANA D)"
    r"|BOPOMOFO|HENTAIGANA|HALFWIDTH KATAKANA LETTER|HANGZHOU NUMERAL|VERTICAL KANA|SQUARED? CJK|SQUARE HIRAGANA"
    r"|(CIRCLED|PARENTHESIZED|SQUARED?) (IDEOGRAPH|KATAKANA)|IDEOGRAPHIC (NUMBER|ITERATION|ANNOTATION))"
)


_NAMES = {c: name for c in map(chr, range(sys.maxunicode + 1)) if (name := unicodedata.name(c, ""))}


def test_every_character_named_after_a_script_without_blanks_is_found_in_all_planes():
    missed = [c for c, name in _NAMES.items() if _CJK_NAMES.match(name) and not (is_cjk(c) and is_syllabic(c))]
    assert missed == []


def test_nothing_of_another_script_is_taken_for_cjk():
    others = re.compile(
        r"(LATIN|GREEK|CYRILLIC|ARABIC|HEBREW|HANGUL|THAI|DEVANAGARI|YI |TANGUT|MONGOLIAN|BRAILLE|EMOJI)"
    )
    assert [c for c, name in _NAMES.items() if others.match(name) and is_cjk(c)] == []


def test_letters_said_with_syllables_are_cjk_letters_and_hangul():
    others = [name for c, name in _NAMES.items() if is_syllabic(c) and not is_cjk(c)]
    assert [name for name in others if "HANGUL" not in name and "KOREAN" not in name] == []


def test_what_is_as_wide_as_an_ideograph_and_a_letter_is_syllabic_or_of_a_script_that_is_not_cjk():
    wide = [c for c in _NAMES if unicodedata.east_asian_width(c) == "W" and c.isalpha()]
    assert [c for c in wide if not is_syllabic(c) and not re.match(r"YI |TANGUT|NUSHU|KHITAN", _NAMES[c])] == []


@pytest.mark.parametrize("character", [*map(chr, (0x20000, 0x2A6DF, 0x2FA1D, 0x30000, 0x3134A, 0x1B000, 0x1F200))])
def test_outside_the_basic_plane(character):
    assert is_cjk(character)
    assert is_syllabic(character)


@pytest.mark.parametrize("character", [*"，。！？：（）Ａ１～「」、・ー　￥", "\uff61"])
def test_their_punctuation_and_full_width_forms_need_no_blank_and_are_no_syllables(character):
    assert is_cjk(character)
    assert not is_syllabic(character) or character in "・ー"


@pytest.mark.parametrize("character", [*"aZé9.,! —“”’…", "\ufdf2", "\ufb50", "\ufeff", "\uffe8", "ꀀ", "ก", "😀"])
def test_neither(character):
    assert not is_cjk(character)
    assert not is_syllabic(character)


@pytest.mark.parametrize("name", ["CJK", "CJK_LETTERS", "SYLLABIC"])
def test_the_character_classes_say_what_the_functions_say(name):
    pattern = re.compile(f"[{ {'CJK': CJK, 'CJK_LETTERS': CJK_LETTERS, 'SYLLABIC': SYLLABIC}[name] }]")
    answers = {"CJK": is_cjk, "SYLLABIC": is_syllabic, "CJK_LETTERS": lambda c: is_cjk(c) and is_syllabic(c)}
    assert [c for c in _NAMES if bool(pattern.match(c)) != answers[name](c)] == []


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (["\U00020000", "\U00020001"], "\U00020000\U00020001"),
        (["\U00030000", "a"], "\U00030000a"),
        (["\ufdf2", "\ufdf2"], "\ufdf2 \ufdf2"),
        (["한국어", "말"], "한국어 말"),
        (["ㄱ", "ㄴ"], "ㄱ ㄴ"),
        (["ｶﾅ", "ｶﾅ"], "ｶﾅｶﾅ"),
        (["カナ", "かな"], "カナかな"),
        (["你好！", "Yes"], "你好！Yes"),
        (["Yes", "no"], "Yes no"),
    ],
)
def test_segments_are_joined_as_their_scripts_are_written(texts, joined):
    assert join_segments(texts) == joined


def test_a_word_of_the_users_does_not_swallow_the_full_stop_after_it():
    assert CustomVocabulary(["GitHub"]).correct("我用github。再见").text == "我用GitHub。再见"


def test_half_width_katakana_get_as_many_codes_as_katakana():
    assert code_budget("ｶ") == code_budget("カ") == code_budget("\U00020000") == code_budget("한") > code_budget("k")
