"""Any sample rate to 16 kHz with the reference's resampler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.types import Samples


class StreamResampler:
    """One track, block by block, with soxr's VHQ filter.

    The concatenated output is bit for bit that of `soxr.resample(whole, rate_hz, 16000, quality="VHQ")`, whatever the
    block sizes.

    Args:
        rate_hz: Rate of the input.
    """

    def __init__(self, rate_hz: int) -> None:
        self._stream = (
            None
            if rate_hz == SAMPLE_RATE_HZ
            else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float64", quality="VHQ")
        )

    def push(self, samples: Samples) -> Samples:
        """Take `(n,)` samples and return those at 16 kHz that are ready, possibly none."""
        return samples if self._stream is None else self._stream.resample_chunk(samples)

    def flush(self) -> Samples:
        """Return what remains after the last block."""
        rest = np.empty(0)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)
