"""Voice activity detection (VAD): what every detector does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Frames: TypeAlias = npt.NDArray[np.float64]
"""Consecutive frames of 16 kHz mono audio without overlap, `(frames, frame_samples)`, float64."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""One decision per frame, `(frames,)`, bool: True is speech."""


def no_decisions() -> Mask:
    """Return `(0,)`."""
    return np.zeros(0, dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class PendingDecisions:
    """What is known of frames that are not decided yet; both masks begin at the first of them.

    Attributes:
        certain: Frames that will turn out to be speech.
        possible: Frames that may turn out to be speech, these included.
    """

    certain: Mask = field(default_factory=no_decisions)
    possible: Mask = field(default_factory=no_decisions)


class VoiceActivityDetector(Protocol):
    """Decides frame by frame whether somebody speaks; it may look ahead, so decisions come later than frames."""

    @property
    def frame_samples(self) -> int:
        """Samples per frame."""
        ...

    @property
    def pending(self) -> PendingDecisions:
        """What is known of the frames taken in but not decided; of use for live sources only, may say nothing."""
        ...

    def reset(self) -> None:
        """Forget everything: a new recording begins."""
        ...

    def push(self, frames: Frames) -> Mask:
        """Take the next frames and return the decisions that are due now, in order, possibly none."""
        ...

    def flush(self) -> Mask:
        """Return the remaining decisions; the recording has ended."""
        ...
