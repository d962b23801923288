"""From logits to the next token, with the processing order and meaning of Hugging Face `generate`.

Reference: `transformers.generation.logits_process` (RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
TopKLogitsWarper, TopPLogitsWarper), applied in this order. Everything works in row space: an index is a row of the
output head in use, which may be a slice of the vocabulary.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

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


def process_logits(logits: mx.array, options: GenerationOptions, seen: mx.array) -> mx.array:
    """Apply repetition penalty, temperature, top-k and top-p.

    With temperature 0 (greedy) only the repetition penalty applies.

    Args:
        logits: `(rows,)` or `(B, rows)`, any float type.
        options: Checked options.
        seen: Rows of the prompt and of all generated tokens, `(n,)` or `(B, n)` integer, n >= 0; a row may occur more
            than once and is still penalised once.

    Returns:
        Scores in the shape of `logits`, float32; what was removed is -inf.
    """
    scores = _penalise(logits.astype(mx.float32), options.repetition_penalty, seen)
    if options.temperature == 0:
        return scores
    if options.temperature != 1:
        scores = scores / options.temperature
    if 0 < options.top_k < scores.shape[-1]:
        scores = _keep_top_k(scores, options.top_k)
    if options.top_p < 1:
        scores = _keep_top_p(scores, options.top_p)
    return scores


class Sampler:
    """Draws the tokens of one generation, step by step, without ever waiting for a result.

    Args:
        options: How to draw.
        seen_rows: Rows of the prompt's tokens; tokens that the head in use lacks are left out.

    Raises:
        SettingsError: An option cannot be used.
    """

    def __init__(self, options: GenerationOptions, seen_rows: Sequence[int] = ()) -> None:
        check_options(options)
        self._options = options
        self._seen = mx.array(list(seen_rows), dtype=mx.int32)
        self._key = mx.random.key(secrets.randbits(32) if options.seed is None else options.seed)

    def __call__(self, logits: mx.array) -> mx.array:
        """Draw the next token, and count it as seen from now on.

        Args:
            logits: `(rows,)` or `(B, rows)`, the same shape at every step.

        Returns:
            Rows, `()` or `(B,)` int32, not yet evaluated. Greedy ties go to the lowest row.
        """
        scores = process_logits(logits, self._options, self._seen)
        if self._options.temperature == 0:
            token = mx.argmax(scores, axis=-1)
        else:
            # An own chain of keys: other users of mx.random neither disturb this one nor are disturbed.
            self._key, key = mx.random.split(self._key)
            token = mx.random.categorical(scores, key=key)
        token = token.astype(mx.int32)
        if self._options.repetition_penalty != 1:
            past = mx.broadcast_to(self._seen, (*token.shape, self._seen.shape[-1]))
            self._seen = mx.concatenate([past, token[..., None]], axis=-1)
        return token


def _penalise(scores: mx.array, penalty: float, seen: mx.array) -> mx.array:
    """Make seen rows less likely: positive scores are divided, negative ones multiplied (Keskar et al. 2019)."""
    if penalty == 1 or seen.shape[-1] == 0:
        return scores
    seen = mx.broadcast_to(seen, (*scores.shape[:-1], seen.shape[-1]))
    past = mx.take_along_axis(scores, seen, axis=-1)
    # Gather first, then assign: a row that occurs twice gets the same value twice.
    return mx.put_along_axis(scores, seen, mx.where(past < 0, past * penalty, past / penalty), axis=-1)


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
