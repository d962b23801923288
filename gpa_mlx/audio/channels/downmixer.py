"""The mono of a recording with several channels, stretch by stretch, in one pass and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gpa_mlx.audio.channels.choice import Channels, SpeechRun, choose_channels
from gpa_mlx.audio.recording import Recording
from gpa_mlx.audio.vad.cut_points import quietest_cut
from gpa_mlx.audio.vad.energy_gate import EnergyGate
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.audio.recording import Samples

MAX_CHANNELS = 64
"""More are not listened to one by one: then the reference's rule holds."""

_PIECE_S = 1.0
_GAP_S = 0.3
_LONGEST_RUN_S = 10.0
_CONTEXT_S = 1.0
_LEAD_S = 0.5
_FIRST_S = 30.0
_MOST_VALUES = 1 << 24  # 128 MiB


@dataclass(frozen=True, slots=True)
class _Part:
    """From `start` on, counted in frames from the beginning of the recording, these channels are heard."""

    start: int
    channels: Channels


class SpeechDownmixer:
    """Finds the speech in the channels of a recording, and returns the mono to be heard.

    Stretches in which a channel's energy gate is open, with pauses of less than 0.3 s, are judged one by one by
    `choose_channels`; what is chosen changes in the pause before a stretch, within one frame. The result does not
    depend on how the audio is divided into blocks. It comes up to 12 s late, and up to 30 s at the beginning, so that
    what is heard before the first word is that channel's, too.

    Args:
        channels: How many there are, 2 to `MAX_CHANNELS`.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._gates = [EnergyGate() for _ in range(channels)]
        self._frame = self._gates[0].frame_samples
        self._piece = self._frames(_PIECE_S) * self._frame
        self._waiting: list[npt.NDArray[np.float64]] = []
        self._waiting_samples = 0
        # Frames `_first` to `_taken`, of which gates have decided those before `_decided`; and what was given out.
        self._samples = np.empty((channels + 1, 0))
        self._powers = np.empty((0, channels + 1))
        self._masks: list[npt.NDArray[np.bool_]] = [np.empty(0, dtype=bool) for _ in range(channels)]
        self._first = self._given = 0
        self._searched = 0  # frames before this belong to stretches that are judged, or to none
        self._part = _Part(0, None)
        self._next: list[_Part] = []
        self._has_chosen = False
        most_frames = _MOST_VALUES // (channels + 1) // self._frame
        self._longest_run = min(self._frames(_LONGEST_RUN_S), most_frames // 2)
        self._first_wait = min(self._frames(_FIRST_S), most_frames)

    def push(self, block: npt.NDArray[np.float64], mean: Samples) -> list[Recording]:
        """Take the next samples at 16 kHz and return what is ready.

        Args:
            block: `(channels, samples)`.
            mean: `(samples,)`, the mean of the channels.
        """
        self._waiting.append(np.concatenate([block, mean[None]]))
        self._waiting_samples += len(mean)
        if self._waiting_samples < self._piece:
            return []
        joined = np.concatenate(self._waiting, axis=1)
        whole = joined.shape[1] // self._piece * self._piece
        self._waiting, self._waiting_samples = [joined[:, whole:]], joined.shape[1] - whole
        ready: list[Recording] = []
        for start in range(0, whole, self._piece):
            self._take(joined[:, start : start + self._piece])
            ready += self._give(self._settle())
        return ready

    def flush(self) -> list[Recording]:
        """Return the rest; the recording has ended."""
        rest = np.concatenate(self._waiting, axis=1) if self._waiting else np.empty((self._channels + 1, 0))
        count = rest.shape[1]
        self._take(np.pad(rest, ((0, 0), (0, -count % self._frame))))
        for channel in range(self._channels):
            self._masks[channel] = np.concatenate([self._masks[channel], self._gates[channel].flush()])
        self._settle(ended=True)
        padding = -count % self._frame
        self._samples = self._samples[:, : self._samples.shape[1] - padding]
        return self._give(self._taken)

    @property
    def _taken(self) -> int:
        return self._first + len(self._powers)

    def _frames(self, seconds: float) -> int:
        return round(seconds * SAMPLE_RATE_HZ / self._frame)

    def _take(self, piece: npt.NDArray[np.float64]) -> None:
        """Measure whole frames, `(channels + 1, samples)`."""
        framed = piece.reshape(self._channels + 1, -1, self._frame)
        powers = self._gates[0].band_powers(framed)
        for channel in range(self._channels):
            made = self._gates[channel].push_powers(powers[channel])
            self._masks[channel] = np.concatenate([self._masks[channel], made])
        self._samples = np.concatenate([self._samples, piece], axis=1)
        self._powers = np.concatenate([self._powers, powers.T])

    def _settle(self, *, ended: bool = False) -> int:
        """Judge the stretches that are over; return up to which frame it is known what is heard."""
        while True:
            decided = min(len(mask) for mask in self._masks) + self._first
            is_open = np.stack([mask[: decided - self._first] for mask in self._masks], axis=1)
            speech = np.flatnonzero(is_open.any(axis=1)) + self._first
            speech = speech[speech >= self._searched]
            if not len(speech):
                self._searched = decided
                return self._known_before(decided)
            start = int(speech[0])
            breaks = np.flatnonzero(np.diff(speech) > self._frames(_GAP_S))
            last = int(speech[breaks[0]] if len(breaks) else speech[-1])
            is_over = bool(len(breaks)) or ended or decided - 1 - last > self._frames(_GAP_S)
            stop = last + 1
            if stop - start > self._longest_run:
                powers = self._powers[start - self._first : start + self._longest_run - self._first, :-1].max(axis=1)
                stop = start + quietest_cut(powers, frame_s=self._frame / SAMPLE_RATE_HZ)
            elif not is_over:
                return self._known_before(start)
            self._judge(start, stop, is_open)

    def _known_before(self, frame: int) -> int:
        """Return up to where the choice cannot change any more when the next stretch begins at `frame` or later."""
        if not self._has_chosen and frame - self._first < self._first_wait:
            return self._given
        return max(self._given, frame - self._frames(_LEAD_S))

    def _judge(self, start: int, stop: int, is_open: npt.NDArray[np.bool_]) -> None:
        around = self._frames(_CONTEXT_S)
        before = max(self._first, start - around)
        after = min(self._first + len(is_open), stop + around)
        near = slice(before - self._first, after - self._first)
        inside = slice((start - self._first) * self._frame, (stop - self._first) * self._frame)
        run = SpeechRun(
            frames=self._samples[:-1, inside].reshape(self._channels, stop - start, self._frame),
            powers=self._powers[near],
            gates=is_open[near],
            start=start - before,
        )
        current = self._next[-1] if self._next else self._part
        chosen = choose_channels(run, current.channels)
        if chosen != current.channels:
            pause = (max(self._searched, current.start) + start) // 2
            from_frame = max(pause, start - self._frames(_LEAD_S)) if self._has_chosen else 0
            self._next.append(_Part(max(self._given, from_frame), chosen))
        self._has_chosen = True
        self._searched = stop

    def _give(self, until: int) -> list[Recording]:
        """Hand out what comes before a frame, and forget what nothing needs any more."""
        ready = list(self._mixed(until))
        keep = max(self._first, min(self._given, self._searched - self._frames(_CONTEXT_S)))
        drop = keep - self._first
        self._samples = self._samples[:, drop * self._frame :]
        self._powers = self._powers[drop:]
        self._masks = [mask[drop:] for mask in self._masks]
        self._first = keep
        return ready

    def _mixed(self, until: int) -> Iterator[Recording]:
        while self._given < until:
            entered = None
            if self._next and self._next[0].start <= self._given:
                entered, self._part = self._part, self._next.pop(0)
            stop = min(until, self._next[0].start) if self._next else until
            begin = self._given - self._first
            samples = self._samples[:, begin * self._frame : (stop - self._first) * self._frame]
            self._given = stop
            if samples.shape[1] == 0:
                continue
            mixed = _heard(samples, self._part.channels)
            if entered is not None and begin + self._first > 0:
                mixed = _faded(_heard(samples[:, : self._frame], entered.channels), mixed)
            yield mixed


def _heard(samples: npt.NDArray[np.float64], channels: Channels) -> Recording:
    """Return what is heard of `(channels + 1, samples)`, whose last row is the mean."""
    if channels is None:
        return Recording(samples[0].copy(), samples[-1].copy())
    mono = samples[channels[0]].copy() if len(channels) == 1 else samples[list(channels)].mean(axis=0)
    return Recording(mono, mono)


def _faded(old: Recording, new: Recording) -> Recording:
    """Fade from one choice to the next within the length of the old one."""
    count = len(old)
    rising = (np.arange(count) + 0.5) / count

    def fade(before: Samples, after: Samples) -> Samples:
        return np.concatenate([before * (1 - rising) + after[:count] * rising, after[count:]])

    mean = fade(old.channel_mean, new.channel_mean)
    shared = old.channel_mean is old.first_channel and new.channel_mean is new.first_channel
    return Recording(mean if shared else fade(old.first_channel, new.first_channel), mean)
