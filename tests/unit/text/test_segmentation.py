"""Text cut into passages: where they end, and what holds for any text at all."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.segmentation import split_passages
from tests.support.examples import examples

LONG = "and because the rain had not stopped since the early morning when they left the village behind the hills"

LONG_S = 20.0
"""A search that is not linear takes minutes for the texts measured here; ours a second or two on a slow machine."""

# Written by hand: the text with ‖ where a passage ends.
ENGLISH = [
    "One sentence stands alone here.",
    "The first sentence is this one. ‖The second one comes after it.",
    "Is this the first question here? ‖This is certainly the answer!",
    "Did you really say that to him?! ‖I did, and I would do it again.",
    "What a beautiful morning it is!!! ‖Let us go for a walk together.",
    "“This is what I told them all.” ‖“And this is what they replied.”",
    '"This is what I told them all." ‖"And this is what they replied."',
    '"Where did you leave the old car?" he asked with a smile.',
    "‘Where did you leave the car?’ she asked. ‖‘It is behind the old house.’",
    "He was late (as he always was.) ‖She did not mind it at all.",
    "(He was late, as he always was.) ‖[She did not mind it at all.]",
    "**This sentence is in bold type.** ‖This one is not, as you can see.",
    "Mr. and Mrs. Smith met Dr. Jones and Prof. Brown in the park.",
    "Gen. Grant and Lt. Col. Burns crossed Mt. Hood with St. John.",
    "We like fruit, e.g. apples, pears, etc. and so on, i.e. everything.",
    "He lives in the U.S. and she lives in the U.K. with her mother.",
    "The U.S. Senate met in Washington on a cold winter day.",
    "They both came from the U.S. ‖The others came from far away places.",
    "J. R. R. Tolkien wrote a long book about a very small ring.",
    "A book by J. K. Rowling and George W. Bush was never written.",
    "He took Vitamin C. It was not enough. ‖He went to see the old doctor.",
    "It is No. 5 in vol. 3, see p. 17, Fig. 2 and Sec. 4 of the book.",
    "I asked him and the answer was no. ‖Then he left without a word.",
    "On Jan. 5 and Feb. 7 we met at 9 a.m. and left at 5 p.m. each time.",
    "The meeting began at about 9 a.m. ‖The last of us left at midnight.",
    "Acme Inc. bought Smith Bros. Ltd. for a lot of money last year.",
    "He works for the famous Acme Inc. ‖They make everything you can buy.",
    "John Smith Jr. met Jane Ph.D. Miller et al. in the old library.",
    "It weighs approx. five pounds, incl. the box and everything in it.",
    "We bought apples, pears, nuts, etc. ‖Nobody was hungry after that.",
    "Smith vs. Jones and Roe v. Wade were decided a long time ago.",
    "Pi is 3.14 and e is 2.718, but version 1.2.3 is none of them.",
    "It cost exactly $3.50 in the shop. ‖That was far too much for me.",
    "The war was over by the end of 1945. ‖People danced in the streets.",
    "We ran version 1.2.3 of the program. ‖Version 2.0 was not out yet.",
    "Wait... he is not coming, is he? ‖He has never been late before.",
    "I do not know what he wanted... ‖He never told me about his plans.",
    "I do not know what he wanted… ‖He never told me about his plans.",
    "He thought . . . and thought again, until the sun was gone.",
    "Open main.py and setup.cfg, then run ./build.sh once more.",
    "All of the code stands in main.py. ‖The tests stand beside it.",
    "See https://example.com/a.b?c=d!e for more about the matter.",
    "Everything is at www.example.com. ‖Nothing else was ever published.",
    "Write to jane.doe@example.co.uk and ask her what she thinks.",
    "N.A.S.A. and the F.B.I. agreed with the B.B.C. on that matter.",
    "iPhones are sold here every day. ‖iPads are sold next door as well.",
    "hello there, how are you doing today? ‖i am fine, thanks for asking.",
    "Yes. No. Perhaps we should go now.",
    "This is a sentence of some length. Yes. ‖Another sentence of some length.",
    "She left the house early today. 😀 ‖He stayed at home with the cat.",
    "He said (and I quote): ‘Never again!’ ‖Then he did it once more.",
]
LINES = [
    "This prose was broken by hand at\nthe end of every line, and still it is\none sentence.",
    "The king went with all of his men to\nLondon, where the queen was waiting.",
    "He told me that his mother knew Mr.\nSmith and the people around him.",
    "The first paragraph stands here.‖\n\nThe second one stands there.",
    "A paragraph without a full stop‖\n\nanother one without a full stop",
    "The first paragraph stands here.‖\r\n\r\nThe second one stands there.",
    "Yes.‖\n\nNo.",
    "The first paragraph stands here.\n\n* * *‖\n\nThe second one stands there.",
    "# A heading‖\nThe text under the heading.‖\n## Another\n",
    "A Heading of Several Words‖\nThe text under the heading goes on.",
    "Shall I compare thee to a summer's day?‖\nThou art more lovely and more temperate:‖\n"
    "Rough winds do shake the darling buds of May,‖\nAnd summer's lease hath all too short a date;",
    "Imagine that there is no heaven‖\nIt is easy if you really try to",
    "- the first item of our list‖\n- the second item of our list‖\n- the third item of our list",
    "* the first item of our list‖\n* the second item of our list",
    "1. Open the door of the house. ‖\n2. Close the door of the house.",
    "(a) open the door of the house‖\n(b) close the door of the house",
    "Do the following: 1. Open the door. 2. Go in. ‖3. Close it again behind you.",
    "- milk\n- eggs\n- bread",
    "They were here in the year\n1984. ‖It was a good year for all of us.",
]
CHINESE = [
    "今天天气真不错。",
    "今天的天气真是不错啊。‖我们一起出去散步好吗？‖这个主意实在是太好了！",
    "他说：“今天的天气真不错。”‖我们都觉得他说得很对。",
    "「今日の天気はとてもいいです。」‖『そうですね、散歩に行きましょう。』",
    "他昨天没有来上课（大概是病了。）‖我们都很担心他的身体。",
    "前半句话说的是这样一件事；‖后半句话说的是另一件事。",
    "他想了很久也没有想出来……‖最后他还是决定放弃了。",
    "你为什么要这样对待我呢？！‖我从来没有做过对不起你的事。",
    "好。我们明天早上八点钟再见面吧。",
    "圆周率大约是3.14，版本是1.2.3，文件是main.py。",
    "他在看一本关于Python的书。‖It is a very good book, he said.",
    "我的名字叫做王小明.我是一个学生!你呢?我很高兴认识你",
    "第一段话到这里就结束了‖\n\n第二段话从这里才开始",
    "床前明月光疑是地上霜‖\n举头望明月低头思故乡",
    "一、打开大门走进去看一看‖\n二、关上大门走出来等一等",
    "请看https://example.com/a.b?c=d这个网页，里面什么都有。",
]


@pytest.mark.parametrize("case", ENGLISH + LINES + CHINESE)
def test_passages_end_where_a_reader_would_stop(case):
    expected = [part.strip() for part in case.split("‖")]
    assert [passage.text for passage in split_passages(case.replace("‖", ""))] == expected


@pytest.mark.parametrize(
    ("case", "max_chars"),
    [
        ("She opened the old door; ‖she saw nothing, and left.", 40),
        ("She opened the old door, ‖saw nothing and left.", 40),
        ("She opened the old door — ‖and saw nothing there.", 40),
        ("She opened the old door—‖and saw nothing there.", 40),
        ("She opened the old door ‖because she saw nothing.", 40),
        ("She opened the old door ‖of the oldest house.", 40),
        ("She saw 1,000,000 people ‖with 3.14159265 dogs.", 32),
        ("Donaudampfschifff‖ahrtsgesellschaft", 30),
        ("https://example.com/‖some/path/of/files", 30),
        ("她打开了那扇很旧很旧的门，‖然后看见里面什么也没有。", 22),
        ("苹果香蕉葡萄西瓜桃子、‖草莓樱桃荔枝芒果菠萝", 20),
        ("她打开了那扇很旧的门‖但是里面什么也没有看见", 20),
        ("她打开了那扇很旧的门走‖进去里面什么也没有看见", 20),
        ("她打开那扇门看见了‖3.14159265个人", 20),
    ],
)
def test_a_long_sentence_is_cut_at_its_best_place(case, max_chars):
    passages = split_passages(case.replace("‖", ""), max_chars=max_chars)
    assert [passage.text for passage in passages] == [part.strip() for part in case.split("‖")]
    assert [passage.pause for passage in passages] == ["clause"] * (len(passages) - 1) + ["paragraph"]


def test_a_sentence_a_little_too_long_leaves_no_tiny_rest():
    words = split_passages("word " * 41)
    assert [len(passage.text) for passage in words] == pytest.approx([102, 102], abs=5)


def test_pauses_and_places():
    text = "  The first sentence is this one. The second one is the last.\n\nThe end.  "
    found = [(passage.start, passage.end, passage.pause) for passage in split_passages(text)]
    assert found == [(2, 33, "sentence"), (34, 61, "paragraph"), (63, 71, "paragraph")]
    (cut, rest) = split_passages(LONG + " " + LONG)
    assert (cut.pause, rest.pause) == ("clause", "paragraph")


def test_tiny_sentences_stay_alone_where_nothing_fits():
    full = "b" * 190 + "."
    assert [passage.text for passage in split_passages(f"{full} Yes it is. {full}")] == [full, "Yes it is.", full]
    assert len(split_passages("Yes. No. Why? So. " * 100)) == 10


@pytest.mark.parametrize("text", ["", " \n\n\t", "...", "?!", "。！", "-- ** --\n\n***", "😀", "." * 500])
def test_text_without_letters_has_no_passages(text):
    assert split_passages(text) == ()


def test_a_run_of_signs_that_no_passage_can_hold_keeps_its_ends():
    first, second = split_passages("one" + "-" * 300 + "two")
    assert (first.text, second.text) == ("one" + "-" * 99, "-" * 99 + "two")
    (whole,) = split_passages("one " + "-" * 150 + " two")
    assert len(whole.text) == 158


def test_a_long_run_of_signs_is_divided_between_whole_characters():
    couple = "👩\u200d👩"
    first, second = split_passages("汉" * 5 + "!" + couple * 4 + "汉" * 9, max_chars=20)
    assert (first.text, second.text) == ("汉" * 5 + "!" + couple * 2, couple * 2 + "汉" * 9)


@pytest.mark.parametrize("max_chars", [19, 1, 0, -5])
def test_too_small_a_limit_is_refused(max_chars):
    with pytest.raises(SettingsError, match="too short") as caught:
        split_passages("Text.", max_chars=max_chars)
    assert "20" in caught.value.hint


def check(text: str, max_chars: int) -> None:
    """Assert what holds for every text."""
    passages = split_passages(text, max_chars=max_chars)
    assert bool(passages) == any(character.isalnum() for character in text)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end] == passage.text.strip()
        assert len(passage.text) < max_chars
        assert any(character.isalnum() for character in passage.text)
        assert [again.text for again in split_passages(passage.text, max_chars=max_chars)] == [passage.text]
    if passages:
        assert passages[-1].pause == "paragraph"
    assert all(left.end <= right.start for left, right in pairwise(passages))
    kept = {place for passage in passages for place in range(passage.start, passage.end)}
    for run in re.finditer(r"[^\W_]+|[\W_]+", text):
        lost = [place for place in range(*run.span()) if place not in kept and not text[place].isspace()]
        # Only a run of signs that is too long for a passage may lose some, and a text without letters all of them.
        assert not lost or not passages or (not run[0][0].isalnum() and len(run[0]) >= max_chars // 2)


LIMITS = st.sampled_from([20, 21, 30, 60, 200])
WRITTEN = """
the The and I London Mr. Dr. e.g. i.e. U.S. No. 5 3.14 1.2.3 a.m. J. R. main.py https://a.b/c?d=e x@y.org don't word
Word another sentence. Sentence, clause; Why? Yes! wait... “Quoted” (so) [1] - — * # 1. 2) (a) II. No.
"""
WORDS = st.sampled_from(WRITTEN.split())
HAN = st.sampled_from([*"今天的气真不错我们一起出去好", "但是", "因为", "Python", "3.14", "一、", "1.", "（一）"])
HAN_SIGNS = st.sampled_from(
    ["。", "，", "、", "！", "？", "；", "……", "：“", "”", "。”", "「", "」", "（", "）", "\n", " "]
)
ENGLISH_TEXT = st.lists(st.tuples(WORDS, st.sampled_from([" ", " ", " ", "\n", "\n\n", "  "])), max_size=80).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)
CHINESE_TEXT = st.lists(st.one_of(HAN, HAN, HAN, HAN_SIGNS), max_size=150).map("".join)
SIGNS = st.text("aB9汉。.!?,;:-—\"'“”()*#_ \n\u0301\u200d\ud83d\ude00\u1161ﾞ", max_size=120)


@examples(200)
@given(st.one_of(st.text(), SIGNS, st.lists(st.one_of(WORDS, HAN, HAN_SIGNS, st.text())).map("".join)), LIMITS)
@example("This sentence is not tiny at all. it was twenty four long\n1. ", 200)
def test_any_text(text, max_chars):
    check(text, max_chars)


@examples(200)
@given(st.one_of(ENGLISH_TEXT, CHINESE_TEXT, st.tuples(CHINESE_TEXT, ENGLISH_TEXT).map("".join)), LIMITS)
def test_text_like_english_and_chinese(text, max_chars):
    check(text, max_chars)


COMBINED = [
    "e\u0301",
    "n\u0303\u0323",
    "한",
    "ㅎ\u1161",
    "👩\u200d👩\u200d👧",
    "👍🏽",
    "\ud83d\ude00",
    "カ\uff9e",
    "हि",
]


@given(st.lists(st.tuples(st.sampled_from(COMBINED), st.sampled_from("x汉")).map("".join), min_size=15), LIMITS)
def test_combined_characters_stay_whole(parts, max_chars):
    for passage in split_passages("".join(parts), max_chars=max_chars):
        first = passage.text[0]
        assert not unicodedata.category(first).startswith("M")
        assert first not in "\u200d\u1161\uff9e\ude00🏽"
        assert passage.text[-1] not in "\u200d\ud83d"


@given(st.lists(st.sampled_from(["3.14159", "1,000,000", "12:30", "2026", "汉字", "word", "。"]), min_size=8), LIMITS)
def test_numbers_stay_whole(parts, max_chars):
    text = "汉".join(parts)
    ends = {passage.end for passage in split_passages(text, max_chars=max_chars)}
    inside = {place for run in re.finditer(r"[0-9.,:]+", text) for place in range(run.start() + 1, run.end())}
    assert not ends & inside


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        ".",
        "a",
        '"',
        "9",
        "汉",
        "\n",
        " ",
        "\u0301",
        "a'",
        "a. ",
        "a, ",
        "J. ",
        '" .',
        "((",
        "a\n",
        "汉，",
        "a/",
        "A\n- ",
    ],
)
def test_strange_texts_take_no_time(part):
    text = part * (10**5 // len(part))
    begin = time.process_time()
    split_passages(text)
    split_passages("a" + text + "a", max_chars=2000)
    assert time.process_time() - begin < LONG_S


@pytest.mark.slow
def test_a_million_characters_of_prose():
    choose = random.Random(0).choice
    sentences = [case.replace("‖", "") for case in ENGLISH + LINES + CHINESE]
    text = "".join(choose(sentences) + choose(" \n") for _ in range(16_000))
    assert len(text) > 900_000
    begin = time.process_time()
    passages = split_passages(text)
    assert time.process_time() - begin < LONG_S
    assert len(passages) > 10_000
