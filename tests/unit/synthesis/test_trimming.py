from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.synthesis.trimming import MARGIN_S, EdgeTrimmer, match_level, speech_level
from gpa_mlx.types import SAMPLE_RATE_HZ

RNG = np.random.default_rng(1)


def tone(seconds, level=0.2):
    return (level * np.sin(np.arange(int(seconds * SAMPLE_RATE_HZ)) * 0.2)).astype(np.float32)


def hush(seconds, level=3e-4):
    return RNG.normal(0, level, int(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


def trimmed(wave, cuts=()):
    trimmer = EdgeTrimmer()
    return np.concatenate([*map(trimmer.step, np.split(wave, sorted(cuts))), trimmer.flush()])


def test_silence_goes_from_the_edges_and_stays_inside():
    inside = np.concatenate([hush(0.5, 0.2), hush(0.6), hush(0.3, 0.2)])
    result = trimmed(np.concatenate([hush(0.7), inside, hush(0.9)]))
    assert abs(len(result) - len(inside) - 2 * MARGIN_S * SAMPLE_RATE_HZ) <= 320
    middle = np.correlate(result, inside[:4000], mode="valid").argmax()
    np.testing.assert_array_equal(result[middle : middle + len(inside)], inside)


def test_short_margins_are_kept_as_they_are():
    wave = np.concatenate([hush(0.03), tone(0.4), hush(0.03)])
    np.testing.assert_array_equal(trimmed(wave), wave)


@pytest.mark.parametrize("wave", [hush(1.0), np.zeros(0, dtype=np.float32), np.zeros(7, dtype=np.float32)])
def test_silence_alone_becomes_nothing(wave):
    assert len(trimmed(wave)) == 0


def test_edges_fade():
    result = trimmed(np.concatenate([hush(0.3, 1e-3), tone(0.2), hush(0.3, 1e-3)]))
    assert abs(result[0]) < 1e-9
    assert abs(result[-1]) < 1e-4


WAVE = np.concatenate([hush(0.2), tone(0.15), hush(0.4), tone(0.1, 0.05), hush(0.3)])


@given(st.lists(st.integers(0, len(WAVE)), max_size=12))
def test_cuts_do_not_matter(cuts):
    np.testing.assert_array_equal(trimmed(WAVE, cuts), trimmed(WAVE))


def test_what_is_certain_does_not_wait():
    trimmer = EdgeTrimmer()
    assert len(trimmer.step(tone(1.0))) == SAMPLE_RATE_HZ
    assert len(trimmer.step(hush(1.0))) == 0
    assert len(trimmer.step(tone(0.5))) == 1.5 * SAMPLE_RATE_HZ


@pytest.mark.parametrize(("level", "gain"), [(0.1, 0.5), (0.15, 0.75), (0.01, 0.5), (0.3, 1.5), (1.0, 2.0)])
def test_loudness_is_matched_within_6_db(level, gain):
    speech = tone(1.0)
    wanted = speech_level(speech) / 0.2 * level
    np.testing.assert_allclose(np.abs(match_level(speech, wanted)).max(), 0.2 * gain, rtol=1e-3)


def test_matching_never_clips():
    assert np.abs(match_level(tone(1.0, 0.8), 5.0)).max() <= 0.99 + 1e-6


def test_silence_is_not_amplified():
    np.testing.assert_array_equal(match_level(wave := hush(0.5), 0.3), wave)
