"""Operating system, chip, memory and Python."""

from __future__ import annotations

from pathlib import Path

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host

_OLDEST_MACOS = 14
_OLDEST_GLIBC = (2, 35)
_CPUINFO = Path("/proc/cpuinfo")


def examine_machine(host: Host) -> list[Finding]:
    """Say what the machine is, and whether MLX has a build for it."""
    memory = f"{host.memory_bytes / 2**30:.0f} GB memory" if host.memory_bytes else "unknown memory"
    chip = f"{_chip(host)}, {host.cores} cores, {memory}, Python {host.python_version} ({host.architecture})"
    if host.is_mac:
        return _mac(host, chip)
    return _linux(host, chip)


def _mac(host: Host, chip: str) -> list[Finding]:
    facts = f"macOS {host.system_version}, {chip}"
    if host.architecture != "arm64":
        # Python may be the only Intel program here: then the system translates it, and MLX cannot be installed.
        if host.output(["sysctl", "-n", "sysctl.proc_translated"]) == "1":
            return [
                Finding(
                    "machine",
                    "missing",
                    f"{facts}; this Python is built for Intel and runs under Rosetta, where MLX does not work.",
                    "Make a new environment with a Python for Apple silicon: `/opt/homebrew/bin/python3 -m venv .venv` "
                    "(from `brew install python`); in the Finder's Get Info of your terminal app, `Open using Rosetta` "
                    "must be off",
                )
            ]
        return [
            Finding(
                "machine",
                "missing",
                f"{facts}; MLX does not run on Macs with Intel processors.",
                "Use a Mac with Apple silicon, or Linux",
            )
        ]
    if _first_number(host.system_version) < _OLDEST_MACOS:
        return [
            Finding(
                "machine",
                "missing",
                f"{facts}; MLX needs macOS {_OLDEST_MACOS} or later.",
                "System Settings > General > Software Update",
            )
        ]
    return [Finding("machine", "ok", f"{facts}.")]


def _linux(host: Host, chip: str) -> list[Finding]:
    facts = f"Linux with glibc {host.system_version or 'unknown'}, {chip}"
    numbers = host.system_version.split(".")[:2]
    version = tuple(int(number) for number in numbers if number.isdecimal())
    if len(version) == 2 and version < _OLDEST_GLIBC:
        return [
            Finding(
                "machine",
                "missing",
                f"{facts}; MLX needs glibc 2.35 or later.",
                "Upgrade the system: Debian 12 (`apt full-upgrade`), Ubuntu 22.04 (`do-release-upgrade`) or newer",
            )
        ]
    return [Finding("machine", "ok", f"{facts}.")]


def _chip(host: Host) -> str:
    if host.is_mac:
        return host.output(["sysctl", "-n", "machdep.cpu.brand_string"]) or "unknown chip"
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    # Only Intel and AMD give a name here.
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"{host.architecture} processor"


def _first_number(version: str) -> int:
    first = version.split(".")[0]
    return int(first) if first.isdecimal() else 0
