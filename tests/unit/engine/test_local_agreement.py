"""What two hearings in a row agree on, and when to hear again."""

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
def test_words_that_two_hearings_agree_on_are_confirmed(texts, confirmed, unconfirmed):
    assert heard(*texts) == (confirmed, unconfirmed)


def test_two_hearings_not_in_a_row_confirm_nothing():
    assert heard("one two", "one", "one two") == ("one", " two")


@pytest.mark.parametrize(
    ("later", "unconfirmed"),
    [("won two three four", " four"), ("two three four", " four"), ("oh one two three four", " four"), ("x", "")],
)
def test_a_later_hearing_takes_nothing_back_and_repeats_nothing(later, unconfirmed):
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
    return AudioSegment(start_s, end_s, Recording(silence, silence))


def test_a_quick_hearing_waits_for_a_little_new_audio_only():
    pace = DecodeThrottle()
    assert not pace.is_due((1.0, 1.3))
    assert pace.is_due((1.0, 1.5))
    pace.heard(part(1.0, 1.5), 0.01)
    assert not pace.is_due((1.0, 1.8))
    assert pace.is_due((1.0, 2.0))


@pytest.mark.parametrize("cost", [0.02, 0.1, 0.5])
def test_slow_hearings_take_half_of_the_time(cost):
    pace, now_s, busy_s, hearings = DecodeThrottle(), 1.0, 0.0, 0
    while now_s < 30:
        if pace.is_due((0.0, now_s)):
            took_s = cost * now_s
            pace.heard(part(0.0, now_s), took_s)
            busy_s += took_s
            now_s += took_s
            hearings += 1
        now_s += 0.05
    assert 0.25 * now_s < busy_s < 0.65 * now_s
    assert hearings >= 4


def test_one_slow_hearing_does_not_put_off_all_others():
    pace = DecodeThrottle()
    pace.heard(part(0.0, 0.5), 5.0)
    assert not pace.is_due((0.0, 10.0))
    assert pace.is_due((0.0, 10.5))
    pace.heard(part(0.0, 12.0), 0.1)
    assert pace.is_due((13.0, 13.5))


def test_another_segment_is_heard_soon_even_if_its_beginning_was_heard_before():
    pace = DecodeThrottle()
    pace.heard(part(0.0, 20.0), 0.4)
    assert not pace.is_due((0.0, 20.2))
    pace.heard(part(0.0, 19.0), 0.4)
    assert pace.is_due((19.0, 20.2))
