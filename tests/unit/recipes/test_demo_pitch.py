"""Pitch and timbre: known tones, real synthesisers."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import FliteVoice
from gpa_mlx.recipes.demo.data.vocabulary import WORDS as VOCABULARY
from gpa_mlx.recipes.demo.evaluation.pitch import median_pitch, pitch_track, semitones
from gpa_mlx.recipes.demo.evaluation.speaker_embedding import SpeakerSpace

pytestmark = pytest.mark.slow  # not part of `make fast`

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")

SECOND = np.arange(16_000) / 16_000
WORDS = ("nine", "zero", "seven")


def harmonic(hz, amplitudes):
    orders = np.arange(1, len(amplitudes) + 1)[:, None]
    return (np.array(amplitudes)[:, None] * np.sin(2 * np.pi * hz * orders * SECOND)).sum(0).astype(np.float32)


@pytest.mark.parametrize("hz", [70.0, 101.3, 155.5, 240.0, 333.3, 400.0])
@pytest.mark.parametrize("amplitudes", [[1.0], [0.2, 1.0, 0.5], [0.0, 1.0, 1.0, 0.3], [1 / k for k in range(1, 15)]])
def test_tones_are_measured_within_one_percent(hz, amplitudes):
    assert median_pitch(0.1 * harmonic(hz, amplitudes)) == pytest.approx(hz, rel=0.01)


def test_noise_does_not_move_it():
    wave = harmonic(120.0, [1.0, 0.8, 0.6, 0.4])
    noise = np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    assert median_pitch(wave + 0.08 * noise) == pytest.approx(120.0, rel=0.03)


def test_what_is_not_periodic_has_no_pitch():
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    for wave in (np.zeros(16_000, np.float32), np.zeros(10, np.float32), np.zeros(0, np.float32), noise):
        assert len(pitch_track(wave)) <= 2
    assert median_pitch(np.zeros(16_000, np.float32)) is None


def test_semitones():
    assert semitones(100, 200) == semitones(200, 100) == pytest.approx(12)


@needs_flite
@pytest.mark.parametrize("hz", [150.0, 190.0])
def test_flite_speaks_at_the_pitch_asked_for(hz):
    wave = synthesise(FliteVoice("x", "slt", hz), WORDS, "steady", seed=0).wave
    measured = median_pitch(wave)
    assert measured == pytest.approx(hz, rel=0.08)  # flite is asked for a mean, words of a list fall or rise


@needs_flite
def test_resampling_moves_pitch_exactly():
    low, high = (
        median_pitch(synthesise(FliteVoice("x", "slt", 170, 1.0, factor), WORDS, "steady", seed=0).wave)
        for factor in (1.0, 1.2)
    )
    assert low is not None
    assert high == pytest.approx(1.2 * low, rel=0.03)


@needs_flite
def test_the_same_voice_is_more_similar_than_another():
    speakers = ("slt", "rms", "awb")
    learnt, other = VOCABULARY[:10], VOCABULARY[10:14]
    known = SpeakerSpace(
        {name: synthesise(FliteVoice(name, name, None), learnt, "steady", seed=0).wave for name in speakers}
    )
    for name in speakers:
        wave = synthesise(FliteVoice(name, name, None), other, "steady", seed=0).wave
        similarities = {voice: known.similarity(wave, voice) for voice in speakers}
        assert max(similarities, key=lambda voice: similarities[voice]) == name
        assert all(-1 <= value <= 1 for value in similarities.values())
        assert known.similarity(0.5 * wave, name) == pytest.approx(similarities[name], abs=0.02)
