"""The microphone: whether sound comes out of it, and if not, who keeps it back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.terminal import microphone_permission
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
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
_INPUT_PANE = "System Settings > Sound > Input"
_NAMED = "`gpa-mlx settings set microphone NAME`"


def examine_microphone(host: Host, devices: SoundDevices, name: str | None, *, probe: bool) -> list[Finding]:
    """Find the microphone and listen to it for a second.

    Args:
        host: This computer.
        devices: Its sound devices.
        name: A part of the microphone's name; None means the default.
        probe: Whether to listen.
    """
    findings = []
    if host.is_remote:
        findings.append(
            Finding(
                _AREA,
                "note",
                "You are connected over ssh: microphones here are those of the distant computer.",
                "Run gpa-mlx on the computer you sit at",
            )
        )
    try:
        device = devices.microphone(name)
    except AudioDeviceError as error:
        return [*findings, Finding(_AREA, "warning", error.message, error.hint or _connect(host, name))]
    if probe:
        findings.append(_heard(host, devices, name, device))
    else:
        findings.append(Finding(_AREA, "ok", f"{device.name}, {device.rate_hz} Hz; not listened to."))
    if device.rate_hz <= _PHONE_HZ or any(word in device.name.lower() for word in _HEADSETS):
        findings.append(
            Finding(
                _AREA,
                "note",
                f"{device.name} looks like a Bluetooth headset: it records as a telephone does ({device.rate_hz} Hz), "
                "and the first words may be lost while it wakes up.",
                f"Choose a built-in or wired microphone: {_pane(host)}, or {_NAMED}",
            )
        )
    return findings


def level_dbfs(samples: Waveform) -> float:
    """Return the root mean square of samples in dB below full scale; -inf for silence.

    Args:
        samples: `(n,)` float32 in [-1, 1].
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


def _heard(host: Host, devices: SoundDevices, name: str | None, device: SoundDevice) -> Finding:
    try:
        samples = devices.record(name, PROBE_S)
    except AudioDeviceError as error:
        return Finding(_AREA, "warning", error.message, _permission(host))
    if not len(samples):
        return Finding(_AREA, "warning", f"{device.name} is open but gives no samples.", _permission(host))
    if not np.any(samples):
        # A live microphone is never that silent: the system gives zeros instead of the sound.
        return Finding(_AREA, "warning", f"{device.name} gives nothing but exact zeros.", _permission(host))
    level = level_dbfs(samples)
    zeros = np.count_nonzero(samples == 0) / len(samples)
    facts = f"{device.name}, {device.rate_hz} Hz, level {level:.0f} dBFS, {zeros:.0%} exact zeros"
    if level < _QUIET_DBFS:
        return Finding(_AREA, "warning", f"{facts}: too quiet to be heard.", _louder(host))
    if np.max(np.abs(samples)) >= _CLIPPED:
        return Finding(_AREA, "warning", f"{facts}: so loud that it is distorted.", _louder(host))
    return Finding(_AREA, "ok", f"{facts}.")


def _permission(host: Host) -> str:
    if not host.is_mac:
        return "`pactl set-source-mute @DEFAULT_SOURCE@ 0`, or unmute it in `alsamixer` (F4: capture)"
    if host.is_remote:
        return "Run gpa-mlx in a terminal on the Mac itself: macOS does not ask for permission over ssh"
    return microphone_permission(host.environ)


def _louder(host: Host) -> str:
    return f"{_INPUT_PANE}: input volume" if host.is_mac else "`alsamixer` (F4: capture), or the desktop's sound panel"


def _connect(host: Host, name: str | None) -> str:
    if name is not None:
        return f"{_NAMED}, or `gpa-mlx settings unset microphone` for the system's choice"
    return f"Connect one; then {_pane(host)}"


def _pane(host: Host) -> str:
    return _INPUT_PANE if host.is_mac else "the sound panel of the desktop, or `pactl list short sources`"
