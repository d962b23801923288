"""What is taken out of a text before it is read aloud, and where what is left comes from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.text.normalization import clean_text, normalize_text
from gpa_mlx.text.normalization.cleaning import without_markers

CASES = [
    # characters
    ("12\u200b345 and so\u00adft \u202eabc\u202c\ufeff", "12345 and soft abc"),
    ("\x1b[31mred\x1b[0m \x1b]8;;https://a.com\x07link\x1b]8;;\x07 b\bbold\x00", "red link bold"),
    ("Great job👍next 🎉🎉! We 👨\u200d👩\u200d👧 ok 🇺🇸.", "Great job next! We ok."),
    ("👋 Hello 🌍", "Hello"),
    ("你好😀世界", "你好世界"),
    ("Press 1️⃣ then a ➡️ b", "Press 1 then a → b"),
    ("ＡＢＣ１２３％ 20㎡ 20㎞ ﬁne 𝗯𝗼𝗹𝗱 non‑stop", "ABC123% 20m² 20km fine bold non-stop"),
    ("１２：３０，他说：好，１．５", "12:30，他说：好，1.5"),
    ("نعم می\u200cخواهم", "نعم می\u200cخواهم"),
    # HTML
    ("<p>Hello <b>you</b></p><p>x<sup>2</sup> H<sub>2</sub>O</p>", "Hello you\n\nx² H₂O"),
    ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo"),
    ("<table><tr><td>a</td><td>b</td></tr></table>", "a, b"),
    ("a<br>b<br/>c &amp; d&nbsp;e &#65;&#x42; &copy;", "a\nb\nc & d\u00a0e AB ©"),
    ("<!-- no --> yes <script>x=1<2</script><a href='https://a.com/?a=1>2'>link</a>", "yes 2'>link"),
    ('<speak><say-as interpret-as="date">May 5</say-as></speak>', "May 5"),
    ("if a<b and c>d, 5 < 6 > 2", "if a<b and c>d, 5 < 6 > 2"),
    ("Dear <name>, mail <me@a.com> or <https://a.com/b>", "Dear name, mail me@a.com or https://a.com/b"),
    # Markdown
    ("# Title #\nText **bold** and *it* _it_ `code` ~~x~~ __b__", "Title\nText bold and it it code x b"),
    ("- apples\n* [ ] todo\n+ pears\n1. **One** 2", "apples\ntodo\npears\n1. One 2"),
    ("| Name | Age |\n|:--|--:|\n| Tom | 5 |", "Name, Age\nTom, 5"),
    ("| 名称 | 价格 |\n|---|---|\n| 苹果 | 5元 |", "名称，价格\n苹果，5元"),
    ('See [the *docs*](https://a.com/x_(y) "t") ![pic](a.png) [a][b] [[Wiki|w]].', "See the docs pic a w."),
    ("> quote\n>> more", "quote\nmore"),
    ("```python\nprint(1)\n```\nafter", "print(1)\nafter"),
    ("A note[^1] and words[12].\n[^1]: the note", "A note and words.\nthe note"),
    ("a\n\n---\n\nb\n***\nc", "a\n\n\n\nb\n\nc"),
    ("这是**重点**内容", "这是重点内容"),
    ("Home | About • Contact", "Home, About, Contact"),
    ("\\*star\\* and 1\\. x", "star and 1. x"),
    # what only looks like it
    ("5 * 3 and 2**10, 2*3*4, 2 ** 3", "5 * 3 and 2**10, 2*3*4, 2 ** 3"),
    ("snake_case a_b_c /usr/_next/x_y me_2@a.com", "snake_case a_b_c /usr/_next/x_y me_2@a.com"),
    ("C:\\Users\\me AT&T; R&D x[10] [sic] (see [1])", "C:\\Users\\me AT&T; R&D x[10] [sic] (see [1])"),
    ("#tag and C# and $5", "#tag and C# and $5"),
    ("He -- well - went. a|b", "He -- well - went. a|b"),
]


@pytest.mark.parametrize(("raw", "clean"), CASES, ids=[raw for raw, _ in CASES])
def test_only_what_is_read_aloud_is_left(raw: str, clean: str):
    assert without_markers(clean_text(raw).text).strip() == clean


PIECES = st.sampled_from(
    [
        *(
            "**",
            "*",
            "_",
            "`",
            "~~",
            "<b>",
            "</b>",
            "<p>",
            "&amp;",
            "&lt;",
            "lt;",
            "| ",
            "\n",
            "# ",
            "- ",
            "[a](b)",
            "[",
            "]",
        ),
        *(
            "(",
            ")",
            "\u200b",
            "😀",
            "１",
            "㎡",
            "word",
            "5",
            " ",
            "中",
            "\x1b[0m",
            "<!--",
            "-->",
            "<li>",
            "\\",
            "==",
            "---",
        ),
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=40))
def test_the_origins_of_a_clean_text_rise_and_stay_inside(raw: str):
    clean = clean_text(raw)
    origins = [clean.origin(position) for position in range(len(clean.text) + 1)]
    assert origins == sorted(origins)
    assert origins[-1] == len(raw)
    for character, origin in zip(clean.text, origins, strict=False):
        if character in "中":
            assert raw[origin] == character


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("他的电话是：\n13812345678", "他的电话是：\n幺三八幺二三四五六七八"),
        ("增长情况：\n- 50%\n- iPhone 15", "增长情况：\n百分之五十\niPhone 十五"),
        ("iPhone 15和iPhone 15 Pro", "iPhone 十五和iPhone 十五 Pro"),
        ("| 手机 | 数量 |\n|---|---|\n| iPhone 15 | 20 |", "手机，数量\niPhone 十五, 二十"),
        ("12\n这是序号", "十二\n这是序号"),
        ("The total:\n50%", "The total:\nfifty percent"),
        ("He said 你好 5 times.", "He said 你好 five times."),
        ("他说 I have 5 apples in 2 bags 然后走了5步", "他说 I have five apples in two bags 然后走了五步"),
        ("I have 5 apples. 我有5个苹果。", "I have five apples. 我有五个苹果。"),
        ("iPhone 15", "iPhone fifteen"),
    ],
)
def test_a_number_is_read_in_the_language_of_its_sentence_and_surroundings(text: str, spoken: str):
    assert normalize_text(text) == spoken


def test_a_known_language_decides_where_the_text_does_not():
    assert normalize_text("50%", language="chinese") == "百分之五十"
    assert normalize_text("50%") == "fifty percent"
    assert normalize_text("I have 50%", language="chinese") == "I have fifty percent"
