"""Losses of labelled audio: frame and utterance classification, CTC, distances under a mask.

All return scalars averaged over what counts, float32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.audio_tokenizers.labelled_audio import IGNORED, SILENCE

_IMPOSSIBLE = -1e30
"""Logarithm of zero that keeps gradients finite."""


def cross_entropy(logits: mx.array, labels: mx.array) -> mx.array:
    """Return the mean cross-entropy of what is labelled.

    Args:
        logits: `(..., K)` float32.
        labels: `(...)` integers below K; `IGNORED` ones do not count.

    Returns:
        Scalar; 0 when nothing is labelled.
    """
    counted = labels != IGNORED
    losses = nn.losses.cross_entropy(logits, mx.maximum(labels, 0))
    return masked_mean(losses, counted)


def accuracy(logits: mx.array, labels: mx.array) -> mx.array:
    """Return the share of labelled items whose best class is the label; arguments as of `cross_entropy`."""
    return masked_mean(mx.argmax(logits, axis=-1) == labels, labels != IGNORED)


def masked_l1(predicted: mx.array, target: mx.array, valid: mx.array) -> mx.array:
    """Return the mean absolute difference of `(B, T, D)` arrays over the frames that `valid`, `(B, T)`, marks."""
    return masked_mean(mx.abs(predicted - target).mean(axis=-1), valid)


def masked_mean(values: mx.array, counted: mx.array) -> mx.array:
    """Return the mean of `values` where `counted` is true; both have the same shape. 0 when nothing counts."""
    return mx.where(counted, values, 0).sum() / mx.maximum(counted.sum(), 1)


def ctc_loss(log_probs: mx.array, frames: mx.array, targets: npt.NDArray[np.integer]) -> mx.array:
    """Connectionist temporal classification (Graves et al., 2006), the blank being `SILENCE`.

    The forward variables run in log space over the target with a blank before, between and after its labels; MLX
    differentiates through them.

    Args:
        log_probs: `(B, T, K)` float32, normalised over K.
        frames: `(B,)` frames that count, at most T.
        targets: `(B, U)` labels, padded with `IGNORED`.

    Returns:
        Scalar: the mean over the batch of -log p(target) per target label. Targets that do not fit into their frames
        count as 0.
    """
    lengths = (targets != IGNORED).sum(axis=1)
    states = np.full((len(targets), 2 * targets.shape[1] + 1), SILENCE)
    states[:, 1::2] = np.where(targets == IGNORED, SILENCE, targets)
    # A label may follow the one before it without a blank between them, unless they are equal.
    skips = np.zeros(states.shape, dtype=bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    skip_cost = mx.array(np.where(skips, 0.0, _IMPOSSIBLE).astype(np.float32))
    # A product with one-hot columns: its gradient is a product too, not a scatter.
    columns = (states[:, None, :] == np.arange(log_probs.shape[-1])[None, :, None]).astype(np.float32)
    emissions = log_probs @ mx.array(columns)

    start = mx.where(mx.arange(states.shape[1]) < 2, 0.0, _IMPOSSIBLE)
    alpha = start + emissions[:, 0]
    for frame in range(1, log_probs.shape[1]):
        one = _shifted(alpha, 1)
        two = mx.maximum(_shifted(alpha, 2) + skip_cost, _IMPOSSIBLE)
        reached = mx.logsumexp(mx.stack([alpha, one, two]), axis=0)
        running = (frame < frames)[:, None]
        alpha = mx.where(running, mx.maximum(reached + emissions[:, frame], _IMPOSSIBLE), alpha)

    ends = 2 * lengths[:, None]
    is_end = (np.arange(states.shape[1]) == ends) | (np.arange(states.shape[1]) == ends - 1)
    likelihood = mx.logsumexp(mx.where(mx.array(is_end), alpha, _IMPOSSIBLE), axis=1)
    possible = likelihood > _IMPOSSIBLE / 2
    per_label = -likelihood / mx.array(np.maximum(lengths, 1).astype(np.float32))
    return mx.where(possible, per_label, 0).mean()


def _shifted(alpha: mx.array, states: int) -> mx.array:
    """Move `(B, S)` forward by some states; the first ones cannot be reached."""
    return mx.pad(alpha, [(0, 0), (states, 0)], constant_values=_IMPOSSIBLE)[:, : alpha.shape[1]]
