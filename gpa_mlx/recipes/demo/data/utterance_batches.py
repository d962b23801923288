"""Padded batches of utterances of similar length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.recipes.demo.data.alignment import GLM_HOP_SAMPLES, frame_labels
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, padded
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

_LENGTH_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class SilenceRange:
    """Digital silence around an utterance, drawn uniformly; equal ends make it fixed.

    Attributes:
        lead_s: Range before the speech.
        tail_s: Range after it.
    """

    lead_s: tuple[float, float] = (0.1, 0.4)
    tail_s: tuple[float, float] = (0.1, 0.4)


@dataclass(frozen=True, slots=True)
class UtteranceBatch:
    """Utterances side by side.

    Attributes:
        waves: `(B, samples)` float32 at 16 kHz; `samples` is a multiple of 1280, one GLM code.
        lengths: `(B,)` samples of each row before padding.
        utterances: The rows, with the silence that was put around them.
    """

    waves: npt.NDArray[np.float32]
    lengths: npt.NDArray[np.int64]
    utterances: tuple[LabelledUtterance, ...]

    def word_labels(self, hop_samples: int) -> npt.NDArray[np.int32]:
        """Return the word of each frame, `(B, samples / hop_samples)`; 0 is silence and padding."""
        return self._labels([utterance.word_spans for utterance in self.utterances], hop_samples)

    def phone_labels(self, hop_samples: int) -> npt.NDArray[np.int32]:
        """Return the phone of each frame, `(B, samples / hop_samples)`; 0 is silence and padding."""
        return self._labels([utterance.phone_spans for utterance in self.utterances], hop_samples)

    def _labels(self, spans: Sequence, hop_samples: int) -> npt.NDArray[np.int32]:
        return np.stack([frame_labels(row, self.waves.shape[1] // hop_samples, hop_samples) for row in spans])


def collate(utterances: Sequence[LabelledUtterance]) -> UtteranceBatch:
    """Pad utterances with silence to the next multiple of 1280 samples above the longest."""
    lengths = np.array([len(utterance.samples) for utterance in utterances])
    samples = -(-int(lengths.max()) // GLM_HOP_SAMPLES) * GLM_HOP_SAMPLES
    waves = np.zeros((len(utterances), samples), dtype=np.float32)
    for row, utterance in zip(waves, utterances, strict=True):
        row[: len(utterance.samples)] = utterance.wave
    return UtteranceBatch(waves, lengths, tuple(utterances))


def batches(
    utterances: Sequence[LabelledUtterance],
    batch_size: int,
    *,
    seed: int,
    epoch: int = 0,
    silence: SilenceRange | None = None,
) -> Iterator[UtteranceBatch]:
    """Go once through the utterances, in batches of similar length and random order.

    Args:
        utterances: All of them occur once.
        batch_size: Rows; the batch of the left-over utterances has fewer.
        seed: Same seed and epoch give the same batches.
        epoch: Changes order, batches and silence.
        silence: What to put around each utterance; None means the default range.

    Yields:
        Batches.
    """
    silence = silence or SilenceRange()
    rng = np.random.default_rng([seed, epoch])
    lengths = np.array([len(utterance.samples) for utterance in utterances])
    # Lengths are blurred a little, so that the same utterances do not meet again in every epoch.
    order = np.argsort(lengths * rng.uniform(1 - _LENGTH_SPREAD, 1 + _LENGTH_SPREAD, size=len(lengths)))
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    for group in rng.permutation(len(groups)):
        rows = [utterances[index] for index in groups[group]]
        yield collate(
            [padded(row, _draw_samples(rng, silence.lead_s), _draw_samples(rng, silence.tail_s)) for row in rows]
        )


def _draw_samples(rng: np.random.Generator, range_s: tuple[float, float]) -> int:
    return round(float(rng.uniform(*range_s)) * SAMPLE_RATE_HZ)
