"""The fold of a transcription stream."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpa_mlx.text.joining import join_segments
from gpa_mlx.types import EmptyReason, FinishReason, Segment, Timings, Transcription

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.types import TranscriptionChunk


@dataclass(slots=True)
class TranscriptCollector:
    """What has come of a running transcription; at every moment as good as if it ended there.

    Attributes:
        segments: Those that are complete, in the order of time.
        position_s: How far the recording has been worked through, in seconds.
        finish_reason: `cancelled` until the last chunk has come.
        timings: None until the last chunk has come.
        empty_reason: Why there is no text; None until the last chunk has come.
    """

    segments: list[Segment] = field(default_factory=list)
    position_s: float = 0.0
    finish_reason: FinishReason = "cancelled"
    timings: Timings | None = None
    empty_reason: EmptyReason | None = None

    def take(self, chunk: TranscriptionChunk) -> None:
        """Add the next chunk."""
        self.position_s = chunk.start_s if chunk.segment is None else chunk.segment.end_s
        if chunk.segment is not None:
            insort(self.segments, chunk.segment, key=lambda segment: segment.start_s)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.timings = chunk.timings or self.timings
        self.empty_reason = chunk.empty_reason or self.empty_reason

    def result(self) -> Transcription:
        """Return what there is."""
        return Transcription(
            text=join_segments(segment.text for segment in self.segments),
            segments=tuple(self.segments),
            finish_reason=self.finish_reason,
            timings=self.timings or Timings(),
            empty_reason=self.empty_reason,
        )


def collect(chunks: Iterable[TranscriptionChunk]) -> Transcription:
    """Return the transcription that a whole stream amounts to."""
    collector = TranscriptCollector()
    for chunk in chunks:
        collector.take(chunk)
    return collector.result()
