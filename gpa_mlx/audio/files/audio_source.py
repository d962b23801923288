"""Where samples come from: read once, forward, in blocks, at their own rate."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

ChannelBlock: TypeAlias = npt.NDArray[np.float64]
"""Consecutive samples, `(frames, channels)`, float64, full scale 1."""

MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 768_000
MAX_CHANNELS = 1_024
"""The limit of libsndfile."""

_BLOCK_FRAMES = 8_192
_BLOCK_VALUES = 1 << 20


class AudioSource(Protocol):
    """Samples of one recording.

    Attributes:
        name: For messages: the file, or what stands for it.
        rate_hz: Samples per second.
        channels: At least 1.
        frames: Samples per channel as announced; None when unknown before the end is reached.
    """

    name: str
    rate_hz: int
    channels: int
    frames: int | None

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield all samples once, in order, in non-empty blocks of bounded size."""
        ...

    def close(self) -> None:
        """Free the file; idempotent."""
        ...


class ArraySource:
    """Samples in memory.

    Args:
        samples: `(samples,)` or `(samples, channels)`; any float dtype with full scale 1, or integers of up to 32 bits
            with the full scale of their dtype.
        rate: Samples per second.

    Raises:
        AudioFileError: Another shape or dtype, no samples, or a rate outside 1 to 768 kHz.
    """

    name = "The given audio"

    def __init__(self, samples: npt.ArrayLike, rate: SupportsIndex) -> None:
        try:
            array, rate_hz = np.asarray(samples), operator.index(rate)
        except (TypeError, ValueError) as error:
            raise AudioFileError(
                "In-memory audio must be a pair of a numpy array and an integer rate in Hz.",
                hint="Pass (samples, rate), in this order.",
            ) from error
        if array.dtype.kind not in "fiu" or (array.dtype.kind in "iu" and array.dtype.itemsize > 4):
            raise AudioFileError(
                f"{self.name} has the dtype {array.dtype}, whose full scale is not known.",
                hint="Pass floats in [-1, 1] or integers of 8, 16 or 32 bits.",
            )
        if array.ndim not in (1, 2):
            raise AudioFileError(
                f"{self.name} has the shape {array.shape}.", hint="Pass (samples,) or (samples, channels)."
            )
        if array.size == 0:
            raise no_samples(self.name)
        self.rate_hz = checked_rate(rate_hz, self.name)
        self.frames: int | None = len(array)
        self.channels = array.shape[1] if array.ndim == 2 else 1
        if self.channels > MAX_CHANNELS:
            raise AudioFileError(
                f"{self.name} has {self.channels} channels, more than {MAX_CHANNELS}.",
                hint="Pass (samples, channels), not (channels, samples).",
            )
        self._array = array.reshape(len(array), self.channels)

    def blocks(self) -> Iterator[ChannelBlock]:
        """Yield the samples as float64."""
        block_frames = frames_per_block(self.channels)
        for start in range(0, len(self._array), block_frames):
            yield _full_scale(self._array[start : start + block_frames])

    def close(self) -> None:
        """Do nothing; the array is the caller's."""


def frames_per_block(channels: int) -> int:
    """Return a block length that bounds the memory of a block, whatever the number of channels."""
    return max(1, min(_BLOCK_FRAMES, _BLOCK_VALUES // channels))


def checked_rate(rate_hz: int, name: str) -> int:
    """Return the rate.

    Raises:
        AudioFileError: Outside 1 to 768 kHz.
    """
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioFileError(
            f"{name} has a sample rate of {rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be read.",
            hint="Check where it comes from: the rate is probably wrong.",
        )
    return rate_hz


def no_samples(name: str) -> AudioFileError:
    """Return the error for audio of no length."""
    return AudioFileError(f"{name} holds no samples.", hint="It may be empty or cut off; record or export it again.")


def _full_scale(block: npt.NDArray[Any]) -> ChannelBlock:
    """Convert to float64 with full scale 1, integers as libsndfile does."""
    if block.dtype.kind == "f":
        return block.astype(np.float64)
    half = float(1 << (8 * block.dtype.itemsize - 1))
    middle = half if block.dtype.kind == "u" else 0.0
    return (block.astype(np.float64) - middle) / half
