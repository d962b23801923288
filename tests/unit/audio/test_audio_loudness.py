"""The percentile rule and the removal of the mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gpa_mlx.audio.dsp.loudness import normalize_loudness, remove_dc


def tone(peak, samples=16_000):
    return peak * np.sin(np.arange(samples) * 0.1)


@pytest.mark.parametrize(("peak", "expected"), [(0.1, 0.2), (0.3, 0.2), (1.0, 0.2), (0.05, 0.4)])
def test_the_loud_parts_come_out_at_the_target(peak, expected):
    # A tone's 90th to 99th percentile lies just below its peak. The loudness of a quiet signal is taken before it is
    # raised to a peak of 0.1, so the two gains multiply: that is the reference's rule.
    assert np.abs(normalize_loudness(tone(peak))).max() == pytest.approx(expected, rel=0.02)


def test_the_gain_is_limited_to_ten():
    assert np.abs(normalize_loudness(tone(0.0101))).max() <= 1.0
    quiet = np.concatenate([np.full(20, 0.011), np.zeros(100)])
    # Raised to a peak of 0.1, then by at most 10 although 0.2 / 0.011 is more.
    assert normalize_loudness(quiet)[0] == pytest.approx(1.0)


def test_a_signal_far_beyond_full_scale_ends_at_full_scale():
    assert np.abs(normalize_loudness(tone(1000.0))).max() == pytest.approx(1.0)


def test_almost_inaudible_sound_is_only_raised_to_a_tenth():
    assert np.abs(normalize_loudness(tone(0.005))).max() == pytest.approx(0.1)


def test_the_divisor_of_near_silence_is_limited():
    assert np.abs(normalize_loudness(tone(1e-5))).max() == pytest.approx(1e-3, rel=1e-3)


def test_ten_audible_samples_are_too_few_for_an_estimate():
    sparse = np.zeros(1000)
    sparse[:10] = 0.5
    assert np.array_equal(normalize_loudness(sparse), sparse)
    sparse[10] = 0.5
    assert normalize_loudness(sparse).max() == pytest.approx(0.2)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.zeros(500)])
def test_nothing_and_silence_stay_what_they_are(samples):
    assert np.array_equal(normalize_loudness(samples), samples)


def test_the_input_is_not_changed():
    samples = tone(0.05)
    before = samples.copy()
    normalize_loudness(samples)
    assert np.array_equal(samples, before)


@given(hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats(-1e6, 1e6)))
def test_any_signal_keeps_its_shape_and_stays_within_full_scale(samples):
    scaled = normalize_loudness(samples)
    assert scaled.shape == samples.shape
    assert scaled.dtype == np.float64
    assert np.isfinite(scaled).all()
    audible = (np.abs(samples) > 0.01).sum()
    if audible > 10:
        assert np.abs(scaled).max() <= 1.0


def test_remove_dc_centres_the_whole_utterance():
    wave = (tone(0.3) + 0.1).astype(np.float32)
    centred = remove_dc(wave)
    assert centred.dtype == np.float32
    assert abs(centred.mean()) < 1e-6
    assert np.array_equal(centred, wave - np.mean(wave))
    assert len(remove_dc(np.zeros(0, dtype=np.float32))) == 0
