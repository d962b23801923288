"""Microphones and loudspeakers as PortAudio lists them, and one second of a microphone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gpa_mlx.audio.devices.port_audio import selector
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from types import ModuleType

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

    def record(self, name: str | None, seconds: float) -> Waveform:
        """Record at the device's own rate, one channel; AudioDeviceError if that is refused."""
        ...


class PortAudio:
    """The real devices."""

    def microphone(self, name: str | None) -> SoundDevice:
        """Find a microphone.

        Raises:
            AudioDeviceError: None, or not exactly one of this name.
        """
        return _find(name, "input", "microphone")

    def loudspeaker(self, name: str | None) -> SoundDevice:
        """Find a loudspeaker.

        Raises:
            AudioDeviceError: None, or not exactly one of this name.
        """
        return _find(name, "output", "sound output")

    def record(self, name: str | None, seconds: float) -> Waveform:
        """Record at the device's own rate.

        Returns:
            `(samples,)` float32, the first channel; shorter, or empty, when the device gives less in the time.

        Raises:
            AudioDeviceError: The device cannot be opened.
        """
        sounddevice = _sounddevice()
        wanted = round(seconds * self.microphone(name).rate_hz)
        blocks: list[Waveform] = []
        enough = threading.Event()

        def take(block: np.ndarray, frames: int, time: object, status: object) -> None:
            blocks.append(block[:, 0].copy())
            if sum(map(len, blocks)) >= wanted:
                enough.set()

        try:
            with sounddevice.InputStream(device=selector(name), channels=1, dtype="float32", callback=take):
                enough.wait(seconds + _PATIENCE_S)
        except sounddevice.PortAudioError as error:
            raise AudioDeviceError(f"The microphone cannot be used: {str(error.args[0]).rstrip('.')}.") from error
        return np.concatenate([np.zeros(0, np.float32), *blocks])[:wanted]


def _find(name: str | None, kind: str, called: str) -> SoundDevice:
    sounddevice = _sounddevice()
    try:
        found = sounddevice.query_devices(selector(name), kind)
    except (sounddevice.PortAudioError, ValueError) as error:
        if name is None:
            raise AudioDeviceError(f"This computer has no {called}.") from error
        names = [device["name"] for device in sounddevice.query_devices() if device[f"max_{kind}_channels"] > 0]
        listed = f"; there are: {', '.join(names)}" if names else ""
        raise AudioDeviceError(f"There is not exactly one {called} '{name}'{listed}.") from error
    return SoundDevice(found["name"], int(found["default_samplerate"]))


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        raise AudioDeviceError(
            "The PortAudio library is missing.", hint="`apt install libportaudio2` (Fedora: `dnf install portaudio`)"
        ) from error
    return sounddevice
