"""The computer's sound inputs and outputs, as PortAudio knows them, and how the user names one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

Direction: TypeAlias = Literal["input", "output"]

_CLOSE_S = 0.08
"""A device that is gone may never answer."""


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
    """Return all devices of one direction, in PortAudio's order; PortAudio looks for them once per process.

    Raises:
        AudioDeviceError: PortAudio is missing.
    """
    library = port_audio(direction)
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


def find_device(name: str | None, direction: Direction) -> Mapping[str, Any]:
    """Return PortAudio's description of the one device that the user means.

    Args:
        name: A part of its name in any case, or its number as `list_devices` tells; None for the system's choice.
        direction: What it is for.

    Raises:
        AudioDeviceError: PortAudio is missing, there is no device, or the name fits none or several.
    """
    library = port_audio(direction)
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


def port_audio(direction: Direction) -> ModuleType:
    """Return the module `sounddevice`.

    Raises:
        AudioDeviceError: The PortAudio library is missing.
    """
    try:
        import sounddevice
    except OSError as error:
        words = _WORDS[direction]
        raise AudioDeviceError(
            f"{words.failing}: the PortAudio library is missing.",
            hint=f"Install it (Debian and Ubuntu: `apt install libportaudio2`), or {words.instead}.",
        ) from error
    return sounddevice


def reason(error: Exception | None) -> str:
    """Return PortAudio's words, which stand first among the arguments, before its numbers."""
    return str(error.args[0]).rstrip(".") if error is not None and error.args else "unknown reason"


def release(stream: Any) -> None:  # noqa: ANN401 - sounddevice has no types
    """Fall silent and close a stream of `sounddevice`, within 0.1 s: a device that does not answer is left alone."""

    def close() -> None:
        stream.abort(ignore_errors=True)
        stream.close(ignore_errors=True)

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(_CLOSE_S)


def _not_one(library: ModuleType, name: str | None, direction: Direction) -> AudioDeviceError:
    words = _WORDS[direction]
    names = [device["name"] for device in library.query_devices() if device[f"max_{direction}_channels"] > 0]
    choices = f"Choose one of: {', '.join(dict.fromkeys(names))}." if names else f"Connect one, or {words.instead}."
    return AudioDeviceError(f"There is not exactly one {words.device} '{name}'.", hint=choices)
