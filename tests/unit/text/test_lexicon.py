"""The user's own readings."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpa_mlx.errors import SettingsError
from gpa_mlx.text.normalization import Lexicon, normalize_text, read_lexicon


def written(folder: Path, text: str) -> Path:
    path = folder / "words.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_has_an_entry_a_line_and_comments(tmp_path: Path):
    path = written(tmp_path, "\ufeff# names\n\nGPA = G P A\r\n  Nguyen =  win \n模型=mó xíng\nC# = see = sharp\n")
    assert read_lexicon(path).entries == (
        ("GPA", "G P A"),
        ("Nguyen", "win"),
        ("模型", "mó xíng"),
        ("C#", "see = sharp"),
    )


@pytest.mark.parametrize("bad", ["GPA", "GPA =", "= G P A", "=", "GPA: G P A"])
def test_a_line_that_is_no_entry_is_named_with_its_number(tmp_path: Path, bad: str):
    path = written(tmp_path, f"# names\nMLX = M L X\n{bad}\n")
    with pytest.raises(SettingsError, match=r"words\.txt, line 3 is not an entry") as caught:
        read_lexicon(path)
    assert "written = spoken" in caught.value.hint


def test_every_bad_line_is_named(tmp_path: Path):
    path = written(tmp_path, "one\nMLX = M L X\ntwo =\nMLX = again\n")
    with pytest.raises(SettingsError) as caught:
        read_lexicon(path)
    assert [f"line {number} " in caught.value.message for number in range(1, 5)] == [True, False, True, True]
    assert "after line 2" in caught.value.message


def test_many_bad_lines_are_counted_not_listed(tmp_path: Path):
    with pytest.raises(SettingsError, match="and 95 more") as caught:
        read_lexicon(written(tmp_path, "bad\n" * 100))
    assert len(str(caught.value)) < 600


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"missing\.txt cannot be read"):
        read_lexicon(tmp_path / "missing.txt")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_lexicon(tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_lexicon("zero\0byte")
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 = coffee\n")
    with pytest.raises(SettingsError, match=r"latin\.txt is not valid UTF-8"):
        read_lexicon(path)


def test_entries_are_whole_words_the_longest_first():
    lexicon = Lexicon((("GPA", "gee pee ay"), ("GPA model", "the model"), ("C++", "see plus plus"), ("模型", "model")))
    assert normalize_text("A gpa, GPA, the GPA\nmodel, GPAx and C++.", lexicon=lexicon) == (
        "A gpa, gee pee ay, the the model, GPAx and see plus plus."
    )
    assert normalize_text("大模型GPA好", lexicon=lexicon) == "大modelgee pee ay好"


def test_no_rule_touches_what_an_entry_says():
    lexicon = Lexicon((("Dr. No", "Dr. No (1962)"), ("5", "V")))
    assert normalize_text("Dr. No has 5 & 15 views", lexicon=lexicon) == "Dr. No (1962) has V and fifteen views"


def test_an_empty_lexicon_changes_nothing():
    assert normalize_text("NASA has 5", lexicon=Lexicon(())) == "NASA has five"


def test_an_entry_with_capitals_matches_only_them_one_without_any_case(tmp_path: Path):
    lexicon = read_lexicon(written(tmp_path, "US = United States\nnginx = engine x\nIT = I T\nit = it\n"))
    assert normalize_text("The US gave us nginx. Nginx and NGINX, IT and It.", lexicon=lexicon) == (
        "The United States gave us engine x. engine x and engine x, I T and it."
    )
    assert normalize_text("Give us 5, Us!", lexicon=lexicon) == "Give us five, Us!"


def test_an_entry_is_found_through_markup_and_invisible_characters():
    lexicon = Lexicon((("nginx", "engine x"),))
    assert normalize_text("**ng\u200binx** is `nginx`", lexicon=lexicon) == "engine x is engine x"


def test_an_entry_that_is_written_twice_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="line 2 gives"):
        read_lexicon(written(tmp_path, "nginx = engine x\nnginx = again\n"))
