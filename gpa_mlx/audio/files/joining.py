"""Streams of different formats as one: at the rate and with the channels of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    from gpa_mlx.audio.files.audio_source import ChannelBlock


class FormatAdapter:
    """Converts blocks of a later stream to the format of the first one.

    Args:
        rate_hz: Rate of what is pushed.
        channels: Its channels.
        to_rate_hz: The wanted rate.
        to_channels: The wanted channels.
    """

    def __init__(self, rate_hz: int, channels: int, *, to_rate_hz: int, to_channels: int) -> None:
        self._to_channels = to_channels
        self._resampler = (
            None
            if rate_hz == to_rate_hz
            else soxr.ResampleStream(rate_hz, to_rate_hz, to_channels, dtype="float64", quality="VHQ")
        )
        self._channels = channels

    def push(self, block: ChannelBlock) -> ChannelBlock:
        """Return what is ready, possibly nothing."""
        if self._channels != self._to_channels:
            block = np.repeat(block.mean(axis=1, keepdims=True), self._to_channels, axis=1)
        return block if self._resampler is None else self._shaped(self._resampler.resample_chunk(block))

    def flush(self) -> ChannelBlock:
        """Return the rest."""
        rest = np.zeros((0, self._to_channels))
        return rest if self._resampler is None else self._shaped(self._resampler.resample_chunk(rest, last=True))

    def _shaped(self, samples: ChannelBlock) -> ChannelBlock:
        return samples.reshape(-1, self._to_channels)
