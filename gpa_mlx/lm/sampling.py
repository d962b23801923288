"""From logits to the next token, with the processing order and meaning of Hugging Face `generate`.

Reference: `transformers.generation.logits_process` (RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
TopKLogitsWarper, TopPLogitsWarper), applied in this order. Everything works in row space: a row is one of the
output head in use, which may be a slice of the vocabulary.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import SettingsError
from gpa_mlx.runtime.backend import mx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.types import GenerationOptions

_MIN_TEMPERATURE = 1e-6
"""Below it, logits divided by the temperature can overflow float32."""

_BLOCK_ROWS = 1024


def check_options(options: GenerationOptions) -> None:
    """Check the values of generation options.

    Raises:
        SettingsError: A value cannot be used; the message names it.
    """
    o = options
    rules = {
        "max_tokens": (o.max_tokens is None or (_is_int(o.max_tokens) and o.max_tokens >= 1), "an integer >= 1"),
        "temperature": (
            _is_number(o.temperature) and (o.temperature == 0 or o.temperature >= _MIN_TEMPERATURE),
            f"0 (greedy) or >= {_MIN_TEMPERATURE}",
        ),
        "top_k": (_is_int(o.top_k) and o.top_k >= 0, "an integer >= 0 (0 keeps all)"),
        "top_p": (_is_number(o.top_p) and 0 < o.top_p <= 1, "a number > 0 and <= 1 (1 keeps all)"),
        "repetition_penalty": (
            _is_number(o.repetition_penalty) and o.repetition_penalty > 0,
            "a number > 0 (1 is off)",
        ),
        "seed": (o.seed is None or (_is_int(o.seed) and 0 <= o.seed < 2**64), "an integer from 0 to 2**64 - 1"),
    }
    for name, (usable, expected) in rules.items():
        if not usable:
            raise SettingsError(f"{name} cannot be {getattr(o, name)!r}.", hint=f"It must be {expected}.")


def process_logits(logits: mx.array, options: GenerationOptions, seen: mx.array | None) -> mx.array:
    """Apply repetition penalty, temperature, top-k and top-p.

    With temperature 0 (greedy) only the repetition penalty applies.

    Args:
        logits: `(..., rows)`, any float type.
        options: Checked options.
        seen: Which rows are in the prompt or were generated, bool in the shape of `logits`; None for none.

    Returns:
        Scores in the shape of `logits`, float32; what was removed is -inf.
    """
    scores = logits.astype(mx.float32)
    if seen is not None and options.repetition_penalty != 1:
        scores = _penalise(scores, options.repetition_penalty, seen)
    if options.temperature == 0:
        return scores
    if options.temperature != 1:
        scores = scores / options.temperature
    if 0 < options.top_k < scores.shape[-1]:
        scores = _keep_top_k(scores, options.top_k)
    if options.top_p < 1:
        scores = _keep_top_p(scores, options.top_p)
    return scores


def seen_rows(rows: Sequence[int], size: int) -> mx.array:
    """Return which of `size` rows are among `rows`, `(size,)` bool."""
    seen = np.zeros(size, dtype=bool)
    seen[list(rows)] = True
    return mx.array(seen)


class Sampler:
    """Draws the next tokens of sequences with the same options, step by step, without ever waiting for a result.

    Each sequence has keys of its own: it draws what it would draw alone, and neither other users of `mx.random` nor
    other sequences disturb it.

    Args:
        options: How to draw; the seed is that of the first sequence.
        size: Rows of the head in use.
        prompt_rows: Rows of the first sequence's prompt.

    Raises:
        SettingsError: An option cannot be used.
    """

    def __init__(self, options: GenerationOptions, size: int, prompt_rows: Sequence[int] = ()) -> None:
        check_options(options)
        self._options = options
        self._seen = None if options.repetition_penalty == 1 else seen_rows(prompt_rows, size)[None]
        self._keys = mx.random.key(secrets.randbits(32) if options.seed is None else options.seed)[None]

    def __call__(self, logits: mx.array) -> mx.array:
        """Draw the next token of every sequence, and count it as seen from now on.

        Args:
            logits: `(sequences, size)`.

        Returns:
            Rows of the head, `(sequences,)` int32, not yet evaluated. Greedy ties go to the lowest row.
        """
        scores = process_logits(logits, self._options, self._seen)
        if self._options.temperature == 0:
            drawn = mx.argmax(scores, axis=-1)
        else:
            split = mx.vmap(mx.random.split)(self._keys)
            self._keys = split[:, 0]
            drawn = mx.vmap(_categorical)(scores, split[:, 1])
        drawn = drawn.astype(mx.int32)
        if self._seen is not None:
            self._seen = mx.put_along_axis(self._seen, drawn[:, None], mx.array(True), axis=-1)
        return drawn

    def join(self, other: Sampler) -> None:
        """Take up the sequences of another sampler with the same options; they become the last."""
        self._keys = mx.concatenate([self._keys, other._keys])
        if self._seen is not None and other._seen is not None:
            self._seen = mx.concatenate([self._seen, other._seen])

    def keep(self, places: Sequence[int]) -> None:
        """Go on with these sequences only, in this order."""
        chosen = mx.array(list(places), dtype=mx.int32)
        self._keys = self._keys[chosen]
        if self._seen is not None:
            self._seen = self._seen[chosen]


def _categorical(scores: mx.array, key: mx.array) -> mx.array:
    return mx.random.categorical(scores, key=key)


def _penalise(scores: mx.array, penalty: float, seen: mx.array) -> mx.array:
    """Make seen rows less likely: positive scores are divided, negative ones multiplied (Keskar et al. 2019)."""
    return mx.where(seen, mx.where(scores < 0, scores * penalty, scores / penalty), scores)


def _keep_top_k(scores: mx.array, k: int) -> mx.array:
    """Remove what is below the k-th best; everything tied with it stays."""
    worst = mx.min(mx.topk(_candidates(scores, k), k, axis=-1), axis=-1, keepdims=True)
    return mx.where(scores < worst, -mx.inf, scores)


def _candidates(scores: mx.array, k: int) -> mx.array:
    """Return fewer scores, `(..., n)`, with the k best among them: the k best of each block.

    A GPU sorts a block in one kernel, and needs two for every doubling beyond it.
    """
    rows = scores.shape[-1]
    if rows <= 2 * _BLOCK_ROWS or k >= _BLOCK_ROWS:
        return scores
    padding = [(0, 0)] * (scores.ndim - 1) + [(0, -rows % _BLOCK_ROWS)]
    blocks = mx.pad(scores, padding, constant_values=-mx.inf).reshape(*scores.shape[:-1], -1, _BLOCK_ROWS)
    return mx.topk(blocks, k, axis=-1).reshape(*scores.shape[:-1], -1)


def _keep_top_p(scores: mx.array, p: float) -> mx.array:
    """Remove the least likely rows that together have a probability of at most 1 - p (Holtzman et al. 2020)."""
    ascending = mx.argsort(scores, axis=-1)
    ranked = mx.take_along_axis(scores, ascending, axis=-1)
    removed = mx.cumsum(mx.softmax(ranked, axis=-1), axis=-1) <= 1 - p
    removed[..., -1] = False
    return mx.put_along_axis(scores, ascending, mx.where(removed, -mx.inf, ranked), axis=-1)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
