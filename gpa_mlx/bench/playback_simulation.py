"""Simulated playback: buffer underruns of a stream, without a sound device and without waiting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gpa_mlx.audio.devices.playback import Player
from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

_BLOCK_S = 0.01


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk of speech, when it came.

    Attributes:
        time_s: Since the call.
        samples: Its length.
    """

    time_s: float
    samples: int


def simulated_underruns(arrivals: Sequence[Arrival]) -> int:
    """Return how often a `Player` that was given these chunks when they came would have fallen silent between them."""
    output = _SimulatedOutput()
    player = Player(SAMPLE_RATE_HZ, device=output, clock=output)
    for arrival in arrivals:
        output.sleep(arrival.time_s - output.now())
        player.feed(np.zeros(arrival.samples, dtype=np.float32))
    player.finish()
    return player.underruns


class _SimulatedOutput:
    """A sound output and its clock: time passes in `sleep`, and a started output takes frames meanwhile."""

    rate_hz = SAMPLE_RATE_HZ
    latency_s = _BLOCK_S

    def __init__(self) -> None:
        self._fill: Callable[[Waveform], None] = lambda out: None
        self._blocks = 0
        self._playing = False

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> _SimulatedOutput:
        self._fill = fill
        return self

    def start(self) -> None:
        self._playing = True

    def drained(self) -> bool:
        return True

    def close(self) -> None:
        self._playing = False

    def now(self) -> float:
        return self._blocks * _BLOCK_S

    def sleep(self, seconds: float) -> None:
        for _ in range(math.ceil(seconds / _BLOCK_S)):
            self._blocks += 1
            if self._playing:
                self._fill(np.empty(round(_BLOCK_S * SAMPLE_RATE_HZ), dtype=np.float32))
