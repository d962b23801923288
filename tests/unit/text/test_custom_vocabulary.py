"""The user's own words, and numbers in digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.custom_vocabulary import CustomVocabulary, edit_distance, phonetic_key, read_custom_vocabulary
from gpa_mlx.text.itn import chinese_value, inverse_normalize
from gpa_mlx.text.normalization.chinese_numbers import cardinal

WORDS = CustomVocabulary(
    """
    # my words
    GitHub
    Kubernetes     # the ship's pilot
    IT
    jay son => JSON
    it hub => ITHub
    Mac mini
    PyTorch
    章三 => 张三
    Müller
    C
    """.splitlines()
)


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("push it to github", "push it to GitHub"),
        ("Git hub, git-hub and GITHUB.", "GitHub, GitHub and GitHub."),
        ("git, hub", "git, hub"),
        ("the git hubris", "the git hubris"),
        ("cubernetes", "Kubernetes"),
        ("kubernets runs", "Kubernetes runs"),
        ("a Jay Son file", "a JSON file"),
        ("it is", "it is"),
        ("it hub", "ITHub"),
        ("a macmini", "a Mac mini"),
        ("pie torch", "pie torch"),
        ("pytorches", "pytorches"),
        ("我和章三说", "我和张三说"),
        ("müller", "Müller"),
        ("muller", "muller"),
        ("see", "see"),
        ("", ""),
    ],
)
def test_corrections(heard, written):
    correction = WORDS.correct(heard)
    assert correction.text == written
    assert bool(correction.replacements) == (heard != written)


def test_every_replacement_is_told():
    correction = WORDS.correct("jay son in git hub on cubernetes, GitHub")
    assert [(r.heard, r.written, r.rule, r.start) for r in correction.replacements] == [
        ("jay son", "JSON", "given", 0),
        ("git hub", "GitHub", "spelling", 11),
        ("cubernetes", "Kubernetes", "sound", 22),
    ]


def test_a_sign_inside_a_word_begins_no_comment():
    assert CustomVocabulary(["see sharp => C# # the language"]).correct("see sharp").text == "C#"


def test_the_longest_match_wins():
    words = CustomVocabulary(["new york => NY", "new york city => NYC", "york => Y"])
    assert words.correct("new york city, new york, york").text == "NYC, NY, Y"


def test_what_is_near_two_words_stays():
    assert CustomVocabulary(["Marten", "Martin"]).correct("martan").text == "martan"


@pytest.mark.parametrize(
    "common", ["cloud", "there", "which", "world", "could", "would", "their", "three", "water", "people", "through"]
)
def test_common_words_stay_whatever_is_wanted(common):
    for letter in "aeiou":
        assert CustomVocabulary([common + letter, common.capitalize()]).correct(common).text == common


@pytest.mark.parametrize("line", ["=> JSON", "jay =>", "=>", "..."])
def test_a_line_without_a_word_is_refused(line):
    with pytest.raises(SettingsError, match="Line 2"):
        CustomVocabulary(["fine", line])


def test_lines_that_contradict_are_refused():
    with pytest.raises(SettingsError, match="earlier line"):
        CustomVocabulary(["GitHub", "Github"])
    assert len(CustomVocabulary(["GitHub", "GitHub"])) == 1


def test_reading_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffGitHub\r\njay son => JSON\r\n".encode())
    assert read_custom_vocabulary(path).correct("github jay son").text == "GitHub JSON"
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="UTF-8"):
        read_custom_vocabulary(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_custom_vocabulary(tmp_path / "none")


def test_skeletons_of_what_sounds_alike():
    assert phonetic_key("kubernetes") == phonetic_key("cubernetis")
    assert phonetic_key("phone") == phonetic_key("fone")
    assert phonetic_key("cell") == phonetic_key("sell") != phonetic_key("call")
    assert phonetic_key("apple")[0] == "a"


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_edit_distance_is_a_distance(one, other):
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))


@given(st.text("abcdei 'é,.-三\n", max_size=40))
def test_replacements_explain_the_difference_and_nothing_else_changes(text):
    correction = CustomVocabulary(["Abbacd", "cede => seed", "三a => 三b", "E"]).correct(text)
    rebuilt, position = "", 0
    for replacement in correction.replacements:
        assert text[replacement.start :].startswith(replacement.heard)
        assert replacement.heard != replacement.written
        rebuilt += text[position : replacement.start] + replacement.written
        position = replacement.start + len(replacement.heard)
    assert rebuilt + text[position:] == correction.text


@given(st.text(max_size=40))
def test_no_words_change_nothing(text):
    assert CustomVocabulary([]).correct(text).text == text


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma", "house", "table", "with", "of", "the"]), max_size=8))
def test_words_that_are_not_near_stay(words):
    text = " ".join(words)
    assert CustomVocabulary(["Kubernetes", "PyTorch", "Zürich"]).correct(text).text == text


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("I have one dog and twenty-three cats.", "I have one dog and 23 cats."),
        ("one nine six", "1 9 6"),
        ("a hundred and five people", "105 people"),
        ("three point one four", "3.14"),
        ("the twenty first of May", "the 21st of May"),
        ("in nineteen ninety nine", "in 1999"),
        ("In 19 99", "In 19 99"),
        ("no one knows", "no one knows"),
        ("我有三百二十一块钱", "我有321块钱"),
        ("二零二六年十一月二十一日", "2026年11月21日"),
        ("五月一日三点十分", "5月1日3点10分"),
        ("百分之五十", "50%"),
        ("百分之三点五", "3.5%"),
        ("百分之百", "百分之百"),
        ("三点一四", "3.14"),
        ("五点半", "五点半"),
        ("两万五千三百", "25300"),
        ("三百万人", "300万人"),
        ("三亿五千万", "350000000"),
        ("三万五", "35000"),
        ("一百零五", "105"),
        ("一个人一定万一千万十分", "一个人一定万一千万十分"),
        ("三三两两七上八下一心一意两三百十五六", "三三两两七上八下一心一意两三百十五六"),
        ("", ""),
    ],
)
def test_numbers(heard, written):
    assert inverse_normalize(heard) == written


@given(st.integers(1, 10**12 - 1))
def test_chinese_numbers_are_read_as_they_are_said(value):
    assert chinese_value(cardinal(str(value))) == value


@given(st.text("零一二两三十百千万亿点分", max_size=12))
def test_no_chinese_numeral_is_too_odd(text):
    inverse_normalize(text)


@given(
    st.lists(
        st.sampled_from(["hello", "world,", "tree", "Paul", "e.g.", "don't", "(yes)", "\n", "日本", "é"]), max_size=8
    )
)
def test_text_without_numbers_stays(words):
    text = " ".join(words)
    assert inverse_normalize(text) == text
