"""The computer's sound output, through PortAudio."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from gpa_mlx.audio.devices.port_audio import (
    advice,
    described,
    find_device,
    open_stream,
    opened_in_time,
    port_audio,
    reason,
    release,
    selector,
    turn,
)
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import numpy as np
    import numpy.typing as npt
    from sounddevice import OutputStream

    from gpa_mlx.types import Waveform

# Generating speech keeps all cores busy: with the 0.035 s that PortAudio calls high, the callback is sometimes late.
_LATENCY_S = 0.1
_DRAINING_S = 2.0
"""How long others wait for a device that plays its last frames; PortAudio waits forever for one that is gone."""


@dataclass(frozen=True, slots=True)
class Loudspeaker:
    """A sound output of this computer; an `OutputDevice` for `Player`.

    Opened in mono at the wanted rate if the device can do that, otherwise at its own rate, in stereo if need be.

    Attributes:
        name: A part of the device's name, or its number; None means the default output.
    """

    name: str | None = None

    def open(self, rate_hz: int, fill: Callable[[Waveform], None], lost: Callable[[], None]) -> _LoudspeakerStream:
        """Open the device, silent until `start`; see `OutputDevice.open`.

        Raises:
            AudioDeviceError: PortAudio is missing, there is no such device, or it cannot be used.
        """

        def work() -> _LoudspeakerStream:
            with port_audio("output") as library:
                return self._open(library, rate_hz, _callback(fill), lost)

        return opened_in_time(work, _LoudspeakerStream.close, described(self.name, "output"))

    def _open(
        self, library: ModuleType, rate_hz: int, callback: Callable[..., None], lost: Callable[[], None]
    ) -> _LoudspeakerStream:
        native_hz = int(find_device(library, self.name, "output")["default_samplerate"])
        problem: Exception | None = None
        for rate, channels in product(dict.fromkeys((rate_hz, native_hz)), (1, 2)):
            try:
                stream = open_stream(
                    library.OutputStream,
                    device=selector(self.name),
                    samplerate=rate,
                    channels=channels,
                    dtype="float32",
                    latency=_LATENCY_S,
                    callback=callback,
                    finished_callback=lost,
                )
            except library.PortAudioError as error:
                problem = error
            else:
                return _LoudspeakerStream(stream, rate, library.PortAudioError)
        raise AudioDeviceError(
            f"{described(self.name, 'output')} cannot be used: {reason(problem)}.",
            hint=advice("Close programs that may hold it, choose another one, or write the speech to a file."),
        ) from problem


class _LoudspeakerStream:
    """An `OutputStream` for `Player`."""

    def __init__(self, stream: OutputStream, rate_hz: int, failure: type[Exception]) -> None:
        self._stream = stream
        self._failure = failure
        self._closed = False
        self._drain: threading.Thread | None = None
        self.rate_hz = rate_hz
        # A pair only for streams that record as well.
        self.latency_s: float = stream.latency  # pyright: ignore[reportAttributeAccessIssue]

    def start(self) -> None:
        """Begin to ask for frames."""
        try:
            opened_in_time(self._start, lambda _: self.close(), "The sound output")
        except self._failure as error:
            raise AudioDeviceError(
                f"The sound output cannot be started: {reason(error)}.",
                hint="Check that the device is connected, or write the speech to a file.",
            ) from error

    def drained(self) -> bool:
        """Ask for no more frames from the first call on; tell whether all that were given have been heard."""
        if self._drain is None:
            # PortAudio waits without looking at signals, and forever for a device that is gone.
            self._drain = threading.Thread(target=self._stop, name="gpa-mlx draining", daemon=True)
            self._drain.start()
        return not self._drain.is_alive()

    def close(self) -> None:
        """Fall silent and release the device; a device that does not answer is left to itself."""
        if not self._closed:
            self._closed = True
            release(self._stream)

    def _start(self) -> None:
        with turn():
            if not self._closed:
                self._stream.start()

    def _stop(self) -> None:
        with turn(_DRAINING_S):
            if not self._closed:
                self._stream.stop(ignore_errors=True)


def _callback(fill: Callable[[Waveform], None]) -> Callable[..., None]:
    def callback(out: npt.NDArray[np.float32], frames: int, time: object, status: object) -> None:
        fill(out[:, 0])
        out[:, 1:] = out[:, :1]

    return callback
