"""The fold of a stream of speech; that of a transcription is `gpa_mlx.transcripts.collector`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.types import Speech

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpa_mlx.types import SpeechChunk


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
