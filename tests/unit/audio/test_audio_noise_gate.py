"""Pauses of generated speech are digital silence, and the speech is what it was."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.dsp.loudness import remove_dc
from gpa_mlx.audio.dsp.noise_gate import FADE_SAMPLES, PAUSE_SAMPLES, NoiseGate

SETTLED = PAUSE_SAMPLES + FADE_SAMPLES


def hum(count, offset, peak=1.5e-4, seed=0):
    return (offset + np.random.default_rng(seed).uniform(-peak, peak, count)).astype(np.float32)


def word(count, level=0.1):
    return (level * np.sin(2 * np.pi * 150 / 16_000 * np.arange(count)) - 0.002).astype(np.float32)


def silenced(wave, sizes=()):
    silencer, stops = NoiseGate(), np.cumsum([0, *sizes])
    return np.concatenate([silencer.step(wave[a:b]) for a, b in zip(stops, [*stops[1:], len(wave)], strict=True)])


def test_a_pause_with_an_offset_is_silent_and_the_words_around_it_stay():
    wave = np.concatenate([hum(800, 0.0001), word(1600), hum(1600, -0.002), word(1600), hum(800, 0.003)])
    heard = silenced(wave)
    assert (heard.dtype, heard.shape) == (np.float32, wave.shape)
    assert not heard[SETTLED:800].any()
    np.testing.assert_array_equal(heard[800 + FADE_SAMPLES : 2400], wave[800 + FADE_SAMPLES : 2400])
    assert not heard[2400 + SETTLED : 4000].any()
    np.testing.assert_array_equal(heard[4000 + FADE_SAMPLES : 5600], wave[4000 + FADE_SAMPLES : 5600])
    assert not heard[5600 + SETTLED :].any()
    assert np.abs(np.diff(heard)).max() <= np.abs(np.diff(wave)).max()


def test_quiet_speech_stays():
    wave = word(16_000, level=0.0005)
    np.testing.assert_array_equal(silenced(wave), wave)


@given(st.lists(st.integers(0, 500), max_size=10), st.sampled_from([0.0, 2e-4, 0.1]))
def test_cutting_does_not_change_a_bit(sizes, level):
    count = sum(sizes) + 100
    wave = hum(count, 0.001) + np.where(np.arange(count) // 400 % 2, word(count, level), 0).astype(np.float32)
    np.testing.assert_array_equal(silenced(wave, sizes), silenced(wave))


def test_a_word_that_is_said_at_once_is_not_faded_in():
    np.testing.assert_array_equal(silenced(word(1600)), word(1600))


def test_speech_of_the_reference_changes_in_its_pauses_alone(golden):
    recorded = golden("bicodec_decode")
    for wave in (remove_dc(recorded[key]) for key in recorded if key.endswith("|wav")):
        difference = silenced(wave) - wave
        assert np.mean(difference**2) <= 1e-6 * np.mean(wave**2)
