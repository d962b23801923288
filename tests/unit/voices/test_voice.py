"""Voices and their JSON form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice, VoiceOrigin
from gpa_mlx.voices.voice import read_voice

GOOD = {"name": "slt", "family": "bicodec-0123", "global_tokens": [0, 255, 3], "description": "A clear voice."}


def test_round_trip():
    voice = Voice.from_dict(GOOD, "x")
    assert voice == Voice(name="slt", family="bicodec-0123", global_tokens=(0, 255, 3), description="A clear voice.")
    assert voice.to_dict() == GOOD
    assert Voice.from_dict(json.loads(json.dumps(voice.to_dict())), "x") == voice


def test_family_and_description_may_be_missing_and_other_keys_are_ignored():
    voice = Voice.from_dict({"name": "me", "global_tokens": [1], "colour": 3}, "x")
    assert voice == Voice(name="me", global_tokens=(1,))
    assert Voice.from_dict(voice.to_dict(), "x") == voice


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "'name'"),
        ({"name": 3}, "'name'"),
        ({"name": None}, "'name'"),
        ({"name": ["a"]}, "'name'"),
        ({"name": "a\nb"}, "'name'"),
        ({"name": " a"}, "'name'"),
        ({"name": "../a"}, "'name'"),
        ({"name": "a\\b"}, "'name'"),
        ({"family": 7}, "'family'"),
        ({"family": None}, "'family'"),
        ({"description": "two\nlines"}, "'description'"),
        ({"description": {}}, "'description'"),
        ({"global_tokens": None}, "'global_tokens'"),
        ({"global_tokens": "123"}, "'global_tokens'"),
        ({"global_tokens": []}, "'global_tokens' is empty"),
        ({"global_tokens": [1, True]}, "'global_tokens'[1] is True"),
        ({"global_tokens": [1.0]}, "'global_tokens'[0] is 1.0"),
        ({"global_tokens": [-1]}, "'global_tokens'[0] is -1"),
        ({"global_tokens": [2**31]}, "'global_tokens'[0] is 2147483648"),
        ({"global_tokens": [[1]]}, "'global_tokens'[0] is [1]"),
    ],
)
def test_every_value_is_checked(change, words):
    with pytest.raises(VoiceError) as caught:
        Voice.from_dict({**GOOD, **change}, "anna.json")
    assert caught.value.message.startswith("anna.json ")
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("key", ["name", "global_tokens"])
def test_a_missing_key_is_named(key):
    with pytest.raises(VoiceError, match=f"'{key}'"):
        Voice.from_dict({name: value for name, value in GOOD.items() if name != key}, "x")


@pytest.mark.parametrize("voice", [Voice(name="a/b", global_tokens=(1,)), Voice(name="a", global_tokens=(-1,))])
def test_what_could_not_be_read_again_is_not_written(voice):
    with pytest.raises(VoiceError, match="not a voice"):
        voice.to_dict()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(GOOD)), inner),
    )
)
def test_any_document_gives_a_voice_or_its_error(content):
    try:
        voice = Voice.from_dict(content, "x")
    except VoiceError:
        return
    assert Voice.from_dict(voice.to_dict(), "x") == voice


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[1]"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "anna.json").write_bytes(content)
    with pytest.raises(VoiceError, match=r"anna\.json is not a voice"):
        read_voice(tmp_path / "anna.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VoiceError, match=r"anna\.json cannot be read: No such file"):
        read_voice(tmp_path / "anna.json")


# -- where a voice comes from -----------------------------------------------------------------------------------------

ORIGIN = {
    "source_sha256": "0123456789abcdef" * 4,
    "start_s": 1.25,
    "end_s": 7.25,
    "made_on": "2026-11-21",
    "consent": "They may.",
}


def test_the_origin_is_part_of_the_json_form():
    voice = Voice.from_dict({**GOOD, "origin": ORIGIN}, "x")
    assert voice.origin == VoiceOrigin(**ORIGIN)
    assert voice.to_dict() == {**GOOD, "origin": ORIGIN}
    assert Voice.from_dict({**GOOD, "origin": None}, "x").origin is None
    without = {key: value for key, value in ORIGIN.items() if key != "consent"}
    assert Voice.from_dict({**GOOD, "origin": without}, "x").origin == VoiceOrigin(**without)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source_sha256": "abc"}, "'source_sha256'"),
        ({"source_sha256": "0123456789ABCDEF" * 4}, "'source_sha256'"),
        ({"source_sha256": None}, "'source_sha256'"),
        ({"start_s": "1"}, "'start_s'"),
        ({"start_s": -1.0}, "'start_s'"),
        ({"start_s": True}, "'start_s'"),
        ({"end_s": float("nan")}, "'end_s'"),
        ({"end_s": None}, "'end_s'"),
        ({"end_s": 1.25}, "ends at 1.25 s, before it begins"),
        ({"made_on": "today"}, "'made_on'"),
        ({"made_on": "20261121"}, "'made_on'"),
        ({"made_on": None}, "'made_on'"),
        ({"consent": "two\nlines"}, "'consent'"),
        ({"consent": None}, "'consent'"),
    ],
)
def test_every_value_of_the_origin_is_checked(change, words):
    with pytest.raises(VoiceError) as caught:
        Voice.from_dict({**GOOD, "origin": {**ORIGIN, **change}}, "anna.json")
    assert caught.value.message.startswith("anna.json ")
    assert words in caught.value.message


def test_an_origin_that_is_no_object_is_refused():
    with pytest.raises(VoiceError, match="'origin' must be an object"):
        Voice.from_dict({**GOOD, "origin": [1]}, "x")
