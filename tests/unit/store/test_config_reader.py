"""The one reader of configuration and record files."""

from __future__ import annotations

import re

import pytest

from gpa_mlx.errors import GPAError, ModelFormatError, SettingsError
from gpa_mlx.store.config_reader import ConfigReader


def reader(**content) -> ConfigReader:
    return ConfigReader(content, "a.json")


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        ("text", 3, "must be a string"),
        ("integer", True, "must be an integer"),
        ("integer", "1", "must be an integer"),
        ("integer", 0, "must be at least 1"),
        ("integer", 2**63, "more than 64 bits"),
        ("count", -1, "must be at least 0"),
        ("any_integer", 1.5, "must be an integer"),
        ("number", float("nan"), "must be a number"),
        ("number", False, "must be a number"),
        ("positive", 0, "must be greater than 0"),
        ("flag", 1, "must be true or false"),
        ("integers", [], "must be a list of integers"),
        ("integers", [1, True], "must be a list of integers"),
    ],
)
def test_types_are_strict_and_errors_name_the_file_and_the_key(read, value, problem):
    with pytest.raises(ModelFormatError, match=rf"a\.json: 'key' .*{problem}"):
        getattr(reader(key=value), read)("key")
    with pytest.raises(ModelFormatError, match=r"a\.json: 'key' is missing"):
        getattr(reader(), read)("key")


def test_sections_name_their_path():
    with pytest.raises(ModelFormatError, match=r"'parts\.lm\.bits' must be an integer"):
        reader(parts={"lm": {"bits": "4"}}).sections("parts")["lm"].integer("bits")
    with pytest.raises(ModelFormatError, match="parts must be a mapping"):
        reader(parts=[1]).section("parts")


def test_lists_are_read_item_by_item():
    assert reader(names=["a", "b"]).each("names", ConfigReader.text) == ("a", "b")
    with pytest.raises(ModelFormatError, match=r"'names\.1' must be a string"):
        reader(names=["a", 2]).each("names", ConfigReader.text)
    with pytest.raises(ModelFormatError, match="'names' must be a list"):
        reader(names="ab").each("names", ConfigReader.text)


def test_what_may_be_missing_and_what_may_only_be_null():
    fields = reader(null=None, four=4)
    assert fields.optional("absent", fields.integer) is None
    assert fields.optional("null", fields.integer) is None
    assert fields.nullable("null", fields.integer) is None
    assert fields.nullable("four", fields.integer) == 4
    with pytest.raises(ModelFormatError, match="'absent' is missing"):
        fields.nullable("absent", fields.integer)


@pytest.mark.parametrize("value", [[1], {"a": 1}, float("inf"), 2**70])
def test_scalars_are_plain_values(value):
    assert reader(options={"a": None, "b": 1.5, "c": True, "d": "x"}).scalars("options")["b"] == 1.5
    with pytest.raises(ModelFormatError, match=r"'options\.a'"):
        reader(options={"a": value}).scalars("options")


def test_a_choice_names_what_there_is():
    assert reader(task="b").choice("task", {"a": 1, "b": 2}) == "b"
    for value in ("c", ["a"]):
        with pytest.raises(ModelFormatError, match="supported: 'a', 'b'"):
            reader(task=value).choice("task", {"a": 1, "b": 2})


def test_patterns_match_the_whole_text():
    assert reader(a="12").text("a", pattern=re.compile(r"\d+")) == "12"
    with pytest.raises(ModelFormatError, match="'a' must not be '12x'"):
        reader(a="12x").text("a", pattern=re.compile(r"\d+"))


def test_unknown_keys_are_refused_on_request_only():
    fields = reader(a="x", b=1)
    fields.text("a")
    with pytest.raises(ModelFormatError, match="'b' is unknown"):
        fields.end()
    fields.integer("b")
    fields.end()


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b"\xff\xfe{\x00}\x00"])
def test_what_is_not_json_is_said(content):
    with pytest.raises(GPAError, match="it is not JSON"):
        ConfigReader.from_json(content, "a.json")


def test_the_caller_says_how_errors_are_made():
    with pytest.raises(SettingsError, match="in a: 'x' is missing") as caught:
        ConfigReader.from_json(b"{}", "a", lambda problem: SettingsError(f"in a: {problem}", hint="Fix.")).text("x")
    assert caught.value.hint == "Fix."
