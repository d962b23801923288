"""Folds of the engine's streams: every `x` is the fold of its `stream_x`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.transcripts.collector import TranscriptCollector
from gpa_mlx.types import Speech

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.types import SpeechChunk, Transcription, TranscriptionChunk


def fold_transcription(chunks: Iterable[TranscriptionChunk]) -> Transcription:
    """Return the transcription that a whole stream makes."""
    collector = TranscriptCollector()
    for chunk in chunks:
        collector.take(chunk)
    return collector.result()


def fold_speech(chunks: Iterable[SpeechChunk]) -> Speech:
    """Return the speech that a whole stream makes."""
    pieces = list(chunks)
    last = pieces[-1]
    assert last.finish_reason is not None
    assert last.timings is not None
    return Speech(
        audio=np.concatenate([piece.audio for piece in pieces]),
        sample_rate=last.sample_rate,
        codes=np.concatenate([piece.codes for piece in pieces]),
        finish_reason=last.finish_reason,
        timings=last.timings,
        seed=last.seed,
    )
