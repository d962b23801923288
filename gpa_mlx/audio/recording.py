"""A recording as the model takes it: 16 kHz, once as channel 0 and once as the mean of the channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import AudioFileError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.types import Samples

MIN_SAMPLES = 400
"""Shortest input that wav2vec2's convolutions can take: 25 ms."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Mono views of (a piece of) a recording, 16 kHz, float64, in [-1, 1] unless the file itself goes beyond.

    The reference feeds its two tokenizers differently: BiCodec reads channel 0, the GLM tokenizer the channel mean.

    Attributes:
        first_channel: `(samples,)`.
        channel_mean: `(samples,)`; the same object as `first_channel` when there is one channel.
    """

    first_channel: Samples
    channel_mean: Samples

    @classmethod
    def join(cls, parts: Sequence[Recording]) -> Recording:
        """Concatenate at least one part."""
        first = np.concatenate([part.first_channel for part in parts])
        if all(part.channel_mean is part.first_channel for part in parts):
            return cls(first, first)
        return cls(first, np.concatenate([part.channel_mean for part in parts]))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.first_channel)

    def __getitem__(self, samples: slice) -> Recording:
        """Return a range of samples as views."""
        first = self.first_channel[samples]
        return Recording(first, first if self.channel_mean is self.first_channel else self.channel_mean[samples])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self) / SAMPLE_RATE_HZ


def require_min_length(recording: Recording, what: str) -> None:
    """Refuse what the semantic tokenizer cannot take.

    Args:
        recording: Any length.
        what: Names it in the message: "The recording", a file.

    Raises:
        AudioFileError: Fewer than `MIN_SAMPLES`.
    """
    require_min_duration(recording.duration_s, what)


def require_min_duration(duration_s: float, what: str) -> None:
    """Like `require_min_length`, for a recording of which only the length is known."""
    if duration_s < MIN_SAMPLES / SAMPLE_RATE_HZ:
        raise AudioFileError(
            f"{what} is {duration_s:.3f} s long; at least {MIN_SAMPLES / SAMPLE_RATE_HZ:.3f} s are needed.",
            hint="Give a longer recording.",
        )
