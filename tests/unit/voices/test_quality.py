"""Scores of clips: better clips must have better scores, and the best part must be found."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.dsp.periodicity import has_pitch
from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.recording import Recording
from gpa_mlx.model import demo
from gpa_mlx.voices.quality import best_window, score_clip

RATE = 16_000
TEXT = "The quick brown fox jumps over the lazy dog. We were away a year ago."


def recording(samples):
    samples = np.asarray(samples, dtype=np.float64)
    return Recording(samples, samples)


def score(samples):
    return score_clip(recording(samples))


def chords(count):
    """Four chords of one second each, again and again, of power 1."""
    time_s = np.arange(count) / RATE
    roots = np.array([220.0, 174.6, 261.6, 196.0])[np.arange(count) // RATE % 4]
    wave = sum(
        np.sin(2 * np.pi * roots * ratio * harmonic * time_s) / harmonic
        for ratio in (1.0, 1.26, 1.5)
        for harmonic in (1, 2, 3)
    )
    return wave / np.sqrt(np.mean(np.square(wave)))


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(0, 1, count)


@pytest.fixture(
    params=[
        *(sample.voice for sample in demo.demo_samples()),
        "espeak-ng en-us",
        "espeak-ng en+f3",
        "flite slt",
        "flite awb",
    ]
)
def speech(request, tmp_path):
    """Some seconds of clean synthesised speech with a peak of 0.5."""
    program, _, voice = request.param.partition(" ")
    if voice:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        out = str(tmp_path / "speech.wav")
        options = {"espeak-ng": ["-v", voice, "-w", out, TEXT], "flite": ["-voice", voice, "-t", TEXT, "-o", out]}
        subprocess.run([program, *options[program]], check=True, capture_output=True)
        samples = load_recording(out).first_channel
    else:
        (file,) = (sample.file for sample in demo.demo_samples() if sample.voice == request.param)
        samples = np.tile(load_recording(file).first_channel, 3)
    return 0.5 * samples / np.abs(samples).max()


@pytest.mark.slow
def test_what_is_worse_has_a_lower_score(speech):
    level, count = np.sqrt(np.mean(np.square(speech))), len(speech)
    clean = score(speech)
    little_noise, much_noise = (score(speech + noise(count) * level * 10 ** (-db / 20)) for db in (25, 10))
    little_clipping, much_clipping = (score(np.clip(gain * speech, -0.5, 0.5)) for gain in (1.3, 3.0))
    quiet_music, loud_music = (score(speech + chords(count) * level * 10 ** (-db / 20)) for db in (20, 5))
    assert clean.total > 90
    assert clean.total > little_noise.total > much_noise.total > 0
    assert clean.total >= little_clipping.total > much_clipping.total
    assert clean.total > quiet_music.total > loud_music.total
    assert quiet_music.total < score(speech + noise(count) * level * 10 ** (-20 / 20)).total

    assert clean.snr_db > 35 > 28 > little_noise.snr_db > 20 > 15 > much_noise.snr_db > 5
    assert clean.clipping_share < 0.001 < 0.005 < much_clipping.clipping_share < 0.3
    assert clean.tone_bed_db < -24
    assert quiet_music.tone_bed_db == pytest.approx(-20, abs=3)
    assert loud_music.tone_bed_db == pytest.approx(-6.2, abs=2)
    assert much_noise.tone_bed_db < -24
    assert clean.voicing_share > 0.35
    assert clean.speech_share > 0.5


@pytest.mark.parametrize("loudness", [1e-3, 0.1, 1.0])
def test_what_is_no_speech_has_no_score(loudness):
    for samples in (np.zeros(5 * RATE), noise(5 * RATE) * loudness / 4, chords(5 * RATE) * loudness / 4):
        quality = score(samples)
        assert (quality.total, quality.speech_share) == (0, 0)


def test_whispering_has_no_voicing(speech):
    """The same spectrum and envelope with random phases in every 10 ms has no period left."""
    frames = speech[: len(speech) // 160 * 160].reshape(-1, 160)
    whispered = np.abs(frames).mean(axis=1, keepdims=True) * noise(frames.size).reshape(-1, 160)
    assert score(whispered.ravel()).voicing_share < 0.1


def test_only_flat_tops_are_clipping():
    """Peaks of one and two samples are none, however many; four equal samples are."""
    samples = 0.5 * np.sin(np.arange(RATE))
    samples[::100] = samples[1::200] = 1.0
    assert score(samples).clipping_share == 0
    samples[1000:1004] = samples[2000:2004] = -1.0
    assert score(samples).clipping_share == pytest.approx(8 / RATE, rel=0.3)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.45, 0.0), (0.75, 1.0), (1.0, 1.0)])
def test_a_voice_has_most_of_its_power_in_one_period(share, expected):
    tone = np.sqrt(2) * np.sin(2 * np.pi * 125 * np.arange(40 * 1024) / RATE)
    frames = (np.sqrt(share) * tone + np.sqrt(1 - share) * noise(len(tone))).reshape(-1, 1024)
    assert has_pitch(frames).mean() == pytest.approx(expected, abs=0.1)


def test_the_level_does_not_matter(speech):
    assert score(0.2 * speech).total == pytest.approx(score(speech).total, abs=5)


def test_the_best_window_is_found(speech):
    """Clean speech between noisy, clipped and silent parts."""
    clean = np.resize(speech, 4 * RATE)
    level = np.sqrt(np.mean(np.square(clean)))
    parts = [
        clean + noise(len(clean)) * level / 2,
        clean + chords(len(clean)) * level / 3,
        np.zeros(2 * RATE),
        clean,
        clean + noise(len(clean), 1) * level / 4,
    ]
    window = best_window(recording(np.concatenate(parts)), 3.0)
    assert window.end_s - window.start_s == pytest.approx(3.0)
    assert 9.5 <= window.start_s <= 11.25
    assert window.quality.total > 60


def test_a_short_recording_is_taken_as_it_is(speech):
    short = recording(speech[: 2 * RATE])
    window = best_window(short, 6.0)
    assert (window.start_s, window.end_s) == (0, 2)
    assert window.quality == score_clip(short)


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0.02, 0.05, -0.2])
def test_an_offset_is_no_noise(speech, offset):
    quality = score(speech + offset)
    assert quality.total == pytest.approx(score(speech).total, abs=3)
    assert quality.snr_db == pytest.approx(score(speech).snr_db, abs=3)
    assert quality.clipping_share < 0.001
    assert score(np.clip(3 * speech, -0.5, 0.5) + offset).clipping_share > 0.005


def test_an_offset_that_comes_and_drifts_is_no_noise(speech):
    drift = np.linspace(0, 0.1, len(speech)) + np.where(np.arange(len(speech)) > len(speech) // 2, 0.05, 0.0)
    assert score(speech + drift).snr_db == pytest.approx(score(speech).snr_db, abs=8)


def test_silence_around_the_speech_of_a_short_recording_is_left_out(speech):
    word = speech[: RATE + RATE // 2]
    window = best_window(recording(np.pad(word, (3 * RATE, RATE)) + 0.001 * noise(5 * RATE + RATE // 2)), 6.0)
    assert 2.5 < window.start_s < 3.5
    assert window.end_s < 5.0


def test_of_equal_windows_the_first_is_taken():
    assert best_window(recording(np.zeros(10 * RATE)), 3.0).start_s == 0


@given(
    st.integers(1, 3000),
    st.sampled_from([0.0, 1e-200, 1e-9, 1.0, 1e4]),
    st.sampled_from(["noise", "constant", "click"]),
)
def test_any_samples_have_finite_scores(count, level, kind):
    samples = {"noise": noise(count), "constant": np.ones(count), "click": np.eye(1, count)[0]}[kind] * level
    with np.errstate(all="raise", under="ignore"):
        quality = score(samples)
    assert 0 <= quality.total <= 100
    assert 0 <= quality.snr_db <= 60
    assert -60 <= quality.tone_bed_db <= 0
    for share in (quality.clipping_share, quality.voicing_share, quality.speech_share):
        assert 0 <= share <= 1
