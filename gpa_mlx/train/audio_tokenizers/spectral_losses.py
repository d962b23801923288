"""Differentiable spectra and the losses on them.

Frames are centred in the middle of their hop, so that `T * hop` samples give exactly T frames, as a wave generator
makes them. Nothing here is a product with a DFT matrix: MLX's FFT differentiates and is several times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

from gpa_mlx.audio.dsp.mel import mel_filter_bank
from gpa_mlx.nn.layers import overlap_add
from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.nn.bicodec.config import MelArgs

LOG_FLOOR = 1e-3
"""Floor of log-mel magnitudes: below it digital silence would dominate a loss."""

STFT_SIZES = (256, 512, 1024, 2048)
"""FFT lengths of the multi-resolution loss; the hop is a quarter of each."""

_POWER_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class SpectrumArgs:
    """A short-time Fourier transform.

    Attributes:
        n_fft: FFT length in samples.
        win_length: Length of the periodic Hann window in samples, in the middle of the frame.
        hop_length: Hop in samples, at most `n_fft`.
    """

    n_fft: int
    win_length: int
    hop_length: int


def magnitudes(samples: mx.array, args: SpectrumArgs) -> mx.array:
    """Return the magnitude spectrum.

    Args:
        samples: `(B, N)` float32, N at least one hop; zeros are assumed beyond both ends.
        args: The transform.

    Returns:
        `(B, N // hop_length, n_fft // 2 + 1)` float32, smooth at zero (`sqrt(power + 1e-9)`).
    """
    count = samples.shape[1] // args.hop_length
    before = (args.n_fft - args.hop_length) // 2
    after = (count - 1) * args.hop_length + args.n_fft - before - samples.shape[1]
    padded = mx.pad(samples, [(0, 0), (before, max(0, after))])
    frames = _framing(args.n_fft, args.hop_length)(padded)[:, :count]
    spectrum = mx.fft.rfft(frames * _window(args.n_fft, args.win_length), axis=-1)
    real, imaginary = mx.real(spectrum), mx.imag(spectrum)
    return mx.sqrt(real * real + imaginary * imaginary + _POWER_EPS)


def linear_mel(spectrum: mx.array, *, rate_hz: int, n_mels: int, f_min_hz: float, f_max_hz: float | None) -> mx.array:
    """Sum magnitudes `(B, T, bins)` into Slaney mel bands `(B, T, n_mels)`; `f_max_hz` None is half the rate."""
    upper_hz = rate_hz / 2 if f_max_hz is None else f_max_hz
    return spectrum @ _bank(spectrum.shape[-1], n_mels, f_min_hz, upper_hz, rate_hz)


def log_mel(samples: mx.array, mel: MelArgs, hop_length: int) -> mx.array:
    """Return the log-mel spectrogram that a codec's decoder learns to predict.

    Args:
        samples: `(B, N)` float32.
        mel: Window and bands, as of the speaker encoder.
        hop_length: Hop in samples.

    Returns:
        `(B, N // hop_length, num_mels)`: natural logarithm of the magnitudes, floored at `LOG_FLOOR`.
    """
    spectrum = magnitudes(samples, SpectrumArgs(mel.n_fft, mel.win_length, hop_length))
    bands = linear_mel(
        spectrum, rate_hz=mel.sample_rate, n_mels=mel.num_mels, f_min_hz=mel.mel_fmin, f_max_hz=mel.mel_fmax
    )
    return mx.log(mx.maximum(bands, LOG_FLOOR))


def stft_loss(predicted: mx.array, target: mx.array) -> mx.array:
    """Compare two waveforms by their spectra at several resolutions (Parallel WaveGAN, arXiv 1910.11480).

    Args:
        predicted: `(B, N)` float32.
        target: Same shape.

    Returns:
        Scalar: mean over the resolutions of spectral convergence (relative Frobenius distance) and the mean absolute
        difference of log magnitudes, floored at `LOG_FLOOR`.
    """
    total = mx.array(0.0)
    for n_fft in STFT_SIZES:
        args = SpectrumArgs(n_fft, n_fft, n_fft // 4)
        ours, theirs = magnitudes(predicted, args), mx.stop_gradient(magnitudes(target, args))
        difference = ours - theirs
        convergence = mx.sqrt((difference * difference).sum() / ((theirs * theirs).sum() + _POWER_EPS) + _POWER_EPS)
        distance = mx.abs(mx.log(mx.maximum(ours, LOG_FLOOR)) - mx.log(mx.maximum(theirs, LOG_FLOOR))).mean()
        total = total + convergence + distance
    return total / len(STFT_SIZES)


@cache
def _framing(size: int, hop: int) -> Callable[[mx.array], mx.array]:
    """Return the function that cuts `(B, N)` into overlapping frames `(B, (N - size) // hop + 1, size)`.

    A strided view is the fastest way to frames, but the gradient that MLX derives for it is a slow scatter.
    """

    @mx.custom_function
    def frames(samples: mx.array) -> mx.array:
        batch, length = samples.shape
        return mx.as_strided(samples, (batch, (length - size) // hop + 1, size), (length, hop, 1))

    @frames.vjp
    def frames_vjp(samples: mx.array, cotangent: mx.array, _: mx.array) -> mx.array:
        gradient = overlap_add(cotangent[..., None], hop)[:, : samples.shape[1], 0]
        return mx.pad(gradient, [(0, 0), (0, samples.shape[1] - gradient.shape[1])])

    return cast("Callable[[mx.array], mx.array]", frames)


@cache
def _window(n_fft: int, win_length: int) -> mx.array:
    window = np.zeros(n_fft)
    start = (n_fft - win_length) // 2
    window[start : start + win_length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    return mx.array(window.astype(np.float32))


@cache
def _bank(bins: int, n_mels: int, f_min_hz: float, f_max_hz: float, rate_hz: int) -> mx.array:
    return mx.array(mel_filter_bank(bins, n_mels, f_min_hz, f_max_hz, rate_hz).astype(np.float32))
