"""Speech that is played while the rest of it is generated."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import soxr

from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gpa_mlx.types import Waveform

SAFETY_S = 0.1
"""Buffered beyond what the rule of `required_buffer_s` foresees."""

UNKNOWN_REST_S = 5.0
"""How much more speech to expect when nobody knows."""

# How the codec's `SpeechChunker` cuts speech.
_CHUNK_S = 2.0
_CHUNK_GROWTH = 1.5
_SHORTAGE_MARGIN = 1.1
_REBUFFER_S = 0.5
_MAX_REBUFFER_S = 4.0
_POLL_S = 0.02
_STALL_S = 3.0
_SECOND_LOOK_S = 0.25


class OutputStream(Protocol):
    """An opened sound output, mono float32."""

    @property
    def rate_hz(self) -> int:
        """Frames per second it really takes."""
        ...

    @property
    def latency_s(self) -> float:
        """Time from the moment a frame is asked for until it is heard."""
        ...

    def start(self) -> None:
        """Begin to ask for frames; does nothing any more when `close` was called meanwhile, by another thread.

        Raises:
            AudioDeviceError: The device cannot be used.
        """
        ...

    def drained(self) -> bool:
        """Ask for no more frames from the first call on; tell whether all that were given have been heard."""
        ...

    def close(self) -> None:
        """Fall silent and release the device, within 0.1 s even if the device is gone."""
        ...


class OutputDevice(Protocol):
    """Where sound goes."""

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> OutputStream:
        """Open the device, silent until `start`.

        Args:
            rate_hz: The wanted rate; the stream may have another.
            fill: Called from the device's thread with `(frames,)` float32 to be filled in place.
            lost: Called when the stream ends by itself.

        Raises:
            AudioDeviceError: There is no such device, or it cannot be used.
        """
        ...


class Clock(Protocol):
    """Time, and waiting for it to pass."""

    def now(self) -> float:
        """Return seconds from some fixed moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class _SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def required_buffer_s(rate: float, *, rest_s: float, longest_chunk_s: float) -> float:
    """Return how much must be buffered so that playback, once started, is not interrupted.

    Speech is taken to come at a steady `rate` in chunks, each at most half as long again as the longest before it, up
    to 2 s (or the longest so far, if that is longer). The buffer has to outlast

    - the wait for the next chunk, `next / rate`, and the wait for the first of full length, `2 s / rate`. From real
      time on, the chunks in between, `2 * (2 s - next)` together, gain `1 - 1 / rate` of their length until then;
    - below real time also what production falls behind over the rest: `rest * (1 / rate - 1)` plus a tenth;

    but never more than it takes to make the whole rest; and 0.1 s for safety. So it is at most 2.1 s from real time on
    and 0.4 s from 1.5 times real time on, for chunks that begin with 0.2 s.

    Args:
        rate: Seconds of speech made per second, > 0.
        rest_s: Speech that is still to come.
        longest_chunk_s: The longest chunk so far.
    """
    full_s = max(longest_chunk_s, _CHUNK_S)
    next_s = min(longest_chunk_s * _CHUNK_GROWTH, full_s)
    between_s = (full_s - next_s) / (_CHUNK_GROWTH - 1)
    wait_s = max(next_s / rate, full_s / rate - between_s * max(1 - 1 / rate, 0.0))
    shortage_s = _SHORTAGE_MARGIN * rest_s * max(1 / rate - 1, 0.0)
    return min(wait_s + shortage_s, rest_s / rate) + SAFETY_S


class Player:
    """Plays chunks of speech in order while more are generated; a context manager that stops when left.

    The device is opened at once, so that its absence is known before the work, and starts when enough is buffered:
    the device's latency plus `required_buffer_s` at the rate of production so far, asked whenever a chunk comes. That
    rate is the speech after the first chunk per time since the first chunk; while there is one chunk only, its length
    per time since the player was made. Without `expected_s` 5 s more are expected at any time. `finish` starts in any
    case.

    When the buffer runs empty before `finish`, there is silence until 0.5 s are buffered again, twice as much for
    every further gap, up to 4 s. A device with another rate than the speech gets it resampled. What was fed is kept
    until it was played, however far ahead production is.

    `feed` and `finish` belong to one thread; everything else may be called from any.

    Args:
        sample_rate: Rate of the speech in Hz.
        expected_s: Length of the whole speech as far as it is known.
        device: Where to play; None means the system's default output.
        clock: The time.

    Raises:
        AudioDeviceError: There is no sound output, or it cannot be used.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        expected_s: float | None = None,
        device: OutputDevice | None = None,
        clock: Clock | None = None,
    ) -> None:
        if device is None:
            from gpa_mlx.audio.devices.loudspeaker import Loudspeaker

            device = Loudspeaker()
        self._clock: Clock = clock or _SystemClock()
        self._expected_s = expected_s
        self._queue = _Queue()
        # Guards what is decided once; the callback must never wait for anything.
        self._control = threading.Lock()
        self._started = self._ended = self._stopped = self._lost = self._paused = self._draining = False
        self._hold_frames = 0
        self._silent_frames = 0
        self._underruns = 0
        self._first_sound_s: float | None = None
        self._stream = device.open(sample_rate, self._fill, self._notice_loss)
        self._last_call = self._made = self._clock.now()
        self._production = _Production(sample_rate, self._made)
        self._resampler = None
        if self._stream.rate_hz != sample_rate:
            self._resampler = soxr.ResampleStream(sample_rate, self._stream.rate_hz, 1, dtype="float32", quality="HQ")

    @property
    def position_s(self) -> float:
        """Seconds of speech the device has taken."""
        return self._queue.taken / self._stream.rate_hz

    @property
    def buffered_s(self) -> float:
        """Seconds of speech the device has still to take."""
        return self._queue.length / self._stream.rate_hz

    @property
    def underruns(self) -> int:
        """Gaps: how often the speech went on after the buffer had run empty."""
        return self._underruns

    @property
    def first_sound_s(self) -> float | None:
        """Seconds from the making of this player until the device first took speech; None before."""
        return self._first_sound_s

    @property
    def paused(self) -> bool:
        """Whether `pause` holds the speech."""
        return self._paused

    def feed(self, samples: Waveform) -> None:
        """Add speech; never waits. After `stop` this does nothing.

        Args:
            samples: `(samples,)` float32.

        Raises:
            AudioDeviceError: The device is gone.
        """
        if self._stopped:
            return
        self._require_device()
        if not len(samples):
            return
        self._production.note(len(samples), self._clock.now())
        self._queue.put(self._resampled(samples, last=False))
        if not self._started and self.buffered_s >= self._required_s():
            self._start()

    def finish(self) -> None:
        """Wait until everything fed has been heard, then release the device; a paused speech is waited for.

        Any exception, `KeyboardInterrupt` too, ends the wait and the sound at once.

        Raises:
            AudioDeviceError: The device is gone.
        """
        try:
            if not self._stopped and self._production.samples:
                self._queue.put(self._resampled(np.empty(0, dtype=np.float32), last=True))
                self._ended = True
                self._start()
            while self._started and not self._stopped and not self._all_heard():
                self._require_device()
                self._clock.sleep(_POLL_S)
        finally:
            self.stop()

    def stop(self) -> None:
        """Fall silent for good and release the device, within 0.1 s."""
        self._stopped = True
        with self._control:
            self._stream.close()

    def pause(self) -> None:
        """Fall silent and stay where the speech is; feeding goes on."""
        self._paused = True

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _resampled(self, samples: Waveform, *, last: bool) -> Waveform:
        """Return a copy at the device's rate: the caller may use its array again."""
        if self._resampler is None:
            return np.array(samples, dtype=np.float32)
        return self._resampler.resample_chunk(np.ascontiguousarray(samples, dtype=np.float32), last=last)

    def _required_s(self) -> float:
        rest_s = UNKNOWN_REST_S
        if self._expected_s is not None:
            rest_s = max(self._expected_s - self._production.made_s, 0.0)
        # The device takes its latency's worth in the moment it starts.
        return self._stream.latency_s + required_buffer_s(
            self._production.rate, rest_s=rest_s, longest_chunk_s=self._production.longest_chunk_s
        )

    def _start(self) -> None:
        with self._control:
            if self._started or self._stopped:
                return
            self._last_call = self._clock.now()
            self._started = True
        # Outside: a device that takes its time must not keep `stop` waiting.
        self._stream.start()
        self._last_call = self._clock.now()

    def _all_heard(self) -> bool:
        """Whether the speech is over, for devices that drop what they took as well as for those that drain it."""
        if not self._draining:
            self._draining = self._ended and self._silent_frames > self._stream.latency_s * self._stream.rate_hz
        return self._draining and self._stream.drained()

    def _require_device(self) -> None:
        if self._started and not self._lost and self._stalled():
            # The whole process may have been asleep: then the device's thread only needs a moment.
            self._clock.sleep(_SECOND_LOOK_S)
            self._lost = self._stalled() and not self._stopped
        if self._lost:
            raise AudioDeviceError(
                "The sound output stopped working while it was playing.",
                hint="Check that the device is still connected, or write the speech to a file.",
            )

    def _stalled(self) -> bool:
        return self._clock.now() - self._last_call > _STALL_S + self._stream.latency_s

    def _notice_loss(self) -> None:
        self._lost = not (self._stopped or self._draining)

    def _fill(self, out: Waveform) -> None:
        """Give the device its next frames; runs in the device's thread."""
        self._last_call = self._clock.now()
        # Before the buffer is looked at: once this is true, nothing more comes.
        ended = self._ended
        if self._paused or self._stopped or (self._queue.length < self._hold_frames and not ended):
            out.fill(0.0)
            return
        filled = self._queue.take(out)
        out[filled:] = 0.0
        if filled:
            if self._first_sound_s is None:
                self._first_sound_s = self._last_call - self._made
            if self._hold_frames:
                self._underruns += 1
                self._hold_frames = 0
        if filled < len(out):
            if ended:
                self._silent_frames += len(out) - filled
            else:
                hold_s = min(_REBUFFER_S * 2.0**self._underruns, _MAX_REBUFFER_S)
                self._hold_frames = int(hold_s * self._stream.rate_hz)


class _Production:
    """How fast speech is made; times in seconds of the player's clock."""

    def __init__(self, sample_rate: int, start: float) -> None:
        self._sample_rate = sample_rate
        self._start = start
        self._latest = start
        self._before = 0
        self._longest = 0
        self.samples = 0

    @property
    def made_s(self) -> float:
        """Seconds of speech so far."""
        return self.samples / self._sample_rate

    @property
    def longest_chunk_s(self) -> float:
        """The longest chunk so far."""
        return self._longest / self._sample_rate

    @property
    def rate(self) -> float:
        """Seconds of speech per second, as the `Player` states; chunks that come all at once are infinitely fast."""
        made_s = (self.samples - self._before) / self._sample_rate
        took_s = self._latest - self._start
        return made_s / took_s if took_s > 0 else math.inf

    def note(self, samples: int, now: float) -> None:
        """Take note of a chunk that came now."""
        if self.samples and not self._before:
            self._start, self._before = self._latest, self.samples
        self.samples += samples
        self._longest = max(self._longest, samples)
        self._latest = now


class _Queue:
    """Samples from one thread to another, without locks: each counter has one writer, and `deque` is atomic."""

    def __init__(self) -> None:
        self._chunks: deque[Waveform] = deque()
        self._rest: Waveform = np.empty(0, dtype=np.float32)
        self._put = 0
        self.taken = 0

    @property
    def length(self) -> int:
        """Samples that can be taken."""
        return self._put - self.taken

    def put(self, samples: Waveform) -> None:
        """Add samples; the array is kept."""
        self._chunks.append(samples)
        self._put += len(samples)

    def take(self, out: Waveform) -> int:
        """Move samples to the front of `out` and return how many."""
        filled = 0
        while filled < len(out) and (len(self._rest) or self._chunks):
            if not len(self._rest):
                self._rest = self._chunks.popleft()
            part = self._rest[: len(out) - filled]
            out[filled : filled + len(part)] = part
            self._rest = self._rest[len(part) :]
            filled += len(part)
        self.taken += filled
        return filled
