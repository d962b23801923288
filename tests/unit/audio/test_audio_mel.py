"""Filter banks, spectra and the input scaling of the encoders."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.audio.dsp.mel import linear_mel, mel_filter_bank, reference_clip, whisper_log_mel, zero_mean_unit_variance
from gpa_mlx.errors import AudioFileError, InputTooLongError

LINEAR = {
    "rate_hz": 16_000,
    "n_fft": 1024,
    "win_length": 640,
    "hop_length": 320,
    "f_min_hz": 10.0,
    "f_max_hz": None,
    "n_mels": 80,
}


def noise(samples, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def log_mel(samples, **changes):
    return whisper_log_mel(samples, **({"n_mels": 128, "pad_multiple_samples": 1280} | changes))


@pytest.mark.parametrize(("n_freqs", "n_mels", "low", "high"), [(201, 128, 0.0, 8000.0), (513, 40, 10.0, 7000.0)])
def test_filters_are_triangles_of_unit_area(n_freqs, n_mels, low, high):
    bank = mel_filter_bank(n_freqs * 8 - 7, n_mels, low, high, 16_000)
    bins_hz = np.linspace(0, 8000, len(bank))
    assert np.allclose(bank.sum(axis=0) * (bins_hz[1] - bins_hz[0]), 1.0, atol=0.05)
    assert (bank >= 0).all()
    assert not bank[(bins_hz <= low) | (bins_hz >= high)].any()
    centres = (bank * bins_hz[:, None]).sum(axis=0) / bank.sum(axis=0)
    assert (np.diff(centres) > 0).all()


def test_bands_are_equally_wide_below_1_khz_and_grow_above():
    bank = mel_filter_bank(4001, 60, 0.0, 8000.0, 16_000)
    bins_hz = np.linspace(0, 8000, len(bank))
    peaks_hz = bins_hz[bank.argmax(axis=0)]
    low = np.diff(peaks_hz[peaks_hz < 900])
    assert np.allclose(low, low[0], atol=4)
    high = peaks_hz[peaks_hz > 1200]
    assert np.allclose(high[1:] / high[:-1], high[1] / high[0], atol=0.01)


def test_a_shared_filter_bank_cannot_be_damaged():
    bank = mel_filter_bank(201, 128, 0.0, 8000.0, 16_000)
    with pytest.raises(ValueError, match="read-only"):
        bank[0, 0] = 1.0


@pytest.mark.parametrize(("samples", "frames", "valid"), [(1, 8, 1), (1280, 8, 8), (1281, 16, 9), (17_840, 112, 112)])
def test_log_mel_is_padded_to_whole_tokens(samples, frames, valid):
    mel = log_mel(noise(samples))
    assert mel.frames.shape == (frames, 128)
    assert mel.valid_frames == valid


def test_log_mel_of_a_tone_peaks_in_its_band():
    wave = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    frames = log_mel(wave).frames
    centre = mel_filter_bank(201, 128, 0.0, 8000.0, 16_000)[round(1000 / 40)].argmax()
    assert (np.abs(frames[5:90].argmax(axis=1) - centre) <= 1).all()
    assert frames.max() - frames.min() <= 2.0 + 1e-6


def test_log_mel_of_silence_is_the_floor():
    assert np.allclose(log_mel(np.zeros(1280, dtype=np.float32)).frames, (-10 + 4) / 4)


def test_log_mel_accepts_exactly_the_limit_and_refuses_more():
    assert log_mel(noise(3200), max_samples=3200).valid_frames == 20
    with pytest.raises(InputTooLongError, match=r"0\.20 s long; one pass takes at most 0\.2 s"):
        log_mel(noise(3201), max_samples=3200)


def test_log_mel_of_other_sizes():
    mel = log_mel(noise(5000), n_mels=80, n_fft=512, hop_length=128, pad_multiple_samples=1024)
    assert mel.frames.shape == (40, 80)
    assert mel.valid_frames == 40


def test_linear_mel_is_linear():
    wave = noise(9600)
    mel = linear_mel(wave, **LINEAR)
    assert mel.shape == (31, 80)
    assert mel.dtype == np.float32
    assert np.allclose(linear_mel(3 * wave, **LINEAR), 3 * mel, rtol=1e-4)


def test_linear_mel_equals_a_direct_sum():
    """One frame by the definition: a short periodic window in the middle of the FFT, no fast transform."""
    wave = noise(4096)
    mel = linear_mel(wave, **LINEAR)
    frame, n_fft, win = 5, 1024, 640
    start = frame * 320 - n_fft // 2
    window = np.zeros(n_fft)
    window[192 : 192 + win] = np.sin(np.pi * np.arange(win) / win) ** 2
    samples = wave[start : start + n_fft] * window
    bins = np.arange(n_fft // 2 + 1)
    spectrum = np.abs(np.exp(-2j * np.pi * np.outer(bins, np.arange(n_fft)) / n_fft) @ samples)
    assert np.allclose(mel[frame], spectrum @ mel_filter_bank(513, 80, 10.0, 8000.0, 16_000), atol=1e-5)


def test_an_explicit_upper_edge_is_respected():
    high = np.sin(2 * np.pi * 7000 * np.arange(16_000) / 16_000).astype(np.float32)
    below = linear_mel(high, **(LINEAR | {"f_max_hz": 4000.0}))
    assert below[5:-5].max() < 1e-3 * linear_mel(high, **LINEAR)[5:-5].max()


@pytest.mark.parametrize(("samples", "seconds", "length"), [(10, 0.1, 1600), (5000, 0.1, 1600), (1, 0.05, 640)])
def test_the_reference_clip_is_repeated_or_cut(samples, seconds, length):
    wave = noise(samples)
    clip = reference_clip(wave, rate_hz=16_000, seconds=seconds, hop_length=320)
    assert len(clip) == length
    assert clip.dtype == np.float32
    assert np.array_equal(clip, wave[np.arange(length) % samples])


def test_no_reference_clip_of_nothing():
    with pytest.raises(AudioFileError):
        reference_clip(np.zeros(0, dtype=np.float32), rate_hz=16_000, seconds=6, hop_length=320)


def test_zero_mean_unit_variance():
    scaled = zero_mean_unit_variance(noise(5000) + np.float32(0.3))
    assert scaled.dtype == np.float32
    assert abs(scaled.mean()) < 1e-5
    assert scaled.std() == pytest.approx(1.0, abs=1e-3)
    assert not zero_mean_unit_variance(np.zeros(100, dtype=np.float32)).any()
    assert len(zero_mean_unit_variance(np.zeros(0, dtype=np.float32))) == 0
