"""Speech that is being made, watched and trimmed."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.failure_detector import FailureDetector, FailureReason
from gpa_mlx.synthesis.trimming import EdgeTrimmer
from gpa_mlx.types import FinishReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpa_mlx.types import SpeechStream, Waveform

PassageEnd: TypeAlias = FinishReason | FailureReason | Literal["no_codes"]
"""How a passage ended: `stop` is well. `no_codes`: the model ended without a sound."""


class Attempt:
    """Speech of one passage or segment.

    Args:
        chunks: From the engine; closed when the speech derails, which cancels it.
        exact: Leave everything as the engine gives it: nothing is watched or trimmed.
        trim: Remove the silence at its edges.

    Attributes:
        audio: What was said, `(samples,)` float32; complete when `pieces` has ended.
        finish_reason: How it ended; `cancelled` until then.
    """

    def __init__(self, chunks: SpeechStream, *, exact: bool = False, trim: bool = False) -> None:
        self._chunks = chunks
        self._watchdog = None if exact else FailureDetector()
        self._trimmer = EdgeTrimmer() if trim and not exact else None
        self.audio: Waveform = np.zeros(0, dtype=np.float32)
        self.finish_reason: PassageEnd = "cancelled"

    def pieces(self) -> Iterator[Waveform]:
        """Yield the audio as it is made; what comes after the speech derailed is dropped."""
        watchdog, trimmer = self._watchdog, self._trimmer
        pieces: list[Waveform] = []
        with closing(self._chunks), suppress(NoSpeechError):
            self.finish_reason = "no_codes"
            for chunk in self._chunks:
                derailed = watchdog.push(chunk) if watchdog else None
                self.finish_reason = derailed or chunk.finish_reason or "cancelled"
                if derailed:
                    break
                pieces.append(trimmer.step(chunk.audio) if trimmer else chunk.audio)
                if len(pieces[-1]):
                    yield pieces[-1]
        rest = trimmer.flush() if trimmer else self.audio
        self.audio = np.concatenate([*pieces, rest])
        if len(rest):
            yield rest

    def run(self) -> Attempt:
        """Make all of it."""
        for _ in self.pieces():
            pass
        return self
