"""The computer's sound input: at its own rate from the device, at 16 kHz mono to the program.

The device may be opened before anybody wants to record. What it hears then goes round in a ring, so that a recording
begins half a second before the key that started it: people speak while they press.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from gpa_mlx.audio.devices.frame_rate import FrameRate
from gpa_mlx.audio.devices.port_audio import (
    advice,
    close_stream,
    described,
    find_device,
    open_stream,
    opened_in_time,
    port_audio,
    reason,
    release,
    selector,
)
from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType, TracebackType

    import numpy.typing as npt
    from sounddevice import InputStream

    from gpa_mlx.types import Samples

PREROLL_S = 0.5
"""Heard before the start of a recording, and part of it."""

TAIL_S = 0.2
"""Heard after the end of a recording, besides what is still on its way: the key is pressed with the last syllable."""

FLOOR_DB = -120.0
"""Levels of silence; exact zeros have no level of their own."""

_BLOCK_S = 0.05
_OTHER_RATES_HZ = (48_000, 44_100, SAMPLE_RATE_HZ)
_POLL_S = 0.1
# A Bluetooth headset takes seconds to wake up; afterwards PortAudio delivers many times a second.
_WAKE_S = 10.0
_STALL_S = 3.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a piece of audio is, in dB of full scale, `FLOOR_DB` at least.

    Attributes:
        rms_db: Root mean square; a sine of full scale has -3.
        peak_db: Largest magnitude.
    """

    rms_db: float
    peak_db: float


class RateChangedError(AudioDeviceError):
    """The device has another rate than when it was opened, so that what it gives is too fast or too slow."""


class AudioInput(Protocol):
    """What dictation needs of a microphone. Iterating yields the blocks of the recording, until `stop`."""

    @property
    def name(self) -> str:
        """Its name, for people; known once it is open."""
        ...

    @property
    def overflows(self) -> int:
        """How often the device had to drop sound because nobody took it."""
        ...

    def open(self) -> None:
        """Begin to listen into the ring.

        Raises:
            AudioDeviceError: There is no such device, or it cannot be used.
        """
        ...

    def start(self) -> None:
        """Begin a recording, with what is in the ring."""
        ...

    def stop(self) -> None:
        """End the recording: the iteration ends a moment later, after what was said up to now."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...

    def __iter__(self) -> Iterator[Samples]:
        """Yield the recording as it comes, `(samples,)` float64 at 16 kHz.

        Raises:
            AudioDeviceError: The device is gone; everything it delivered has been yielded.
        """
        ...


def loudness(samples: npt.NDArray[np.floating]) -> Loudness:
    """Measure `(samples,)` or `(samples, channels)`; nothing at all is silent."""
    if not samples.size:
        return Loudness(FLOOR_DB, FLOOR_DB)
    mean_square = float(np.mean(np.square(samples, dtype=np.float64)))
    return Loudness(_db(math.sqrt(mean_square)), _db(float(np.abs(samples).max())))


class Microphone:
    """A sound input of this computer; a context manager that is open inside.

    It is opened at the device's own rate, with its first two channels if it has so many, and resampled here: drivers
    that are asked for another rate refuse, or do it badly. The two channels are averaged.

    `start`, `stop` and `close` may be called from any thread; one thread iterates.

    Args:
        device: A part of the device's name, or its number; None means the default input.
    """

    def __init__(self, device: str | None = None) -> None:
        self._device = device
        self._rate_hz = SAMPLE_RATE_HZ
        # Held for a few instructions only: the device's thread must not wait.
        self._switch = threading.Lock()
        self._ring: deque[npt.NDArray[np.float32]] = deque()
        self._ring_frames = 0
        self._recording: queue.SimpleQueue[npt.NDArray[np.float32] | None] | None = None
        self._blocks: queue.SimpleQueue[npt.NDArray[np.float32] | None] = queue.SimpleQueue()
        self._latest: npt.NDArray[np.float32] = np.empty((0, 1), dtype=np.float32)
        self._tail_frames: int | None = None
        self._latency_s = 0.0
        self._delivered = False
        self._lost = False
        self._opened: _Opened | None = None
        self._measured = FrameRate(SAMPLE_RATE_HZ)
        self._has_true_times = False
        self.name = device or "default"
        self.overflows = 0

    @property
    def rate_hz(self) -> int:
        """The device's rate."""
        return self._rate_hz

    @property
    def level(self) -> Loudness:
        """How loud it is now, also when nothing is recorded."""
        return loudness(self._latest)

    def open(self) -> None:
        """Begin to listen into the ring; an open microphone stays as it is, unless its device is gone.

        Raises:
            AudioDeviceError: PortAudio is missing, there is no such device, or it cannot be used.
        """
        if self._opened is not None and not self._lost:
            return
        if self._opened is not None:
            self.close()
        self._lost = self._delivered = False
        opened = opened_in_time(self._open, _Opened.release, described(self._device, "input"))
        # A pair only for streams that play as well.
        self._latency_s: float = opened.stream.latency  # pyright: ignore[reportAttributeAccessIssue]
        self.name = opened.name
        self._opened = opened

    def start(self) -> None:
        """Begin a recording, with what is in the ring."""
        blocks: queue.SimpleQueue[npt.NDArray[np.float32] | None] = queue.SimpleQueue()
        self.overflows = 0
        with self._switch:
            for block in self._ring:
                blocks.put(block)
            self._ring.clear()
            self._ring_frames = 0
            self._recording = self._blocks = blocks
            self._tail_frames = None

    def stop(self) -> None:
        """End the recording: the iteration ends after what was said up to now and `TAIL_S` more."""
        with self._switch:
            if self._recording is not None and self._tail_frames is None:
                self._tail_frames = round((self._latency_s + TAIL_S) * self._rate_hz)

    def close(self) -> None:
        """End the recording at once and release the device, within 0.1 s even if the device is gone."""
        with self._switch:
            self._finish()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.release()
        with self._switch:
            self._ring.clear()
            self._ring_frames = 0

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Samples]:
        """Yield the recording that was started last, in pieces of 0.05 s or more; see `AudioInput`."""
        blocks, resampler = self._blocks, StreamResampler(self._rate_hz)
        parts: list[npt.NDArray[np.float32]] = []
        ended = False
        while not ended:
            block = self._next(blocks)
            ended = block is None
            if block is not None:
                parts.append(block)
            if parts and (ended or sum(map(len, parts)) >= _BLOCK_S * self._rate_hz):
                mono = np.concatenate(parts).mean(axis=1, dtype=np.float64)
                parts = []
                if len(samples := resampler.push(mono)):
                    yield samples
        if len(rest := resampler.flush()):
            yield rest
        if self._measured.changed_hz is not None:
            raise RateChangedError(
                f"{described(self._device, 'input')} changed its rate from {self._rate_hz} to "
                f"{self._measured.changed_hz:.0f} Hz while it was recording.",
                hint="Choose another one, or keep other programs from using it at the same time.",
            )
        if self._lost:
            raise AudioDeviceError(
                f"{described(self._device, 'input')} stopped working while it was recording.",
                hint="Check that it is still connected.",
            )

    def _open(self) -> _Opened:
        with port_audio("input") as library:
            return self._opened_by(library)

    def _opened_by(self, library: ModuleType) -> _Opened:
        found = find_device(library, self._device, "input")
        # Elsewhere they are guessed from what is in the buffers; there nothing changes under a stream either.
        self._has_true_times = library.query_hostapis()[found["hostapi"]]["name"] == "Core Audio"
        problem: Exception | None = None
        rates = dict.fromkeys((int(found["default_samplerate"]), *_OTHER_RATES_HZ))
        for rate, channels in product(rates, dict.fromkeys((min(found["max_input_channels"], 2), 1))):
            opened = _Opened(found["name"])
            try:
                opened.stream = open_stream(
                    library.InputStream,
                    device=selector(self._device),
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    latency="high",
                    callback=opened.unless_released(self._receive),
                    finished_callback=opened.unless_released(self._notice_end),
                )
            except library.PortAudioError as error:
                problem = error
                continue
            try:
                # Some drivers take any settings and refuse only here.
                self._rate_hz, self._measured = rate, FrameRate(rate)
                opened.stream.start()
            except library.PortAudioError as error:
                opened.is_released = True
                close_stream(opened.stream)
                problem = error
                continue
            return opened
        raise AudioDeviceError(
            f"{described(self._device, 'input')} cannot be used: {reason(problem)}.",
            hint=advice("Close programs that may hold it, check that this program may use it, or choose another one."),
        ) from problem

    def _next(self, blocks: queue.SimpleQueue[npt.NDArray[np.float32] | None]) -> npt.NDArray[np.float32] | None:
        """Return the next block; None when the recording was stopped or the device is gone."""
        waiting_since = time.monotonic()
        while True:
            try:
                return blocks.get(timeout=_POLL_S)
            except queue.Empty:
                patience_s = _STALL_S if self._delivered else _WAKE_S
                if self._lost or time.monotonic() - waiting_since > patience_s:
                    self._lost = True
                    return None

    def _receive(
        self, indata: npt.NDArray[np.float32], frames: int, time: _CallbackTime | None, status: _CallbackStatus
    ) -> None:
        """Take what the device heard; runs in its thread, so it copies and nothing else."""
        block = indata.copy()
        self._latest = block
        self._delivered = True
        if status.input_overflow:
            self.overflows += 1
        if self._has_true_times and time is not None:
            self._measured.note(frames, time.inputBufferAdcTime, is_whole=not status.input_overflow)
        with self._switch:
            if self._measured.changed_hz is not None and not self._lost:
                self._lost = True
                self._finish()
                return
            if self._recording is not None:
                self._recording.put(block)
                if self._tail_frames is not None:
                    self._tail_frames -= frames
                    if self._tail_frames <= 0:
                        self._finish()
                return
            self._ring.append(block)
            self._ring_frames += frames
            while self._ring_frames - len(self._ring[0]) >= PREROLL_S * self._rate_hz:
                self._ring_frames -= len(self._ring.popleft())

    def _finish(self) -> None:
        if self._recording is not None:
            self._recording.put(None)
        self._recording = self._tail_frames = None

    def _notice_end(self) -> None:
        """Note that the device's stream ended by itself."""
        self._lost = True


class _CallbackTime(Protocol):
    """What PortAudio knows of the time of a block."""

    inputBufferAdcTime: float  # noqa: N815 - PortAudio's name


class _CallbackStatus(Protocol):
    """What PortAudio says of a block."""

    input_overflow: bool


class _Opened:
    """A device that was opened, and what it still calls: nothing, once it was released.

    Args:
        name: The device's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stream: InputStream
        self.is_released = False

    def release(self) -> None:
        """Close it."""
        self.is_released = True
        release(self.stream)

    def unless_released(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return a function that hands its arguments on until the device is released."""

        def call(*arguments: Any) -> None:  # noqa: ANN401 - PortAudio's
            if not self.is_released:
                callback(*arguments)

        return call


def _db(amplitude: float) -> float:
    return max(20 * math.log10(amplitude), FLOOR_DB) if amplitude > 0 else FLOOR_DB
