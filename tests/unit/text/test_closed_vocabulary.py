"""`ClosedVocabulary`: which words a model cannot say, and what is left without them."""

from __future__ import annotations

import pytest

from gpa_mlx.text.closed_vocabulary import ClosedVocabulary

WORDS = ClosedVocabulary(["zero", "three", "stop", "don't", "好"])


@pytest.mark.parametrize(
    ("text", "unknown", "left"),
    [
        ("three stop", (), "three stop"),
        ("Three, STOP!", (), "three, stop!"),
        ("Hello, three!", ("Hello",), "three!"),
        ("three hello, stop.", ("hello",), "three, stop."),
        ("three, hello, stop.", ("hello",), "three, stop."),
        ('"Hello" three (world) stop', ("Hello", "world"), "three stop"),
        ("hello Hello world hello", ("hello", "world"), ""),
        ("don't do", ("do",), "don't"),
        ("你好", ("你",), "好"),
        ("three-four", ("four",), "three"),
        ("...", (), ""),
        ("", (), ""),
    ],
)
def test_words_and_what_is_left(text, unknown, left):
    assert WORDS.unknown(text) == unknown
    assert WORDS.restrict(text) == left
    assert WORDS.restrict(left) == left
