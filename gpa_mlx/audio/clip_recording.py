"""A short clip from the microphone, in one piece."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from types import ModuleType

    from gpa_mlx.types import Waveform

_USE_A_FILE = "Connect one, or give a recording."
_CHECK = "Check that it is connected and that no other program holds it, or give a recording."


def record_clip(seconds: float) -> tuple[Waveform, int]:
    """Record from the default microphone; an interrupt ends the recording and is passed on.

    Args:
        seconds: How long, > 0.

    Returns:
        `(samples,)` float32 at the microphone's own rate, and that rate in Hz.

    Raises:
        AudioDeviceError: PortAudio is missing, there is no microphone, it cannot be used, or it gives only zeros, which
            is what macOS gives a program that may not listen.
    """
    sounddevice = _sounddevice()
    try:
        rate_hz = int(sounddevice.query_devices(None, "input")["default_samplerate"])
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioDeviceError("This computer has no microphone.", hint=_USE_A_FILE) from error
    try:
        samples = sounddevice.rec(round(seconds * rate_hz), samplerate=rate_hz, channels=1, dtype="float32")
        try:
            sounddevice.wait()
        finally:
            sounddevice.stop()
    except sounddevice.PortAudioError as error:
        # PortAudio's words stand first among the arguments, before its numbers.
        reason = str(error.args[0]).rstrip(".") if error.args else "unknown reason"
        raise AudioDeviceError(f"The microphone cannot be used: {reason}.", hint=_CHECK) from error
    clip = np.ascontiguousarray(samples[:, 0])
    if not clip.any():
        raise AudioDeviceError("The microphone gives nothing but zeros.", hint=_permission_advice(sys.platform))
    return clip, rate_hz


def _permission_advice(platform: str) -> str:
    if platform == "darwin":
        return (
            "Let your terminal use the microphone: System Settings, Privacy & Security, Microphone; "
            "then close the terminal and open it again."
        )
    return "Check that the microphone is not muted and that the right one is chosen in the sound settings."


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        raise AudioDeviceError(
            "Nothing can be recorded: the PortAudio library is missing.",
            hint="Install it (Debian and Ubuntu: `apt install libportaudio2`), or give a recording.",
        ) from error
    return sounddevice
