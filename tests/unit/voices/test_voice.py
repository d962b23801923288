"""Voices: every value is checked before a card is written and after one was read."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import VoiceError
from gpa_mlx.types import Voice, VoiceOrigin
from gpa_mlx.voices.card import format_card

GOOD = {"name": "slt", "family": "bicodec-0123", "global_tokens": (0, 255, 3), "description": "A clear voice."}


def test_family_and_description_may_be_missing():
    Voice(**GOOD).check("x")
    Voice(name="me", global_tokens=(1,)).check("x")


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
        ({"global_tokens": "123"}, "'global_tokens'"),
        ({"global_tokens": ()}, "'global_tokens' is empty"),
        ({"global_tokens": (1, True)}, "'global_tokens'[1] is True"),
        ({"global_tokens": (1.0,)}, "'global_tokens'[0] is 1.0"),
        ({"global_tokens": (-1,)}, "'global_tokens'[0] is -1"),
        ({"global_tokens": (2**31,)}, "'global_tokens'[0] is 2147483648"),
        ({"global_tokens": ((1,),)}, "'global_tokens'[0] is (1,)"),
    ],
)
def test_every_value_is_checked(change, words):
    with pytest.raises(VoiceError) as caught:
        Voice(**GOOD | change).check("anna.voice")
    assert caught.value.message.startswith("anna.voice ")
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("voice", [Voice(name="a/b", global_tokens=(1,)), Voice(name="a", global_tokens=(-1,))])
def test_what_could_not_be_read_again_is_not_written(voice):
    with pytest.raises(VoiceError, match="not a voice"):
        format_card(voice)


# -- where a voice comes from -----------------------------------------------------------------------------------------

ORIGIN = {
    "source_sha256": "0123456789abcdef" * 4,
    "start_s": 1.25,
    "end_s": 7.25,
    "made_on": "2026-11-21",
    "consent": "They may.",
}


def test_the_consent_may_be_missing():
    without = {key: value for key, value in ORIGIN.items() if key != "consent"}
    Voice(**GOOD, origin=VoiceOrigin(**without)).check("x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source_sha256": "abc"}, "'source_sha256'"),
        ({"source_sha256": "0123456789ABCDEF" * 4}, "'source_sha256'"),
        ({"source_sha256": None}, "'source_sha256'"),
        ({"start_s": "1"}, "'start_s'"),
        ({"start_s": -1.0}, "'start_s'"),
        ({"start_s": True}, "'start_s'"),
        ({"end_s": 10**400}, "'end_s'"),
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
        Voice(**GOOD, origin=VoiceOrigin(**ORIGIN | change)).check("anna.voice")
    assert caught.value.message.startswith("anna.voice ")
    assert words in caught.value.message
