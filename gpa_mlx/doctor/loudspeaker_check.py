"""The sound output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.errors import AudioDeviceError

if TYPE_CHECKING:
    from gpa_mlx.doctor.host import Host
    from gpa_mlx.doctor.sound_devices import SoundDevices

_AREA = "loudspeaker"


def examine_loudspeaker(host: Host, devices: SoundDevices, name: str | None) -> list[Finding]:
    """Find the sound output; nothing is played.

    Args:
        host: This computer.
        devices: Its sound devices.
        name: A part of the output's name; None means the default.
    """
    try:
        device = devices.loudspeaker(name)
    except AudioDeviceError as error:
        pane = "System Settings > Sound > Output" if host.is_mac else "the sound panel of the desktop"
        fix = f"Connect one; then {pane}. Without, write speech to a file: `-o OUT.wav`"
        if name is not None:
            unset = "`gpa-mlx settings set loudspeaker NAME`, or `gpa-mlx settings unset loudspeaker`"
            return [Finding(_AREA, "warning", error.message, f"{error.hint} {unset}".strip())]
        return [Finding(_AREA, "warning", error.message, error.hint or fix)]
    where = " of the distant computer" if host.is_remote else ""
    return [Finding(_AREA, "ok", f"{device.name}{where}, {device.rate_hz} Hz.")]
