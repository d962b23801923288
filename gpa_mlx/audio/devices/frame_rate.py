"""Whether a device still has the rate it was opened with: its frames are counted against the clock of its hardware.

A headset that begins to be listened to and spoken into changes from 48 to 24 or 16 kHz while a program records from it.
Nobody tells the program; what it gets is the same sound, too fast.
"""

from __future__ import annotations

TOLERANCE = 0.03
"""Clocks differ by far less, rates by far more: 44.1 and 48 kHz by 8 %."""

_JITTER_S = 0.1
_SHORTEST_S = 1.0
_LONGEST_S = 10.0
_GAP_S = 0.5
"""The computer was asleep, or the device: nothing can be said about that time."""


class FrameRate:
    """Frames per second of a device.

    Args:
        rate_hz: What it should be.

    Attributes:
        changed_hz: What it is instead; None while it is within `TOLERANCE`.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._since_s: float | None = None
        self._latest_s = 0.0
        self._frames = 0
        self.changed_hz: float | None = None

    def note(self, frames: int, time_s: float, *, is_whole: bool) -> None:
        """Take note of a block.

        Args:
            frames: Its length.
            time_s: When its first frame was recorded, by the clock of the device; 0: nobody knows.
            is_whole: Nothing was dropped before it.
        """
        if time_s <= 0:
            return
        is_continuous = is_whole and 0 <= time_s - self._latest_s < _GAP_S
        if self._since_s is None or not is_continuous or time_s - self._since_s > _LONGEST_S:
            self._since_s, self._frames = time_s, 0
        self._latest_s = time_s
        elapsed_s = time_s - self._since_s
        if elapsed_s >= _SHORTEST_S:
            measured_hz = self._frames / elapsed_s
            if abs(measured_hz / self._rate_hz - 1) > max(TOLERANCE, _JITTER_S / elapsed_s):
                self.changed_hz = measured_hz
        self._frames += frames
