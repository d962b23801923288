"""A short clip from the microphone, in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.types import Samples


def record_clip(microphone: AudioInput, seconds: float) -> Samples:
    """Record for a while; an interrupt ends the recording and is passed on.

    Args:
        microphone: It is opened, and closed at the end.
        seconds: How long, > 0.

    Returns:
        `(samples,)` float64 at 16 kHz.

    Raises:
        AudioDeviceError: The microphone cannot be used, stops working or gives only zeros, which is what macOS gives a
            program that may not listen.
    """
    wanted = round(seconds * SAMPLE_RATE_HZ)
    blocks: list[Samples] = []
    try:
        microphone.open()
        microphone.start()
        recorded = 0
        for block in microphone:
            blocks.append(block)
            recorded += len(block)
            if recorded >= wanted:
                break
    finally:
        microphone.close()
    clip = np.concatenate([np.empty(0), *blocks])[:wanted]
    if not clip.any():
        raise AudioDeviceError(
            "The microphone gives nothing but zeros.",
            hint="If it is not muted, `gpa-mlx doctor` says how to let this terminal use it.",
        )
    return clip
