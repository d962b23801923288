"""The computer, seen through one object, so that what holds on a Mac can be tested elsewhere."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gpa_mlx.runtime.clipboard import is_remote
from gpa_mlx.runtime.macos.microphone_access import MicrophoneAccess, microphone_access

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A computer.

    Attributes:
        platform: As `sys.platform`: `darwin` or `linux`.
        architecture: Of the running Python: `arm64`, `aarch64` or `x86_64`.
        system_version: Of macOS, or of glibc; empty if unknown.
        python_version: Of the running Python.
        cores: Processors this process may use.
        memory_bytes: Built-in memory; 0 if unknown.
        environ: Environment variables.
        which: Path of a program, None if it is not installed.
        microphone_access: Asks the system whether this process may use the microphone.
        output: What a command writes to its standard output, stripped; empty if it fails.
    """

    platform: str
    architecture: str
    system_version: str
    python_version: str
    cores: int
    memory_bytes: int
    environ: Mapping[str, str]
    which: Callable[[str], str | None]
    output: Callable[[Sequence[str]], str]
    microphone_access: Callable[[], MicrophoneAccess] = microphone_access

    @property
    def is_mac(self) -> bool:
        """Whether this is macOS."""
        return self.platform == "darwin"

    @property
    def is_remote(self) -> bool:
        """Whether the user sits at another computer, over ssh."""
        return is_remote(self.environ)


def this_host() -> Host:
    """Return the computer this runs on."""
    on_mac = sys.platform == "darwin"
    return Host(
        platform=sys.platform,
        architecture=platform.machine(),
        system_version=platform.mac_ver()[0] if on_mac else platform.libc_ver()[1],
        python_version=platform.python_version(),
        cores=_cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        environ=os.environ,
        which=shutil.which,
        output=_output,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _output(command: Sequence[str]) -> str:
    try:
        result = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
