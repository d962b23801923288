"""One generation of a passage or a segment: watched and trimmed while it runs, ranked when it is complete."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
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
"""How a passage or a segment ended: `stop` is well. `no_codes`: the model ended without a sound."""

GOOD_ERROR_RATE = 0.05
"""Speech that is transcribed with at most this share of wrong characters is good; nothing better is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """One complete generation.

    Attributes:
        audio: What was said, `(samples,)` float32.
        finish_reason: How it ended.
        seed: Its seed; None for greedy decoding.
        error_rate: Share of characters that were transcribed wrongly; None when it was not verified.
    """

    audio: Waveform
    finish_reason: PassageEnd
    seed: int | None
    error_rate: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether another attempt is not worth its time."""
        return self.finish_reason == "stop" and (self.error_rate or 0.0) <= GOOD_ERROR_RATE

    @property
    def rank(self) -> tuple[bool, float, bool]:
        """Sort key, the best first: no sound at all, then the error rate, then an end that is not a good one."""
        return not len(self.audio), self.error_rate or 0.0, self.finish_reason != "stop"


class SpeechRun:
    """A generation that is running.

    Args:
        chunks: From the engine; closed when a failure is detected, which cancels it.
        exact: Leave everything as the engine gives it: no failure detection, no trimming.
        trim: Remove the silence at its edges.

    Attributes:
        audio: What was said, `(samples,)` float32; complete when `pieces` has ended.
        finish_reason: How it ended; `cancelled` until then.
    """

    def __init__(self, chunks: SpeechStream, *, exact: bool = False, trim: bool = False) -> None:
        self._chunks = chunks
        self._detector = None if exact else FailureDetector()
        self._trimmer = EdgeTrimmer() if trim and not exact else None
        self.audio: Waveform = np.zeros(0, dtype=np.float32)
        self.finish_reason: PassageEnd = "cancelled"

    def pieces(self) -> Iterator[Waveform]:
        """Yield the audio as it is generated; what comes after a failure is dropped."""
        detector, trimmer = self._detector, self._trimmer
        pieces: list[Waveform] = []
        with closing(self._chunks), suppress(NoSpeechError):
            self.finish_reason = "no_codes"
            for chunk in self._chunks:
                failure = detector.push(chunk) if detector else None
                self.finish_reason = failure or chunk.finish_reason or "cancelled"
                if failure:
                    break
                pieces.append(trimmer.step(chunk.audio) if trimmer else chunk.audio)
                if len(pieces[-1]):
                    yield pieces[-1]
        rest = trimmer.flush() if trimmer else self.audio
        self.audio = np.concatenate([*pieces, rest])
        if len(rest):
            yield rest

    def attempt(self, seed: int | None, error_rate: float | None = None) -> Attempt:
        """Return what was generated; `pieces` must have ended."""
        return Attempt(audio=self.audio, finish_reason=self.finish_reason, seed=seed, error_rate=error_rate)
