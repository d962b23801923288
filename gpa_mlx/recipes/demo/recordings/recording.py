"""A recording with its words: what the stages that learn to hear are given, whoever speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import SAMPLE_RATE_HZ, Waveform

if TYPE_CHECKING:
    import numpy.typing as npt

    from gpa_mlx.recipes.demo.data.vocabulary import WordSequence
    from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord

_FULL_SCALE = 32767


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One phrase, or anything else that is heard.

    Attributes:
        samples: `(samples,)` int16 at 16 kHz; may be a view of a memory-mapped file.
        groups: Words said in one breath each; none where nothing of the domain is said.
        voice: Who says it; empty where nobody does.
        origin: Where it comes from: `kokoro`, `people` ...
        words: Where the words lie in `samples`; empty where it is not known.
    """

    samples: npt.NDArray[np.int16]
    groups: tuple[WordSequence, ...]
    voice: str
    origin: str
    words: tuple[SpokenWord, ...] = ()

    @property
    def text(self) -> str:
        """The words with blanks between them; empty where nothing of the domain is said."""
        return " ".join(word for group in self.groups for word in group)

    @property
    def wave(self) -> Waveform:
        """`(samples,)` float32 in [-1, 1]."""
        return np.divide(self.samples, _FULL_SCALE, dtype=np.float32)

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ
