"""The energy gate: steady sounds are not speech, speech is found, also in noise."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.vad.energy_gate import EnergyGate, EnergyGateConfig

RATE_HZ = 16_000
FRAME = EnergyGateConfig().frame_samples


def mask_of(samples, *, gate=None, frames_at_once=50):
    gate = gate or EnergyGate()
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    decisions = [gate.push(frames[start : start + frames_at_once]) for start in range(0, len(frames), frames_at_once)]
    mask = np.concatenate([*decisions, gate.flush()])
    assert len(mask) == len(frames)
    return mask


def level(samples, db):
    return samples / samples.std() * 10 ** (db / 20)


def noise(seconds, colour="white", seed=0):
    white = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    exponent = {"white": 0.0, "pink": 0.5, "brown": 1.0}[colour]
    spectrum = np.fft.rfft(white)
    frequency = np.fft.rfftfreq(len(white), 1 / RATE_HZ)
    return np.fft.irfft(spectrum / np.maximum(frequency, 20) ** exponent, n=len(white))


def hum(seconds, mains_hz, phase):
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return sum(np.sin(2 * np.pi * mains_hz * k * time_s + k * phase) / k for k in range(1, 12))


@pytest.fixture
def speech(golden_audio):
    return lambda audio_id: soundfile.read(golden_audio(audio_id))[0]


@pytest.mark.parametrize("db", [-80, -60, -40, -20, -10])
@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
@pytest.mark.parametrize("seconds", [0.1, 0.7, 2.01, 30])
def test_steady_noise_of_any_level_is_not_speech(seconds, colour, db):
    assert not mask_of(level(noise(seconds, colour), db)).any()


@pytest.mark.parametrize("db", [-60, -40, -10])
@pytest.mark.parametrize("mains_hz", [50, 60, 100, 120])
@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_hum_is_not_speech(mains_hz, phase, db):
    assert not mask_of(level(hum(10, mains_hz, phase), db)).any()


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE_HZ * 3), np.full(RATE_HZ * 3, 0.5)])
def test_silence_and_a_constant_offset_are_not_speech(samples):
    assert not mask_of(samples).any()


def test_noise_that_begins_and_ends_suddenly_is_not_speech():
    silence = np.zeros(RATE_HZ * 5)
    parts = [silence, level(noise(8), -40), silence, level(noise(8), -15), level(noise(8), -50), silence]
    assert not mask_of(np.concatenate(parts)).any()


def test_a_click_is_not_speech():
    samples = level(noise(6), -70)
    samples[RATE_HZ * 3 : RATE_HZ * 3 + 200] += 0.8
    assert not mask_of(samples).any()


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.03])
@pytest.mark.parametrize("audio_id", ["slt", "rms", "cmn"])
def test_speech_is_found(speech, audio_id, gain):
    samples = gain * speech(audio_id)
    mask = mask_of(samples)
    energy = np.square(samples[: len(mask) * FRAME]).reshape(-1, FRAME).sum(axis=1)
    assert energy[mask].sum() > 0.9 * energy.sum()


@pytest.mark.parametrize("audio_id", ["slt", "rms", "cmn"])
@pytest.mark.parametrize(("snr_db", "share"), [(20, 0.9), (10, 0.75), (5, 0.4)])
def test_speech_in_noise_is_found(speech, audio_id, snr_db, share):
    clean = speech(audio_id)
    disturbed = clean + level(noise(len(clean) / RATE_HZ), 20 * np.log10(clean.std()) - snr_db)
    mask = mask_of(disturbed)
    energy = np.square(clean[: len(mask) * FRAME]).reshape(-1, FRAME).sum(axis=1)
    assert energy[mask].sum() > share * energy.sum()


def test_speech_over_hum_is_found(speech):
    clean = speech("rms")
    mask = mask_of(clean + level(hum(len(clean) / RATE_HZ, 50, 1.0), 20 * np.log10(clean.std())))
    assert mask.mean() > 0.4


def test_speech_between_silences_is_found_where_it_is(speech):
    silence = level(noise(10, seed=3), -75)
    mask = mask_of(np.concatenate([silence, speech("rms"), silence]))
    found = np.flatnonzero(mask) * FRAME / RATE_HZ
    assert 10.0 <= found[0] < 10.3
    assert 14.0 < found[-1] < 14.5


@pytest.mark.parametrize("frames_at_once", [1, 7, 99, 100, 101, 1000])
def test_decisions_do_not_depend_on_how_frames_arrive(speech, frames_at_once):
    samples = np.concatenate([speech("slt"), level(noise(3), -50), speech("cmn"), np.zeros(5000), speech("slt")])
    assert np.array_equal(mask_of(samples, frames_at_once=frames_at_once), mask_of(samples))


def test_decisions_come_about_two_seconds_later(speech):
    gate = EnergyGate()
    frames = speech("rms")[: 200 * FRAME].reshape(-1, FRAME)
    pushed = len(gate.push(frames))
    assert 95 <= pushed <= 100
    assert pushed + len(gate.flush()) == 200


def test_reset_forgets_the_recording_before(speech):
    gate = EnergyGate()
    gate.push(level(noise(5), -5)[: 200 * FRAME].reshape(-1, FRAME))
    gate.reset()
    assert np.array_equal(mask_of(speech("cmn"), gate=gate), mask_of(speech("cmn")))
