"""The microphone: whether sound comes out of it, and if not, who keeps it back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.devices.silence import GIVE_UP_S, INPUT_PANE, SilenceAdviser
from gpa_mlx.doctor.finding import Finding
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.audio.devices.silence import Advice
    from gpa_mlx.doctor.host import Host
    from gpa_mlx.doctor.sound_devices import SoundDevice, SoundDevices
    from gpa_mlx.types import Waveform

PROBE_S = 1.0

_AREA = "microphone"
_QUIET_DBFS = -70.0
"""Below this there is not even the noise of a room."""

_CLIPPED = 0.999
_PHONE_HZ = 24_000
"""Headsets that are also listened to record at this rate or less."""

_HEADSETS = ("airpods", "bluetooth", "beats", "buds", "bose", "jabra", "hands-free", "handsfree", "hfp", "bluez")
_NAMED = "`gpa-mlx settings set microphone NAME`"


def examine_microphone(host: Host, devices: SoundDevices, name: str | None, *, probe: bool) -> Iterator[Finding]:
    """Find the microphone and listen to it for a second; on a Mac that gives zeros at first, until there is sound.

    Args:
        host: This computer.
        devices: Its sound devices.
        name: A part of the microphone's name; None means the default.
        probe: Whether to listen.
    """
    if host.is_remote:
        yield Finding(
            _AREA,
            "note",
            "You are connected over ssh: microphones here are those of the distant computer.",
            "Run gpa-mlx on the computer you sit at",
        )
    try:
        device = devices.microphone(name)
    except AudioDeviceError as error:
        yield Finding(_AREA, "warning", error.message, _connect(host, name, error.hint))
        return
    if not probe:
        yield Finding(_AREA, "ok", f"{device.name}, {device.rate_hz} Hz; not listened to.")
    else:
        if host.microphone_access() == "undecided" and not host.is_remote:
            yield Finding(_AREA, "note", "macOS may be asking now whether the microphone may be used.", "Answer it")
        yield _heard(host, devices, name, device)
    if device.rate_hz <= _PHONE_HZ or any(word in device.name.lower() for word in _HEADSETS):
        yield Finding(
            _AREA,
            "note",
            f"{device.name} looks like a Bluetooth headset: it records as a telephone does ({device.rate_hz} Hz), "
            "and the first words may be lost while it wakes up.",
            f"Choose a built-in or wired microphone: {_pane(host)}, or {_NAMED}",
        )


def level_dbfs(samples: Waveform) -> float:
    """Return the root mean square of samples in dB below full scale; -inf for silence.

    Args:
        samples: `(n,)` float32 in [-1, 1].
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


def _heard(host: Host, devices: SoundDevices, name: str | None, device: SoundDevice) -> Finding:
    adviser = SilenceAdviser(platform=host.platform, environ=host.environ, access=host.microphone_access)

    def advice() -> Advice:
        return adviser.advise(GIVE_UP_S)

    try:
        samples = devices.record(name, PROBE_S, zeros_s=GIVE_UP_S if host.is_mac else 0.0)
    except AudioDeviceError as error:
        return Finding(_AREA, "warning", error.message, error.hint or advice().remedy)
    if not len(samples):
        return Finding(_AREA, "warning", f"{device.name} is open but gives no samples.", advice().remedy)
    if not np.any(samples):
        return Finding(_AREA, "warning", f"{device.name}: {advice().problem}", advice().remedy)
    level = level_dbfs(samples)
    zeros = np.count_nonzero(samples == 0) / len(samples)
    facts = f"{device.name}, {device.rate_hz} Hz, level {level:.0f} dBFS, {zeros:.0%} exact zeros"
    if level < _QUIET_DBFS:
        return Finding(_AREA, "warning", f"{facts}: too quiet to be heard.", _louder(host))
    if np.max(np.abs(samples)) >= _CLIPPED:
        return Finding(_AREA, "warning", f"{facts}: so loud that it is distorted.", _louder(host))
    return Finding(_AREA, "ok", f"{facts}.")


def _louder(host: Host) -> str:
    return f"{INPUT_PANE}: input volume" if host.is_mac else "`alsamixer` (F4: capture), or the desktop's sound panel"


def _connect(host: Host, name: str | None, hint: str) -> str:
    if name is not None:
        return f"{hint} {_NAMED}, or `gpa-mlx settings unset microphone` for the system's choice".strip()
    return hint or f"Connect one; then {_pane(host)}"


def _pane(host: Host) -> str:
    return INPUT_PANE if host.is_mac else "the sound panel of the desktop, or `pactl list short sources`"
