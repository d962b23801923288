"""Spectral features and input scaling of the three encoders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gpa_mlx.errors import AudioFileError, InputTooLongError
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    from gpa_mlx.types import Samples

_LOG_FLOOR = 1e-10
_LOG_RANGE = 8.0
_VARIANCE_FLOOR = 1e-7

# The Slaney mel scale: linear up to 1 kHz (15 mels), then logarithmic with 27 steps for a factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


@dataclass(frozen=True, slots=True, eq=False)
class LogMel:
    """Whisper features of one clip.

    Attributes:
        frames: `(frames, n_mels)` float32, the padded frames included.
        valid_frames: Frames that hold audio; the rest is padding.
    """

    frames: npt.NDArray[np.float32]
    valid_frames: int


def whisper_log_mel(
    samples: Waveform,
    *,
    n_mels: int,
    n_fft: int = 400,
    hop_length: int = 160,
    pad_multiple_samples: int,
    max_samples: int = 480_000,
) -> LogMel:
    """Compute the features of the GLM tokenizer: Whisper's log-mel, padded only to whole tokens.

    Power spectrum of reflect-centred Hann frames (the last one dropped), Slaney mel from 0 Hz to half the rate, log10,
    the range limited to 8 below the clip's maximum, `(x + 4) / 4`. Source: `WhisperFeatureExtractor` of transformers,
    which cuts what is too long silently; here that is an error.

    Args:
        samples: `(samples,)` float32 at 16 kHz.
        n_mels: Mel bands.
        n_fft: Window and FFT length in samples.
        hop_length: Hop in samples.
        pad_multiple_samples: Zeros are appended up to a multiple of this, a multiple of `hop_length`.
        max_samples: Longest input.

    Returns:
        `padded samples / hop_length` frames, of which `ceil(samples / hop_length)` are valid.

    Raises:
        InputTooLongError: More than `max_samples`.
    """
    if len(samples) > max_samples:
        raise InputTooLongError(
            f"The audio is {len(samples) / SAMPLE_RATE_HZ:.2f} s long; "
            f"one pass takes at most {max_samples / SAMPLE_RATE_HZ:g} s.",
            hint="Cut it into segments.",
        )
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % pad_multiple_samples))
    spectrum = _magnitudes(padded, n_fft, n_fft, hop_length)[:-1] ** 2
    bank = mel_filter_bank(n_fft // 2 + 1, n_mels, 0.0, SAMPLE_RATE_HZ / 2, SAMPLE_RATE_HZ)
    log_mel = np.log10(np.maximum(spectrum @ bank, _LOG_FLOOR))
    log_mel = np.maximum(log_mel, log_mel.max(initial=-math.inf) - _LOG_RANGE)
    return LogMel(((log_mel + 4.0) / 4.0).astype(np.float32), -(-len(samples) // hop_length))


def linear_mel(
    samples: Waveform,
    *,
    rate_hz: int,
    n_fft: int,
    win_length: int,
    hop_length: int,
    f_min_hz: float,
    f_max_hz: float | None,
    n_mels: int,
) -> npt.NDArray[np.float32]:
    """Compute the features of BiCodec's speaker encoder: a mel spectrogram of magnitudes, without logarithm.

    Source: torchaudio's `MelSpectrogram(power=1, norm="slaney", mel_scale="slaney")` as Spark-TTS uses it.

    Args:
        samples: `(samples,)` float32, more than `n_fft / 2`.
        rate_hz: Rate of `samples`.
        n_fft: FFT length in samples; the shorter window sits in its middle.
        win_length: Length of the periodic Hann window in samples, at most `n_fft`.
        hop_length: Hop in samples.
        f_min_hz: Lower edge of the lowest band.
        f_max_hz: Upper edge of the highest band; None is half the rate.
        n_mels: Mel bands.

    Returns:
        `(1 + samples // hop_length, n_mels)` float32.
    """
    spectrum = _magnitudes(samples.astype(np.float64), n_fft, win_length, hop_length)
    upper_hz = rate_hz / 2 if f_max_hz is None else f_max_hz
    return (spectrum @ mel_filter_bank(n_fft // 2 + 1, n_mels, f_min_hz, upper_hz, rate_hz)).astype(np.float32)


@cache
def mel_filter_bank(
    n_freqs: int, n_mels: int, f_min_hz: float, f_max_hz: float, rate_hz: int
) -> npt.NDArray[np.float64]:
    """Return triangular filters on the Slaney mel scale, each of unit area (Slaney norm).

    Args:
        n_freqs: FFT bins, `n_fft // 2 + 1`.
        n_mels: Bands.
        f_min_hz: Lower edge of the lowest band.
        f_max_hz: Upper edge of the highest band.
        rate_hz: Sample rate.

    Returns:
        `(n_freqs, n_mels)` float64, read-only.
    """
    bins_hz = np.linspace(0.0, rate_hz // 2, n_freqs)
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(f_min_hz), _hz_to_mel(f_max_hz), n_mels + 2))
    widths_hz = np.diff(edges_hz)
    offsets_hz = bins_hz[:, None] - edges_hz[None, :]
    rising = offsets_hz[:, :-2] / widths_hz[:-1]
    falling = -offsets_hz[:, 2:] / widths_hz[1:]
    bank = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges_hz[2:] - edges_hz[:-2]))
    bank.flags.writeable = False
    return bank


def reference_clip(samples: Waveform, *, rate_hz: int, seconds: float, hop_length: int) -> Waveform:
    """Return the part of a recording that BiCodec takes a voice from: its start, or all of it repeated.

    Args:
        samples: `(samples,)`, at least one.
        rate_hz: Rate of `samples`.
        seconds: Wanted length.
        hop_length: The length is rounded down to a multiple of this.

    Returns:
        `(int(rate_hz * seconds) // hop_length * hop_length,)`, same dtype.

    Raises:
        AudioFileError: There are no samples.
    """
    if len(samples) == 0:
        raise AudioFileError("The recording holds no samples.", hint="Give a recording of a voice.")
    length = int(rate_hz * seconds) // hop_length * hop_length
    return np.tile(samples, -(-length // len(samples)))[:length]


def zero_mean_unit_variance(samples: Waveform) -> Waveform:
    """Scale as wav2vec2 expects: `(x - mean) / sqrt(population variance + 1e-7)`, `(samples,)` float32."""
    if len(samples) == 0:
        return samples
    return ((samples - samples.mean()) / np.sqrt(samples.var() + _VARIANCE_FLOOR)).astype(np.float32)


def _magnitudes(samples: Samples, n_fft: int, win_length: int, hop_length: int) -> npt.NDArray[np.float64]:
    """Return the magnitude spectrum of reflect-centred frames, `(frames, n_fft // 2 + 1)`."""
    padded = np.pad(samples, n_fft // 2, mode="reflect" if len(samples) else "constant")
    frames = sliding_window_view(padded, n_fft)[::hop_length]
    return np.abs(np.fft.rfft(frames * _centred_hann(n_fft, win_length), axis=-1))


@cache
def _centred_hann(n_fft: int, win_length: int) -> npt.NDArray[np.float64]:
    """Return a periodic Hann window in the middle of `n_fft` samples."""
    window = np.zeros(n_fft)
    start = (n_fft - win_length) // 2
    window[start : start + win_length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    window.flags.writeable = False
    return window


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, _BREAK_HZ * np.exp((mel - _BREAK_MEL) * _LOG_STEP))
