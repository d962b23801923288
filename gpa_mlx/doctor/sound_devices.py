"""Microphones and loudspeakers as PortAudio lists them, and one second of a microphone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gpa_mlx.audio.devices.port_audio import (
    Direction,
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
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from gpa_mlx.types import Waveform

_PATIENCE_S = 3.0
"""How long a microphone may take before its first samples: Bluetooth headsets wake up slowly."""


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A microphone or a loudspeaker.

    Attributes:
        name: As the system calls it.
        rate_hz: Its own rate.
    """

    name: str
    rate_hz: int


class SoundDevices(Protocol):
    """Sound devices by a part of their name, or by number; `None` means the default device."""

    def microphone(self, name: str | None) -> SoundDevice:
        """Find a microphone; AudioDeviceError if there is none."""
        ...

    def loudspeaker(self, name: str | None) -> SoundDevice:
        """Find a loudspeaker; AudioDeviceError if there is none."""
        ...

    def record(self, name: str | None, seconds: float, *, zeros_s: float = 0.0) -> Waveform:
        """Record at the device's own rate, one channel; AudioDeviceError if that is refused.

        Args:
            name: Which device.
            seconds: How long.
            zeros_s: How long exact zeros at the beginning are waited out, which are no part of the recording.
        """
        ...


class PortAudio:
    """The real devices."""

    def microphone(self, name: str | None) -> SoundDevice:
        """Find a microphone.

        Raises:
            AudioDeviceError: None, or not exactly one of this name.
        """
        return _find(name, "input")

    def loudspeaker(self, name: str | None) -> SoundDevice:
        """Find a loudspeaker.

        Raises:
            AudioDeviceError: None, or not exactly one of this name.
        """
        return _find(name, "output")

    def record(self, name: str | None, seconds: float, *, zeros_s: float = 0.0) -> Waveform:
        """Record at the device's own rate.

        Returns:
            `(samples,)` float32, the first channel; shorter, or empty, when the device gives less in the time.

        Raises:
            AudioDeviceError: The device cannot be opened.
        """
        with port_audio("input") as library:
            rate_hz = int(find_device(library, name, "input")["default_samplerate"])
        take = _Take(round(seconds * rate_hz), round(zeros_s * rate_hz))
        stream = opened_in_time(lambda: _opened(name, take), release, described(name, "input"))
        try:
            take.is_over.wait(seconds + zeros_s + _PATIENCE_S)
        finally:
            release(stream)
        return take.samples


class _Take:
    """What a device gives.

    Args:
        wanted: Frames.
        most_zeros: Frames of zeros at the beginning that are left out.
    """

    def __init__(self, wanted: int, most_zeros: int) -> None:
        self._wanted, self._most_zeros = wanted, most_zeros
        self._blocks: list[Waveform] = []
        self.is_over = threading.Event()

    @property
    def samples(self) -> Waveform:
        """What is there, at most what was wanted."""
        return np.concatenate([np.zeros(0, np.float32), *self._blocks])[: self._wanted]

    def add(self, block: np.ndarray, frames: int, time: object, status: object) -> None:
        """Take a block; called by the device's thread."""
        if not self._blocks and not block.any() and self._most_zeros > 0:
            self._most_zeros -= frames
            return
        self._blocks.append(block[:, 0].copy())
        if sum(map(len, self._blocks)) >= self._wanted:
            self.is_over.set()


def _opened(name: str | None, take: _Take) -> Any:  # noqa: ANN401 - sounddevice has no types
    with port_audio("input") as library:
        try:
            stream = open_stream(
                library.InputStream, device=selector(name), channels=1, dtype="float32", callback=take.add
            )
            try:
                stream.start()
            except BaseException:
                close_stream(stream)
                raise
        except library.PortAudioError as error:
            raise AudioDeviceError(f"{described(name, 'input')} cannot be used: {reason(error)}.") from error
    return stream


def _find(name: str | None, direction: Direction) -> SoundDevice:
    with port_audio(direction) as library:
        try:
            found = find_device(library, name, direction)
        except AudioDeviceError as error:
            # Where there is none at all, the checks name the pane of the system.
            raise AudioDeviceError(error.message, hint=error.hint if name else "") from error
    return SoundDevice(found["name"], int(found["default_samplerate"]))
