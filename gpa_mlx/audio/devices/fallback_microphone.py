"""A microphone that is replaced by another one when it is not there, or when it is unplugged during a recording."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from gpa_mlx.audio.devices import microphone
from gpa_mlx.audio.devices.port_audio import find_device, list_devices, port_audio
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.types import Samples

_PATIENCE_S = 3.0
"""The system needs a moment to make another device its choice."""

_RETRY_S = 0.25
_NO_PLACE_TO_SPEAK = ("monitor", "null", "loopback")
"""In the names of inputs that hear what the computer plays, or nothing."""


class FallbackMicrophone:
    """A `gpa_mlx.audio.devices.microphone.AudioInput` that goes on with another device.

    `open`, `start`, `stop` and `close` may be called from any thread; one thread iterates.

    Args:
        device: A part of the device's name, or its number; None means the default input.
        is_setting: The device is that of the setting `microphone`: if it is not there, the system's choice is taken.
            A device that was named for this run is not replaced before the recording.
        make: Makes the microphone for a device; None: `gpa_mlx.audio.devices.microphone.Microphone`.
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        is_setting: bool = False,
        make: Callable[[str | None], AudioInput] | None = None,
    ) -> None:
        self._device, self._is_setting = device, is_setting
        self._make = make or microphone.Microphone
        self._switch = threading.Lock()
        self._current = self._make(device)
        self._device_in_use = device
        self._is_open = self._is_ending = False
        self._notices: list[str] = []

    @property
    def name(self) -> str:
        """The name of the device in use; known once it is open."""
        return self._current.name

    @property
    def overflows(self) -> int:
        """How often the device had to drop sound because nobody took it."""
        return self._current.overflows

    def take_notices(self) -> list[str]:
        """Return, once, what the user should know: another device is in use."""
        with self._switch:
            notices, self._notices = self._notices, []
        return notices

    def look(self) -> str:
        """Return the name of the device that would be used, without opening it.

        Raises:
            AudioDeviceError: PortAudio is missing, or there is no device.
        """
        with port_audio("input") as library:
            try:
                return find_device(library, self._device, "input")["name"]
            except AudioDeviceError:
                if self._device is None or not self._is_setting:
                    raise
                return find_device(library, None, "input")["name"]

    def open(self) -> None:
        """Begin to listen; a device of the settings that is not there is replaced by the system's choice.

        Raises:
            AudioDeviceError: There is no device that can be used.
        """
        try:
            self._current.open()
        except AudioDeviceError as error:
            if self._device is None or not self._is_setting:
                raise
            other = self._make(None)
            try:
                other.open()
            except AudioDeviceError:
                raise error from None
            with self._switch:
                self._current, self._device_in_use = other, None
                self._notices.append(
                    f"{error.message} The system's choice is used: {other.name}. "
                    "`gpa-mlx settings unset microphone` takes the setting out."
                )
        self._is_open = True

    def start(self) -> None:
        """Begin a recording, with what was heard just before."""
        self._is_ending = False
        self._current.start()

    def stop(self) -> None:
        """End the recording."""
        with self._switch:
            self._is_ending = True
            self._current.stop()

    def close(self) -> None:
        """Release the device."""
        with self._switch:
            self._is_ending, self._is_open = True, False
            current = self._current
        current.close()

    def __iter__(self) -> Iterator[Samples]:
        """Yield the recording, of one device after the other.

        Raises:
            AudioDeviceError: The device is gone, and there is no other.
        """
        while True:
            try:
                yield from self._current
            except AudioDeviceError as error:
                if not self._goes_on(error):
                    raise
            else:
                return

    def _goes_on(self, lost: AudioDeviceError) -> bool:
        """Take another device in the place of the one that is gone; False: there is none, or nobody wants it."""
        gone = self._current
        gone.close()
        deadline = time.monotonic() + _PATIENCE_S
        while not self._is_ending:
            for device in self._followers(gone.name, lost):
                other = self._make(device)
                try:
                    other.open()
                    other.start()
                except AudioDeviceError:
                    other.close()
                    continue
                with self._switch:
                    if self._is_ending:
                        break
                    self._current, self._device_in_use = other, device
                    self._notices.append(f"{lost.message} The recording goes on with {other.name}.")
                    return True
                other.close()
            if time.monotonic() >= deadline:
                break
            time.sleep(_RETRY_S)
        return False

    def _followers(self, gone: str, lost: AudioDeviceError) -> list[str | None]:
        """Return what to try in the place of a device: itself, if only its rate is another now."""
        if not isinstance(lost, microphone.RateChangedError):
            return self._others(gone)
        # By its name: numbers change when devices come and go.
        return [None if self._device_in_use is None else gone, *self._others(gone)]

    def _others(self, gone: str) -> list[str | None]:
        """Return what to try: the system's choice, then whatever else people may speak into."""
        try:
            devices = list_devices("input")
        except AudioDeviceError:
            return []
        usable = [
            device
            for device in devices
            if device.name != gone and not any(word in device.name.lower() for word in _NO_PLACE_TO_SPEAK)
        ]
        default = next((device for device in devices if device.is_default), None)
        system = [None] if default is not None else []
        return [*system, *(str(device.index) for device in usable if device is not default)]
