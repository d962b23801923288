"""Word and phone alignments, and frame labels from them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gpa_mlx.recipes.demo.data.vocabulary import PHONE_LABELS, PRONUNCIATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

SILENCE = 0

SEMANTIC_HOP_SAMPLES = 320
"""50 frames per second: BiCodec's semantic tokens."""

GLM_HOP_SAMPLES = 1280
"""12.5 frames per second: GLM-4-voice tokens."""


class LabelledSpan(NamedTuple):
    """A word or phone label (>= 1) and the samples it covers: `start` up to, not including, `end`."""

    label: int
    start: int
    end: int


def shifted(spans: Iterable[LabelledSpan], samples: int) -> tuple[LabelledSpan, ...]:
    """Move spans by a number of samples."""
    return tuple(LabelledSpan(label, start + samples, end + samples) for label, start, end in spans)


def proportional_phones(word: str, start: int, end: int) -> tuple[LabelledSpan, ...]:
    """Divide a word of espeak-ng, whose program tells no phone times, among its phones by their usual shares.

    Args:
        word: One of `WORDS`.
        start: First sample of the word.
        end: One past its last sample.

    Returns:
        Adjacent phone spans that cover the word.
    """
    phones = PRONUNCIATIONS[word]
    shares = np.cumsum([0] + [share for _, share in phones]) / sum(share for _, share in phones)
    borders = [start + round(float(share) * (end - start)) for share in shares]
    labels = [PHONE_LABELS[phone] for phone, _ in phones]
    return tuple(LabelledSpan(label, *pair) for label, pair in zip(labels, pairwise(borders), strict=True))


def frame_labels(spans: Sequence[LabelledSpan], frames: int, hop_samples: int) -> npt.NDArray[np.int32]:
    """Label frames by what sounds in their middle.

    Args:
        spans: Words or phones in any order, not overlapping.
        frames: How many frames.
        hop_samples: Frame `t` covers samples `t * hop_samples` up to `(t + 1) * hop_samples`.

    Returns:
        `(frames,)` int32; 0 (`SILENCE`) where nothing is said.
    """
    labels = np.full(frames, SILENCE, dtype=np.int32)
    for label, start, end in spans:
        # The middle of frame t, at (t + 1/2) * hop, is inside when start <= middle < end.
        first, stop = (max(-((hop_samples - 2 * sample) // (2 * hop_samples)), 0) for sample in (start, end))
        labels[first:stop] = label
    return labels
