"""Programs of the system that the program uses, and the network, which it does not."""

from __future__ import annotations

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host

_INSTALL = {True: "`brew install ffmpeg`", False: "`apt install ffmpeg`"}


def examine_tools(host: Host) -> list[Finding]:
    """Say which files can be read, and that nothing here goes over the network."""
    found = [program for program in ("afconvert", "ffmpeg") if host.which(program)]
    if not found:
        files = Finding(
            "tools",
            "warning",
            "Neither afconvert nor ffmpeg is installed: m4a, mp4 and other foreign formats cannot be read.",
            _INSTALL[host.is_mac],
        )
    elif found == ["afconvert"]:
        files = Finding(
            "tools", "ok", "afconvert reads m4a, mp4 and mov; ffmpeg would read webm, mkv and wma.", _INSTALL[True]
        )
    else:
        files = Finding("tools", "ok", f"{' and '.join(found)} {'read' if len(found) > 1 else 'reads'} m4a, mp4, webm.")
    return [files, Finding("network", "ok", "Not needed: only getting a model goes over the network.")]
