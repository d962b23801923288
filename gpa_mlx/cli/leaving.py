"""The end of the process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def leave(code: int, patience_s: float = 3.0) -> NoReturn:
    """End the process once every sound device is closed.

    Everything is written by now. One that does not answer is left to the system, without the interpreter's farewell:
    that would end PortAudio, and with it the stream that is being closed, which crashes or never comes back.

    Args:
        code: The exit code.
        patience_s: How long devices are waited for.
    """
    if "gpa_mlx.audio.devices.port_audio" in sys.modules:  # otherwise no device was used
        from gpa_mlx.audio.devices.port_audio import settle

        if not settle(patience_s):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)
