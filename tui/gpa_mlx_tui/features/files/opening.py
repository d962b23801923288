"""Showing a file in the program that the system has for it: on macOS only, where `open` is sure to be there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OPEN = "/usr/bin/open"


def can_open(platform: str = sys.platform) -> bool:
    """Return whether the system has a program that opens files."""
    return platform == "darwin"


def open_in_system(path: Path, run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run) -> None:
    """Show a file; returns when the system has taken it.

    Args:
        path: The file.
        run: Starts a program, as `subprocess.run`.

    Raises:
        GPAError: No program took it.
    """
    try:
        # Absolute: `open` would take a name that begins with a hyphen for an option.
        run([_OPEN, str(path.absolute())], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise GPAError(f"{path.name} could not be opened.", hint=f"It is at {path}.") from error
