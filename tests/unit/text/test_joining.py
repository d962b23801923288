"""What can be spoken, and how segments are joined."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import InputTextError
from gpa_mlx.text.joining import check_text, join_segments


@pytest.mark.parametrize("text", ["", " \n\t", "?!", "...", "\u3002\uff01", "-- --"])
def test_text_without_a_word_is_refused(text):
    with pytest.raises(InputTextError):
        check_text(text)


@pytest.mark.parametrize("text", ["a", "7", "\u4f60\u597d", "(x)"])
def test_one_letter_or_digit_is_enough(text):
    check_text(text)


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        ([], ""),
        ([" as it is "], " as it is "),
        (["One.", "", " Two."], "One. Two."),
        (["\u4f60\u597d\u3002", "\u4e16\u754c"], "\u4f60\u597d\u3002\u4e16\u754c"),
        (["GPA", "\u4f60\u597d"], "GPA\u4f60\u597d"),
    ],
)
def test_segments_are_joined_by_a_blank_except_in_chinese(texts, joined):
    assert join_segments(texts) == joined
