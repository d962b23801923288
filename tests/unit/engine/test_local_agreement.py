"""What two passs in a row agree on, and when to hear again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.segmenter import AudioSegment
from gpa_mlx.engine.local_agreement import DecodeThrottle, LocalAgreement


def heard(*texts):
    agreement = LocalAgreement()
    for text in texts:
        agreement.push(text)
    return agreement.confirmed, agreement.unconfirmed


@pytest.mark.parametrize(
    ("texts", "confirmed", "unconfirmed"),
    [
        (("one two",), "", "one two"),
        (("one two", "one two three"), "one two", " three"),
        (("one too", "one two three"), "one", " two three"),
        (("one two", "one two"), "one two", ""),
        (("one", "two", "three"), "", "three"),
        (("one two", "one two three", ""), "one two", ""),
        ((" one", " one  two "), "one", "  two"),
        (("I go home.", "I go home and"), "I go", " home and"),
        (("你好", "你好世"), "你好", "世"),
        (("你好 GPA 一", "你好 GPA 二"), "你好 GPA", " 二"),
    ],
)
def test_words_that_two_passs_agree_on_are_confirmed(texts, confirmed, unconfirmed):
    assert heard(*texts) == (confirmed, unconfirmed)


def test_two_passs_not_in_a_row_confirm_nothing():
    assert heard("one two", "one", "one two") == ("one", " two")


@pytest.mark.parametrize(
    ("later", "unconfirmed"),
    [("won two three four", " four"), ("two three four", " four"), ("oh one two three four", " four"), ("x", "")],
)
def test_a_later_pass_takes_nothing_back_and_repeats_nothing(later, unconfirmed):
    assert heard("one two three", "one two three", later) == ("one two three", unconfirmed)


@given(st.lists(st.lists(st.sampled_from(["a", "b", " c", "好", " d. "]), max_size=6).map("".join), max_size=12))
def test_confirmed_text_only_grows(texts):
    agreement, before = LocalAgreement(), ""
    for text in texts:
        agreement.push(text)
        assert agreement.confirmed.startswith(before)
        assert not before or agreement.confirmed
        before = agreement.confirmed


def part(start_s, end_s):
    silence = np.zeros(0)
    return AudioSegment(start_s, end_s, Recording(silence, silence), (start_s, end_s))


def test_a_quick_pass_waits_for_a_little_new_audio_only():
    throttle = DecodeThrottle()
    assert not throttle.is_due((1.0, 1.3))
    assert throttle.is_due((1.0, 1.5))
    throttle.decoded(part(1.0, 1.5), 0.01)
    assert not throttle.is_due((1.0, 1.8))
    assert throttle.is_due((1.0, 2.0))


@pytest.mark.parametrize("cost", [0.02, 0.1, 0.5])
def test_slow_passs_take_half_of_the_time(cost):
    throttle, now_s, busy_s, passs = DecodeThrottle(), 1.0, 0.0, 0
    while now_s < 30:
        if throttle.is_due((0.0, now_s)):
            took_s = cost * now_s
            throttle.decoded(part(0.0, now_s), took_s)
            busy_s += took_s
            now_s += took_s
            passs += 1
        now_s += 0.05
    assert 0.25 * now_s < busy_s < 0.65 * now_s
    assert passs >= 4


def test_one_slow_pass_does_not_put_off_all_others():
    throttle = DecodeThrottle()
    throttle.decoded(part(0.0, 0.5), 5.0)
    assert not throttle.is_due((0.0, 10.0))
    assert throttle.is_due((0.0, 10.5))
    throttle.decoded(part(0.0, 12.0), 0.1)
    assert throttle.is_due((13.0, 13.5))


def test_another_segment_is_heard_soon_even_if_its_beginning_was_heard_before():
    throttle = DecodeThrottle()
    throttle.decoded(part(0.0, 20.0), 0.4)
    assert not throttle.is_due((0.0, 20.2))
    throttle.decoded(part(0.0, 19.0), 0.4)
    assert throttle.is_due((19.0, 20.2))
