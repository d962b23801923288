"""What the program cannot run on, said before anything is imported that would only fail there.

This module and all that is imported before it are read by old Pythons too: macOS has 3.9 as `python3`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OLDEST_PYTHON = (3, 11)
_OLDEST_DARWIN = 23
"""The kernel of macOS 14, the oldest for which MLX is built."""

_UV = "`uv tool install gpa-mlx` (in a clone `uv tool install .`) brings its own Python"


def unsupported(
    words: Sequence[str],
    *,
    python: tuple[int, ...] = sys.version_info[:2],
    platform: str = sys.platform,
    machine: str | None = None,
    release: str | None = None,
    is_translated: Callable[[], bool] | None = None,
) -> tuple[str, str] | None:
    """Return what is wrong with this computer and what to do, None if the program can run.

    Args:
        words: After the program's name: help, the version and `doctor` also answer on the wrong machine.
        python: Version of the running Python.
        platform: As `sys.platform`.
        machine: Of the running Python; None asks the system.
        release: Of the kernel; None asks the system.
        is_translated: Whether the running Python is translated by Rosetta; None asks the system.
    """
    if python < OLDEST_PYTHON:
        return (
            "gpa-mlx needs Python {}.{} or later, and this is {}.{}.".format(*OLDEST_PYTHON, *python),
            f"{_UV}; or `brew install python@3.13`." if platform == "darwin" else f"{_UV}.",
        )
    if platform != "darwin" or {"--help", "-h", "--version", "doctor"} & set(words):
        return None
    system = os.uname()
    machine, release = machine or system.machine, release or system.release
    if machine != "arm64":
        if (is_translated or _is_translated)():
            return (
                "This Python is built for Intel and runs under Rosetta, where MLX does not work.",
                f"Install one for Apple silicon: {_UV}, in a terminal whose Get Info in the Finder does not say "
                "`Open using Rosetta`.",
            )
        return (
            "gpa-mlx needs a Mac with Apple silicon: MLX does not run on Intel processors.",
            "Use a Mac with an M1 or later, or Linux.",
        )
    if int(release.split(".")[0]) < _OLDEST_DARWIN:
        return "gpa-mlx needs macOS 14 or later, as MLX does.", "System Settings > General > Software Update."
    return None


def _is_translated() -> bool:
    import subprocess

    command = ["/usr/sbin/sysctl", "-n", "sysctl.proc_translated"]
    return subprocess.run(command, capture_output=True, check=False).stdout.strip() == b"1"  # noqa: S603 - a fixed list
