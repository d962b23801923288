"""The token stream: prompt in, new ids out, one step ahead of the consumer."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from gpa_mlx.errors import InputTooLongError
from gpa_mlx.lm.cache import KVCache, make_caches
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.language_model import LanguageModel
from gpa_mlx.lm.sampling import Sampler
from gpa_mlx.runtime.backend import mx, on_gpu
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.memory import check_use
from gpa_mlx.store.progress import result_of
from gpa_mlx.types import GenerationOptions

_PREFILL_TOKENS = 1024
"""Prompt tokens per pass: bounds the memory of attention over a long prompt."""


@dataclass(frozen=True, slots=True)
class Token:
    """One generated id.

    Attributes:
        id: Vocabulary id.
        logprob: Natural logarithm of the probability that the model itself gave it among the ids the task may use,
            before penalties and temperature.
    """

    id: int
    logprob: float


def generate_tokens(
    model: LanguageModel,
    head: SlicedHead,
    prompt: Sequence[int],
    options: GenerationOptions,
    *,
    max_tokens: int,
    stop_ids: frozenset[int],
    embeddings: mx.array | None = None,
) -> Iterator[Token]:
    """Generate vocabulary ids until a stop id or the token budget.

    The next step is already being computed while the consumer handles the last id. Closing the iterator ends the
    generation.

    Args:
        model: The loaded decoder.
        head: The output rows the task may use.
        prompt: Prompt ids, not empty.
        options: Sampling options.
        max_tokens: Most ids to yield.
        stop_ids: Ids that end the generation; the one met is yielded as the last id.
        embeddings: `(1, len(prompt), D)`, in place of the prompt ids' own.

    Yields:
        The ids. When the last one is not a stop id, the budget ran out.

    Raises:
        InputTooLongError: Prompt and budget exceed the model's positions (raised at the call).
        CancelledError: The surrounding `cancellable` work was cancelled.
        GPAError: The memory that is allowed is used up.
    """
    check_length(model, prompt, max_tokens)
    sampler = Sampler(options, len(head.ids), head.rows_of(prompt))
    return _steps(model, head, prompt, embeddings, sampler, max_tokens, stop_ids)


def check_length(model: LanguageModel, prompt: Sequence[int], max_tokens: int) -> None:
    """Check that prompt and budget fit.

    Raises:
        InputTooLongError: They exceed the model's positions.
    """
    positions = model.args.max_position_embeddings
    if len(prompt) + max_tokens > positions:
        raise InputTooLongError(
            f"A prompt of {len(prompt)} tokens and {max_tokens} new ones exceed the model's {positions} positions.",
            hint="Use shorter input or a smaller token budget.",
        )


def prefill(
    model: LanguageModel, prompt: Sequence[int], caches: list[KVCache], embeddings: mx.array | None = None
) -> mx.array:
    """Run the prompt through the model; the fold of `stream_prefill`."""
    return result_of(stream_prefill(model, prompt, caches, embeddings))


def stream_prefill(
    model: LanguageModel,
    prompt: Sequence[int],
    caches: list[KVCache],
    embeddings: mx.array | None = None,
    *,
    piece: int = _PREFILL_TOKENS,
) -> Generator[None, None, mx.array]:
    """Run the prompt through the model piece by piece; other work may be done in between.

    Args:
        model: Fills the caches.
        prompt: Ids, not empty.
        caches: One per layer, empty.
        embeddings: `(1, len(prompt), D)`, in place of the ids' own.
        piece: Most prompt tokens between two yields: bounds the memory of attention over a long prompt, and the time.

    Returns:
        The last position's hidden state, `(1, hidden_size)`, not evaluated.
    """
    ids = mx.array(list(prompt), dtype=mx.int32)[None]

    def run(span: slice) -> mx.array:
        return model.model(ids[:, span], caches, embeddings=None if embeddings is None else embeddings[:, span])

    start = 0
    while ids.shape[1] - start > piece:
        check_cancelled()
        run(slice(start, start + piece))
        mx.eval([array for cache in caches for array in cache.arrays()])
        start += piece
        yield
    return run(slice(start, None))[:, -1]


def draw(sampler: Sampler, logits: mx.array) -> tuple[mx.array, mx.array]:
    """Draw rows of the head from logits `(sequences, rows)`.

    Returns:
        The rows and their log probabilities, `(sequences,)` both, not evaluated.
    """
    rows = sampler(logits)
    chosen = mx.take_along_axis(logits, rows[:, None], axis=-1)[:, 0]
    return rows, chosen - mx.logsumexp(logits, axis=-1)


def begin_after(
    drawn: tuple[mx.array, mx.array], upcoming: tuple[mx.array, mx.array] | None
) -> tuple[mx.array, mx.array]:
    """Begin to compute the next step, and return the last one, evaluated.

    On the CPU the next step is handed over first. On a GPU the last one has to be finished by then: as long as the
    device may read the KV-cache, MLX writes new positions into a copy of all of it instead of in place. What is left to
    the device's idle time is the hand-over; the graph has been built while it worked.

    Args:
        drawn: Being computed.
        upcoming: Not evaluated; None when there is no next step.
    """
    if on_gpu():
        mx.eval(drawn)
    if upcoming is not None:
        mx.async_eval(upcoming)
    if not on_gpu():
        mx.eval(drawn)
    return drawn


def _steps(
    model: LanguageModel,
    head: SlicedHead,
    prompt: Sequence[int],
    embeddings: mx.array | None,
    sampler: Sampler,
    max_tokens: int,
    stop_ids: frozenset[int],
) -> Iterator[Token]:
    check_cancelled()
    caches = make_caches(model.args.num_layers)
    ids = mx.array(head.ids.astype("int32"))
    drawn = draw(sampler, head(prefill(model, prompt, caches, embeddings)))
    mx.async_eval(drawn)
    for count in range(max_tokens):
        check_cancelled()
        check_use()
        upcoming = None
        if count + 1 < max_tokens:
            hidden = model.model(ids[drawn[0]][None], caches)[:, -1]
            upcoming = draw(sampler, head(hidden))
        row, logprob = begin_after(drawn, upcoming)
        token = Token(int(head.ids[cast(int, row.item())]), cast(float, logprob.item()))
        yield token
        if token.id in stop_ids or upcoming is None:
            return
        drawn = upcoming
