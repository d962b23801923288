"""Recordings to make a voice from, and how good they are for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.types import AudioLike, Waveform
    from gpa_mlx.voices.quality import ClipWindow
    from gpa_mlx_tui.services.sound import Peaks


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The part of a recording that counts.

    Attributes:
        window: Where it is, and how good.
        samples: `(samples,)` float32 at 16 kHz.
        peaks: For its picture.
    """

    window: ClipWindow
    samples: Waveform
    peaks: Peaks

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.window.end_s - self.window.start_s


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A recording to make a voice from.

    Attributes:
        name: For people.
        audio: The file, or samples and their rate.
        duration_s: Length of all of it.
        best: The best part.
        first: The part that counts when nobody looks for the best one.
        wanted_s: So much the model takes.
    """

    name: str
    audio: AudioLike
    duration_s: float
    best: Part
    first: Part
    wanted_s: float

    def part(self, *, whole: bool) -> Part:
        """Return the part that counts."""
        return self.first if whole else self.best


def best_clip(clips: Sequence[Clip], *, whole: bool) -> Clip | None:
    """Return the recording that `EnrollJob` will make a voice from; None when there is none."""
    if not clips:
        return None
    from gpa_mlx.jobs.enroll import worth

    return max(clips, key=lambda clip: worth(clip.part(whole=whole).window))
