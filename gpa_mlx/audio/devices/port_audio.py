"""The computer's sound inputs and outputs, as PortAudio knows them, and how the user names one.

PortAudio looks for devices only when it is initialised. So that one which is plugged in while the program runs is seen,
it is initialised anew whenever devices are about to be listed or opened; as that would end all streams, not while one
of `open_stream` is open. PortAudio is not made for several threads: they take turns in `port_audio`.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

Direction: TypeAlias = Literal["input", "output"]

_CLOSE_S = 0.08
"""A device that is gone may never answer."""

_CLOSING_S = 3.0
"""Until then, one that is being closed is waited for before devices are looked for: the old list still has it."""

_TURN = threading.Lock()
_STREAMS: set[Any] = set()
"""Those that are open; one whose device never answers stays here, and PortAudio stays as it is."""
_CLOSING: set[threading.Event] = set()
"""Set when a stream that is being closed is closed."""
_STUCK: set[threading.Event] = set()
"""Those of `_CLOSING` that were waited for in vain: not again."""


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
    with _TURN:
        is_fresh = "sounddevice" not in sys.modules
        library = _imported(direction)
        _wait_for_closing()
        if not is_fresh and not _STREAMS:
            _look_again(library, direction)
        yield library


def open_stream(make: Callable[..., Any], **settings: object) -> Any:  # noqa: ANN401 - sounddevice has no types
    """Return a new stream, to be ended with `release` alone.

    Args:
        make: A class of streams of the module that `port_audio` lends; whatever it raises is passed on.
        settings: Its arguments.
    """
    stream = make(**settings)
    _STREAMS.add(stream)
    return stream


def reason(error: Exception | None) -> str:
    """Return PortAudio's words, which stand first among the arguments, before its numbers."""
    return str(error.args[0]).rstrip(".") if error is not None and error.args else "unknown reason"


def advice(hint: str) -> str:
    """Return what to do about a device that cannot be used: one that is gone may keep PortAudio from finding others."""
    is_stuck = any(not closed.is_set() for closed in tuple(_STUCK))
    return f"{hint} One that is gone does not let go: start this program again to find others." if is_stuck else hint


def release(stream: Any) -> None:  # noqa: ANN401 - sounddevice has no types
    """Fall silent and close a stream of `open_stream`, within 0.1 s: a device that does not answer is left alone."""

    def close() -> None:
        stream.abort(ignore_errors=True)
        stream.close(ignore_errors=True)
        _STREAMS.discard(stream)
        closed.set()
        _CLOSING.discard(closed)
        _STUCK.discard(closed)

    closed = threading.Event()
    _CLOSING.add(closed)
    threading.Thread(target=close, name="gpa-mlx sound device", daemon=True).start()
    closed.wait(_CLOSE_S)


def _wait_for_closing() -> None:
    deadline = time.monotonic() + _CLOSING_S
    for closed in tuple(_CLOSING - _STUCK):
        if not closed.wait(max(0.0, deadline - time.monotonic())):
            _STUCK.add(closed)


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
