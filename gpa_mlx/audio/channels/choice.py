"""Which channels of a stretch of speech are to be heard.

The reference hears every recording twice: one half of the model channel 0, the other the mean of all channels. That is
right for ordinary stereo, where every channel has the same speech, and stays so. It loses words where channel 0 has no
speech or only a part of it, where it has much more noise than another channel, and where the channels cancel. For such
a stretch this module finds the channels that, averaged, have all of the speech: a single one if that is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from gpa_mlx.audio.dsp.periodicity import FRAME_SAMPLES, has_pitch

if TYPE_CHECKING:
    from collections.abc import Sequence

Channels: TypeAlias = tuple[int, ...] | None
"""The channels that are averaged for both halves of the model; None is the reference's rule."""

Matrix: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

_SMOOTHING_FRAMES = 3
_FLOOR_RISE = 10 ** (1 / 10)  # the quietest of many frames of noise lies 1 dB below their mean
_SMALLEST_POWER = 1e-11
_LOUD = 10 ** (-20 / 10)
_COVERED = 10 ** (-10 / 10)
_HOLE_FRAMES = 8
_MOST_MISSING = 0.1
_BACK_FRAMES = 3
_LESS_SNR = 10 ** (-8 / 10)
_GOOD_SNR = 10 ** (20 / 10)
_TIE_SNR = 10 ** (-3 / 10)
_VOICED, _UNVOICED = 0.3, 0.1
_SAME_WAVE = 0.5
_SAME_SPECTRUM = 0.6
_BANDS = 16
_SPECTRUM_DB = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class SpeechRun:
    """A stretch in which at least one channel may have speech; frames of 20 ms at 16 kHz.

    Attributes:
        frames: Samples of the stretch alone, `(channels, frames, samples)`.
        powers: Mean-square power in the band of speech, `(frames, channels + 1)`: of every channel and, last, of their
            mean; with some of what is before and after the stretch, for the noise floor.
        gates: In which frames each channel's energy gate is open, `(frames, channels)`, as long as `powers`.
        start: First frame of the stretch in `powers`.
    """

    frames: Matrix
    powers: Matrix
    gates: Mask
    start: int


def choose_channels(run: SpeechRun, previous: Channels) -> Channels:
    """Return what is to be heard of a stretch.

    Args:
        run: The stretch.
        previous: What is heard of the one before it; between equally good channels it decides.
    """
    evidence = _Evidence(run)
    if not evidence.loud.any() or evidence.suits_reference(is_usual=previous is None):
        return None
    return evidence.fewest_channels(previous or ())


class _Evidence:
    """What is measured of one stretch."""

    def __init__(self, run: SpeechRun) -> None:
        self._run = run
        count = run.frames.shape[1]
        self._channels = run.frames.shape[0]
        smoothed = _smoothed(run.powers)
        self._floors = np.maximum(smoothed.min(axis=0) * _FLOOR_RISE, _SMALLEST_POWER)
        part = slice(run.start, run.start + count)
        excess = np.maximum(smoothed[part] - self._floors, 0.0)
        self._speech = excess[:, :-1] * _widened(run.gates, _BACK_FRAMES)[part]
        self._mean = excess[:, -1]
        self._drop_noise()
        loudest = self._speech.max(axis=1)
        self.loud: Mask = loudest > max(_LOUD * float(loudest.max()), _SMALLEST_POWER)
        self._covered = (self._speech >= _COVERED * loudest[:, None]) & (self._speech > 0) & self.loud[:, None]
        self._present = [bool(_longest(self._covered[:, channel]) >= _HOLE_FRAMES) for channel in range(self._channels)]
        self._snrs = np.array([self._snr(channel) for channel in range(self._channels)])
        self._least_snr = min(float(self._snrs.max()) * _LESS_SNR, _GOOD_SNR)

    def suits_reference(self, *, is_usual: bool) -> bool:
        """Return whether channel 0 and the mean of all channels have all the speech, both as clearly as any channel.

        Args:
            is_usual: The reference's rule was good so far; if not, every channel has to have the speech.
        """
        if self._has_holes(self._covered[:, 0]) or self._snrs[0] < self._least_snr:
            return False
        if not is_usual and not all(self._present):
            return False
        expected = self._speech.sum(axis=1) / self._channels**2  # what is left of channels that have nothing in common
        if self._has_holes(self._mean >= _COVERED * expected):
            return False
        if self._mean[self.loud].mean() / self._floors[-1] < self._least_snr:
            return False
        others = [channel for channel in range(1, self._channels) if self._present[channel]]
        return all(self._is_same(0, channel) for channel in others)

    def fewest_channels(self, previous: Sequence[int]) -> tuple[int, ...]:
        """Return the channels that together have all the speech, the clearest first chosen, in order."""
        order = sorted(range(self._channels), key=lambda channel: self._rank(channel, previous), reverse=True)
        chosen = order[:1]
        heard = self._covered[:, chosen[0]]
        for channel in order[1:]:
            if self._snrs[channel] < self._least_snr:
                continue
            adds = _longest(self._covered[:, channel] & ~heard) >= _HOLE_FRAMES
            if adds or (self._present[channel] and not any(self._is_same(other, channel) for other in chosen)):
                chosen.append(channel)
                heard = heard | self._covered[:, channel]
        return tuple(sorted(chosen))

    def _rank(self, channel: int, previous: Sequence[int]) -> tuple[bool, int, bool, float, int]:
        """Return what to sort by: not too noisy, most of the speech, chosen before, clear and loud, the first."""
        covered = int(np.count_nonzero(self._covered[:, channel])) // _HOLE_FRAMES
        is_clear = bool(self._snrs[channel] >= self._least_snr)
        level = round(10 * np.log10(float(self._speech[self.loud, channel].sum()) + _SMALLEST_POWER) / 3)
        snr = min(float(self._snrs[channel]), _GOOD_SNR)
        is_near = snr >= _TIE_SNR * min(float(self._snrs.max()), _GOOD_SNR)
        return is_clear, covered, channel in previous and is_near, is_near * 1000 + level, -channel

    def _snr(self, channel: int) -> float:
        """Return the power of a channel's speech, where it has any, over that of its noise."""
        covered = self._covered[:, channel]
        return float(self._speech[covered, channel].mean() / self._floors[channel]) if covered.any() else 0.0

    def _has_holes(self, covered: Mask) -> bool:
        missing = self.loud & ~covered
        return _longest(missing) >= _HOLE_FRAMES or np.count_nonzero(missing) > _MOST_MISSING * self.loud.sum()

    def _drop_noise(self) -> None:
        """Take channels that are never voiced for noise when others clearly are voiced."""
        active = [channel for channel in range(self._channels) if self._speech[:, channel].any()]
        if len(active) < 2:
            return
        shares = {channel: self._voiced_share(channel) for channel in active}
        if max(shares.values()) >= _VOICED:
            for channel, share in shares.items():
                if share < _UNVOICED:
                    self._speech[:, channel] = 0.0

    def _voiced_share(self, channel: int) -> float:
        speech = self._speech[:, channel]
        samples = np.pad(self._run.frames[channel].reshape(-1), FRAME_SAMPLES // 2)
        step = self._run.frames.shape[2]
        centred = sliding_window_view(samples, FRAME_SAMPLES)[step // 2 :: step][: len(speech)]
        return float(has_pitch(centred[speech > _LOUD * speech.max()]).mean())

    def _is_same(self, first: int, second: int) -> bool:
        """Return whether two channels have the same speech, be it late, reverberant or upside down in one of them."""
        one, other = (self._run.frames[channel][self.loud] for channel in (first, second))
        one, other = one - one.mean(), other - other.mean()
        scale = np.sqrt(float(np.vdot(one, one)) * float(np.vdot(other, other)))
        if abs(float(np.vdot(one, other))) >= _SAME_WAVE * scale:
            return True
        one, other = _spectrogram(one), _spectrogram(other)
        scale = np.sqrt(float(np.vdot(one, one)) * float(np.vdot(other, other)))
        return float(np.vdot(one, other)) >= _SAME_SPECTRUM * scale


def _spectrogram(frames: Matrix) -> Matrix:
    """Return the level of each band and frame in dB, `(frames, bands)`, without what the frames have in common."""
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1] + 1)[:-1])))
    edges = np.unique(np.round(np.geomspace(4, 80, _BANDS + 1)).astype(int))  # 200 to 4000 Hz
    bands = 10 * np.log10(np.add.reduceat(spectrum, edges, axis=1)[:, :-1] + 1e-12)
    bands = np.maximum(bands, bands.max() - _SPECTRUM_DB)
    return bands - bands.mean(axis=0)


def _smoothed(powers: Matrix) -> Matrix:
    padded = np.pad(powers, ((_SMOOTHING_FRAMES // 2, _SMOOTHING_FRAMES // 2), (0, 0)), mode="edge")
    return sliding_window_view(padded, _SMOOTHING_FRAMES, axis=0).mean(axis=-1)


def _widened(mask: Mask, frames: int) -> Mask:
    """Let every True of `(frames, channels)` reach `frames` further on both sides."""
    padded = np.pad(mask, ((frames, frames), (0, 0)))
    return np.asarray(sliding_window_view(padded, 2 * frames + 1, axis=0).any(axis=-1))


def _longest(mask: Mask) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
