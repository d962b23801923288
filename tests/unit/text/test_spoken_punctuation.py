"""Signs that are dictated by their names."""

from __future__ import annotations

import pytest

from gpa_mlx.dictation import DictationOptions
from gpa_mlx.text.spoken_punctuation import write_punctuation


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("milk comma eggs period buy both question mark", "milk, eggs. Buy both?"),
        ("Dear Ann, comma, new line. thanks", "Dear Ann,\nThanks"),
        ("dear ann comma new paragraph thank you exclamation mark", "dear ann,\n\nThank you!"),
        ("he said comma open quote come here close quote period", "he said, “come here”."),
        ("a test open parenthesis really close parenthesis comma yes", "a test (really), yes"),
        ("All done. New line, next", "All done.\nNext"),
        ("one Full Stop two", "one. Two"),
        ("你好逗号世界句号换行再见", "你好，世界。\n再见"),
        ("左引号好右引号问号", "“好”？"),
        ("a dash of salt, quoted in commas", "a dash of salt, quoted in commas"),
        ("", ""),
    ],
)
def test_names_become_signs(heard, written):
    assert write_punctuation(heard) == written
    assert DictationOptions(spoken_punctuation=True).polish(heard).text == written


def test_it_is_off_unless_asked_for():
    assert DictationOptions().polish("one comma two").text == "one comma two"
