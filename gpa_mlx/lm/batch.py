"""Several token streams at once: the weights are read once per step for all of them.

A sequence that ends leaves the batch, and the next one that waits takes its place.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from gpa_mlx.lm.cache import BatchCache, KVCache, make_caches
from gpa_mlx.lm.generate import Token, begin_after, check_length, draw, prefill
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.language_model import LanguageModel
from gpa_mlx.lm.sampling import Sampler
from gpa_mlx.runtime.backend import mx
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.memory import check_use
from gpa_mlx.types import FinishReason, GenerationOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """One sequence to generate.

    Attributes:
        prompt: Prompt ids, not empty.
        options: Sampling options.
        max_tokens: Most ids to yield, at least 1.
        stop_ids: Ids that end the sequence; the one met is yielded as the last id.
        embeddings: `(1, len(prompt), D)`, in place of the prompt ids' own; None for these.
    """

    prompt: Sequence[int]
    options: GenerationOptions
    max_tokens: int
    stop_ids: frozenset[int]
    embeddings: mx.array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchToken:
    """One new id of one sequence.

    Attributes:
        index: Which request, counted from 0.
        token: What was drawn.
        finish_reason: `stop` or `length` with the last id of a sequence; None before.
    """

    index: int
    token: Token
    finish_reason: FinishReason | None


class BatchGenerator(Iterator[BatchToken]):
    """Generates several sequences together; an iterator of their ids.

    Each sequence gets the ids that `generate_tokens` would give it alone, up to float rounding: options, seed,
    repetition penalty, stop ids and budget are its own. Ids of a sequence come in order, those of all sequences in the
    batch in turns. The next step is already being computed while the consumer handles the last ids.

    Prompts run through the model one by one when they join, so that memory is bounded by `rows` and the longest
    sequences in the batch, however many requests there are.

    Args:
        model: The loaded decoder.
        head: The output rows the task may use.
        requests: Taken one after the other, each when there is a place for it.
        rows: Most sequences in the batch.

    Raises:
        InputTooLongError: A prompt and its budget exceed the model's positions (raised when the request is taken, like
            all errors; it ends the generation).
        SettingsError: A sampling option cannot be used.
    """

    def __init__(
        self, model: LanguageModel, head: SlicedHead, requests: Iterable[BatchRequest], *, rows: int = 8
    ) -> None:
        self._places = rows
        self._waiting = enumerate(requests)
        self._cancelled: set[int] = set()
        self._tokens = self._run(_Batch(model, head))

    def __next__(self) -> BatchToken:
        return next(self._tokens)

    def cancel(self, index: int) -> None:
        """End one sequence, whether it has begun or not: no more of its ids come."""
        self._cancelled.add(index)

    def close(self) -> None:
        """End all sequences."""
        self._tokens.close()

    def _run(self, batch: _Batch) -> Generator[BatchToken]:
        while True:
            check_cancelled()
            check_use()
            ended = [row for row in batch.rows if row.ended or row.index in self._cancelled]
            batch.regroup(ended, self._take(self._places - len(batch.rows) + len(ended)))
            if not batch.rows:
                return
            for row, token in batch.step():
                if row.index not in self._cancelled:
                    yield row.accept(token)

    def _take(self, count: int) -> Iterator[tuple[int, BatchRequest]]:
        wanted = (waiting for waiting in self._waiting if waiting[0] not in self._cancelled)
        return islice(wanted, count)


class _Row:
    """A sequence in the batch."""

    def __init__(self, index: int, request: BatchRequest, sampler: Sampler) -> None:
        self.index = index
        self.sampler = sampler
        self.left = request.max_tokens
        self._stop_ids = request.stop_ids
        self._stopped = False

    @property
    def ended(self) -> bool:
        return self._stopped or self.left == 0

    def accept(self, token: Token) -> BatchToken:
        """Count the next id."""
        self.left -= 1
        self._stopped = token.id in self._stop_ids
        reason: FinishReason | None = "stop" if self._stopped else "length" if self.left == 0 else None
        return BatchToken(index=self.index, token=token, finish_reason=reason)


class _Batch:
    """The sequences being generated, and the ids they get next, which are still being computed."""

    def __init__(self, model: LanguageModel, head: SlicedHead) -> None:
        self.rows: list[_Row] = []
        self._model = model
        self._head = head
        self._ids = mx.array(head.ids.astype("int32"))
        self._cache = BatchCache(model.args.num_layers)
        self._chosen = mx.array([], dtype=mx.int32)  # rows of the head, one per sequence
        self._logprobs = mx.array([], dtype=mx.float32)

    def regroup(self, ended: Sequence[_Row], joining: Iterable[tuple[int, BatchRequest]]) -> None:
        """Let sequences go and others in; the prompts of the latter are computed here.

        Going costs half a step for moving the others together, and pays that back within about ten.
        """
        keep = [n for n, row in enumerate(self.rows) if row not in ended]
        new = [self._start(index, request) for index, request in joining]
        if not ended and not new:
            return
        self._cache.regroup(keep, [caches for _, _, caches in new])
        self.rows = [self.rows[n] for n in keep] + [row for row, _, _ in new]
        places = mx.array(keep, dtype=mx.int32)
        self._chosen = mx.concatenate([self._chosen[places], *(row[None] for _, (row, _), _ in new)])
        self._logprobs = mx.concatenate([self._logprobs[places], *(logprob[None] for _, (_, logprob), _ in new)])

    def step(self) -> list[tuple[_Row, Token]]:
        """Begin to compute the ids after the next ones, and return the next ones, one per sequence."""
        last = (self._chosen, self._logprobs)
        upcoming = None
        # A sequence that turns out to have ended is one row too many here; only the budget is known before.
        if any(row.left > 1 for row in self.rows):
            hidden = self._model.model(self._ids[self._chosen][:, None], self._cache.step())[:, -1]
            logits = self._head(hidden)
            drawn = [draw(row.sampler, logits[n]) for n, row in enumerate(self.rows)]
            upcoming = (mx.stack([row for row, _ in drawn]), mx.stack([logprob for _, logprob in drawn]))
        chosen, logprobs = begin_after(last, upcoming)
        if upcoming is not None:
            self._chosen, self._logprobs = upcoming
        ids = self._head.ids[cast(list[int], chosen.tolist())].tolist()
        tokens = map(Token, ids, cast(list[float], logprobs.tolist()))
        return list(zip(self.rows, tokens, strict=True))

    def _start(self, index: int, request: BatchRequest) -> tuple[_Row, tuple[mx.array, mx.array], list[KVCache]]:
        """Return the new row, what is drawn first (see `draw`), and its filled caches.

        Prompts are computed one by one: with a hundred ids in one the weights are no longer what takes the time.
        """
        check_length(self._model, request.prompt, request.max_tokens)
        row = _Row(index, request, Sampler(request.options, self._head.rows_of(request.prompt)))
        caches = make_caches(self._model.args.num_layers)
        first = draw(row.sampler, self._head(prefill(self._model, request.prompt, caches, request.embeddings))[0])
        mx.eval(first, [array for cache in caches for array in cache.arrays()])
        return row, first, caches
