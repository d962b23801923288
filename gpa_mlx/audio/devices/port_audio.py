"""The computer's sound inputs and outputs, as PortAudio knows them, and how the user names one.

PortAudio looks for devices only when it is initialised. So that one which is plugged in while the program runs is seen,
it is initialised anew whenever devices are about to be listed or opened; as that would end all streams, not while one
of `open_stream` is open. Threads take turns, see `gpa_mlx.audio.devices.streams`.
"""

from __future__ import annotations

import atexit
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from gpa_mlx.audio.devices.streams import Streams, call_in_time
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

Direction: TypeAlias = Literal["input", "output"]

T = TypeVar("T")

OPENING_S = 10.0
"""A Bluetooth headset takes seconds to wake up; the system may take its time, too, while it asks the user."""

_ENDING_S = 3.0
_STREAMS = Streams()


class _Words(NamedTuple):
    device: str
    failing: str
    instead: str


_WORDS: dict[Direction, _Words] = {
    "input": _Words("microphone", "Sound cannot be recorded", "use a recording"),
    "output": _Words("sound output", "Sound cannot be played", "write the speech to a file"),
}


@dataclass(frozen=True, slots=True)
class Device:
    """A sound input or output.

    Attributes:
        index: PortAudio's number for it, which changes when devices come and go.
        name: For people; two devices may have the same.
        system: The sound system it belongs to: Core Audio, ALSA, ...
        channels: Most channels in this direction.
        rate_hz: Its own rate.
        is_default: The system's choice.
    """

    index: int
    name: str
    system: str
    channels: int
    rate_hz: int
    is_default: bool


def list_devices(direction: Direction) -> tuple[Device, ...]:
    """Return all devices of one direction, in PortAudio's order.

    Raises:
        AudioDeviceError: PortAudio is missing, or cannot look for devices.
    """
    with port_audio(direction) as library:
        systems = [system["name"] for system in library.query_hostapis()]
        default = library.default.device[0 if direction == "input" else 1]
        return tuple(
            Device(
                index=device["index"],
                name=device["name"],
                system=systems[device["hostapi"]],
                channels=device[f"max_{direction}_channels"],
                rate_hz=int(device["default_samplerate"]),
                is_default=device["index"] == default,
            )
            for device in library.query_devices()
            if device[f"max_{direction}_channels"] > 0
        )


def find_device(library: ModuleType, name: str | None, direction: Direction) -> Mapping[str, Any]:
    """Return PortAudio's description of the one device that the user means.

    Args:
        library: Lent by `port_audio`.
        name: A part of its name in any case, or its number as `list_devices` tells; None for the system's choice.
        direction: What it is for.

    Raises:
        AudioDeviceError: There is no device, or the name fits none or several.
    """
    words = _WORDS[direction]
    try:
        found = library.query_devices(selector(name), direction)
    except library.PortAudioError as error:
        if name is None:
            raise AudioDeviceError(
                f"This computer has no {words.device}.", hint=f"Connect one, or {words.instead}."
            ) from error
        raise _not_one(library, name, direction) from error
    except ValueError as error:
        raise _not_one(library, name, direction) from error
    return found


def selector(name: str | None) -> str | int | None:
    """Return what PortAudio's Python module takes for a device the user named: digits alone are its number."""
    return int(name) if name is not None and name.isdecimal() else name


def described(name: str | None, direction: Direction) -> str:
    """Return what messages call a device that the user named so."""
    words = _WORDS[direction]
    return f"The {words.device}" if name is None else f"The {words.device} '{name}'"


@contextmanager
def port_audio(direction: Direction) -> Iterator[ModuleType]:
    """Lend the module `sounddevice`, which knows the devices there are now; other threads wait until it is given back.

    Raises:
        AudioDeviceError: The PortAudio library is missing, or cannot look for devices.
    """
    with _STREAMS.turn(OPENING_S):
        is_fresh = "sounddevice" not in sys.modules
        library = _imported(direction)
        if is_fresh:
            # Before sounddevice ends PortAudio, and with it all streams, those that are being closed too.
            atexit.register(settle, _ENDING_S)
        elif _STREAMS.is_quiet:
            _look_again(library, direction)
        yield library


def opened_in_time(work: Callable[[], T], undo: Callable[[T], None], what: str) -> T:
    """Open or start something on a thread of its own: drivers may take seconds, or never come back.

    Args:
        work: Opens it.
        undo: Closes it again if it comes too late.
        what: Is opened, to begin a sentence with.

    Raises:
        AudioDeviceError: It took longer than `OPENING_S`.
    """
    try:
        return call_in_time(work, undo, OPENING_S)
    except TimeoutError as error:
        raise AudioDeviceError(
            f"{what} does not answer.", hint="Disconnect and reconnect it, or choose another one."
        ) from error


def open_stream(make: Callable[..., Any], **settings: object) -> Any:  # noqa: ANN401 - sounddevice has no types
    """Return a new stream, to be ended with `close_stream` or `release` alone.

    Args:
        make: A class of streams of the module that `port_audio` lends; whatever it raises is passed on.
        settings: Its arguments.
    """
    stream = make(**settings)
    _STREAMS.add(stream)
    return stream


def close_stream(stream: Any) -> None:  # noqa: ANN401
    """Close a stream of `open_stream` while `port_audio` is lent."""
    _STREAMS.close(stream)


@contextmanager
def turn(limit_s: float = OPENING_S) -> Iterator[None]:
    """Do something to a stream of `open_stream` while nobody else is inside PortAudio.

    Args:
        limit_s: How long others wait for it.
    """
    with _STREAMS.turn(limit_s):
        yield


def advice(hint: str) -> str:
    """Return what to do about a device that cannot be used: one that is gone may keep PortAudio from finding others."""
    if not _STREAMS.is_stuck:
        return hint
    return f"{hint} One that is gone does not let go: start this program again to find others."


def reason(error: Exception | None) -> str:
    """Return PortAudio's words, which stand first among the arguments, before its numbers."""
    return str(error.args[0]).rstrip(".") if error is not None and error.args else "unknown reason"


def release(stream: Any) -> None:  # noqa: ANN401 - sounddevice has no types
    """Fall silent and close a stream of `open_stream`, within 0.1 s: what takes longer goes on on a thread of its own.

    Who opens or looks for devices next waits for it, and so does `settle`.
    """
    _STREAMS.release(stream)


def settle(patience_s: float = _ENDING_S) -> bool:
    """Wait until all streams that were released are closed, as the process must before it ends.

    Args:
        patience_s: Longest wait.

    Returns:
        False: a device does not answer, and PortAudio must not be ended any more: it would hang or crash.
    """
    return _STREAMS.settle(patience_s)


def _imported(direction: Direction) -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        words = _WORDS[direction]
        raise AudioDeviceError(
            f"{words.failing}: the PortAudio library is missing.",
            hint=f"Install it (Debian and Ubuntu: `apt install libportaudio2`), or {words.instead}.",
        ) from error
    return sounddevice


def _look_again(library: ModuleType, direction: Direction) -> None:
    # PortAudio lists devices only when it starts. These two are part of sounddevice's documented interface ("expert
    # mode"), in spite of their names.
    with suppress(library.PortAudioError):  # it is not initialised: that failed the last time
        library._terminate()
    try:
        library._initialize()
    except library.PortAudioError as error:
        words = _WORDS[direction]
        raise AudioDeviceError(
            f"{words.failing}: {reason(error)}.", hint=f"Check the computer's sound settings, or {words.instead}."
        ) from error


def _not_one(library: ModuleType, name: str | None, direction: Direction) -> AudioDeviceError:
    words = _WORDS[direction]
    names = [device["name"] for device in library.query_devices() if device[f"max_{direction}_channels"] > 0]
    choices = f"Choose one of: {', '.join(dict.fromkeys(names))}." if names else f"Connect one, or {words.instead}."
    return AudioDeviceError(f"There is not exactly one {words.device} '{name}'.", hint=advice(choices))
