"""Text that cannot command a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.text.printable import is_printable, printable, to_json, without_controls

ANY = st.text(st.characters(codec=None), max_size=50)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb", r"a\x0db"),
        ("\x7f", r"\x7f"),
        ("exe\u202efdp.wav", r"exe\u202efdp.wav"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("one\u2028two", r"one\u2028two"),
        ("caf\udce9.wav", r"caf\xe9.wav"),
        ("\ud83d", r"\ud83d"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text, shown):
    assert printable(text) == shown
    assert not is_printable(text)


@pytest.mark.parametrize(
    "text", ["", "two\nlines\tand a tab", "你好，世界", "naïve – “quoted” €5", "👩‍👧 family", "שלום", "\u00a0"]
)
def test_everything_else_stays(text):
    assert printable(text) == without_controls(text) == text
    assert is_printable(text)


@given(ANY)
def test_the_result_is_printable(text):
    assert is_printable(printable(text))
    assert is_printable(without_controls(text))
    assert is_printable(to_json({text: [text]}))


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_json_says_the_same(document):
    assert json.loads(to_json(document)) == document
    assert json.loads(to_json(document, indent=2)) == document


@given(ANY, ANY)
def test_pieces_and_the_whole_agree(first, second):
    assert without_controls(first) + without_controls(second) == without_controls(first + second)
