"""Fake sound outputs: one that plays faster than time on a thread, one whose time is simulated."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.types import Waveform

_BLOCK_S = 0.01


class FakeOutput:
    """A sound output whose streams play on threads of their own; `gpa_mlx.audio.devices.playback.OutputDevice`.

    Args:
        speed: Times real time.
        unusable: Raised when it is opened.

    Attributes:
        dies: It is unplugged at the first sound.
        blocks: What was played, silence included.
        heard: How many samples were played that are not silent.
        opened: How many streams there were.
        closed: How many of them have been closed.
    """

    def __init__(self, *, speed: float = 50.0, unusable: Exception | None = None) -> None:
        self.speed, self.unusable, self.dies = speed, unusable, False
        self.blocks: list[Waveform] = []
        self.heard = self.opened = self.closed = 0

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> FakeOutputStream:
        """Open a stream, or raise what makes the output unusable."""
        if self.unusable is not None:
            raise self.unusable
        self.opened += 1
        return FakeOutputStream(self, fill, lost)

    def sound(self) -> Waveform:
        """Return what was played, silence included, `(samples,)` float32."""
        return np.concatenate([np.zeros(0, np.float32), *self.blocks])


class FakeOutputStream:
    """One stream of a `FakeOutput`: one may still be closing while the next is open already.

    Args:
        output: Notes what is played.
        fill: Fills a block.
        lost: Told that the output was unplugged.
    """

    rate_hz = SAMPLE_RATE_HZ
    latency_s = 0.01

    def __init__(self, output: FakeOutput, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> None:
        self._output, self._fill, self._lost = output, fill, lost
        self._closed = threading.Event()

    def start(self) -> None:
        """Ask for frames, on a thread of its own."""
        threading.Thread(target=self._play, daemon=True).start()

    def drained(self) -> bool:
        """Return that all frames have been played."""
        return True

    def close(self) -> None:
        """Ask for no more frames."""
        if not self._closed.is_set():
            self._closed.set()
            self._output.closed += 1

    def _play(self) -> None:
        output = self._output
        while not self._closed.is_set():
            block = np.zeros(round(_BLOCK_S * self.rate_hz * output.speed), dtype=np.float32)
            self._fill(block)
            output.blocks.append(block)
            output.heard += int(np.count_nonzero(block))
            if output.dies and output.heard:
                self._lost()
                return
            time.sleep(_BLOCK_S)


class SimulatedOutput:
    """A device, its stream and the clock in one; see `gpa_mlx.audio.devices.playback`.

    Time passes in `sleep` only, and a started device asks for frames meanwhile.

    Args:
        rate_hz: The rate it takes, whatever is wanted.
        latency_s: How far ahead of the time it asks for frames.

    Attributes:
        time_s: The time.
        wanted_hz: The rate that was wanted.
        started_at: When it was started; None before.
        closed_at: When it was closed first; None before.
        dead: It asks for nothing more and is never drained.
        drain_s: From the last frame asked for until it is drained.
    """

    def __init__(self, rate_hz: int = SAMPLE_RATE_HZ, latency_s: float = 0.05) -> None:
        self.rate_hz = rate_hz
        self.latency_s = latency_s
        self._blocks: list[Waveform] = []
        self._count = 0
        self.time_s = 100.0
        self.wanted_hz = 0
        self.started_at: float | None = None
        self.closed_at: float | None = None
        self.dead = False
        self.drain_s = 0.0
        self._drained_at: float | None = None

    @property
    def heard(self) -> Waveform:
        """Everything the device was given, `(samples,)` float32, latency not included."""
        self._blocks = [np.concatenate([np.empty(0, dtype=np.float32), *self._blocks])]
        return self._blocks[0]

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> Self:
        """Open it, silent until `start`."""
        self.wanted_hz, self.fill, self.lost = rate_hz, fill, lost
        return self

    def start(self) -> None:
        """Ask for the frames of the latency."""
        assert self.closed_at is None
        self.started_at = self.time_s
        self._advance()

    def close(self) -> None:
        """Ask for no more frames."""
        self.closed_at = self.time_s if self.closed_at is None else self.closed_at

    def drained(self) -> bool:
        """Ask for no more frames; return whether `drain_s` has passed since the first call."""
        if self._drained_at is None:
            self._drained_at = self.time_s + self.drain_s
        return not self.dead and self.time_s >= self._drained_at

    def now(self) -> float:
        """Return the time."""
        return self.time_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        end = self.time_s + seconds
        while self.time_s < end:
            self.time_s = min(self.time_s + _BLOCK_S, end)
            self._advance()

    def _advance(self) -> None:
        if self.started_at is None or self.closed_at is not None or self.dead or self._drained_at is not None:
            return
        due = round((self.time_s - self.started_at + self.latency_s) * self.rate_hz)
        while self._count < due:
            block = np.full(min(due - self._count, round(_BLOCK_S * self.rate_hz)), np.nan, dtype=np.float32)
            self.fill(block)
            assert np.isfinite(block).all()
            self._blocks.append(block)
            self._count += len(block)
