"""A short clip from the microphone, in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.devices.silence import Advice, Silence, SilenceAdviser
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.audio.devices.microphone import AudioInput
    from gpa_mlx.types import Samples


def record_clip(
    microphone: AudioInput,
    seconds: float,
    tell: Callable[[Advice], None] = lambda advice: None,
    adviser: SilenceAdviser | None = None,
) -> Samples:
    """Record for a while; an interrupt ends the recording and is passed on.

    Args:
        microphone: It is opened, and closed at the end.
        seconds: How long, > 0; exact zeros at the beginning do not count.
        tell: Called with what may be wrong while there are only zeros.
        adviser: Knows that; None: the one of this computer.

    Returns:
        `(samples,)` float64 at 16 kHz.

    Raises:
        AudioDeviceError: The microphone cannot be used, stops working or gives only zeros.
    """
    wanted = round(seconds * SAMPLE_RATE_HZ)
    blocks: list[Samples] = []
    silence = Silence(adviser or SilenceAdviser())
    try:
        microphone.open()
        microphone.start()
        recorded = 0
        for block in microphone:
            if not recorded and not block.any():
                if advice := silence.note(len(block) / SAMPLE_RATE_HZ):
                    tell(advice)
                if silence.is_final:
                    break
                continue
            blocks.append(block)
            recorded += len(block)
            if recorded >= wanted:
                break
    finally:
        microphone.close()
    clip = np.concatenate([np.empty(0), *blocks])[:wanted]
    if not clip.any():
        raise silence.error()
    return clip
