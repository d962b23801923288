"""Several sequences at once: the weights are read once per step for all of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from gpa_mlx.lm.cache import make_caches
from gpa_mlx.lm.generate import Token, begin_after, check_length, draw, stream_prefill
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.language_model import LanguageModel
from gpa_mlx.lm.sampling import Sampler
from gpa_mlx.lm.slot_cache import SlotCache
from gpa_mlx.runtime.backend import mx
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
        index: Which sequence: the number it was taken up with.
        token: What was drawn.
        finish_reason: `stop` or `length` with the last id of a sequence; None before.
    """

    index: int
    token: Token
    finish_reason: FinishReason | None


class Batch:
    """Sequences that are generated together, each as if it were alone, up to float rounding.

    Options, seed, repetition penalty, head, stop ids and budget are a sequence's own. All go through the layers of the
    model together; those with the same head and options also through the head and the sampler.

    Args:
        model: The loaded decoder.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._cache = SlotCache(model.args.num_layers)
        self._rows: dict[int, _Row] = {}
        self._groups: dict[tuple[int, GenerationOptions], _Group] = {}
        self._drawn = _Drawn.nothing()

    def __len__(self) -> int:
        return len(self._rows)

    def join(self, index: int, request: BatchRequest, head: SlicedHead) -> Generator[None, None, None]:
        """Take up a sequence, its prompt piece by piece; it is in when the generator has ended.

        Between two pieces steps may be done and other sequences taken up; closing the generator gives it up.

        Args:
            index: A number of no sequence that is here.
            request: What to generate.
            head: The output rows that may be drawn.

        Raises:
            InputTooLongError: Prompt and budget exceed the model's positions.
            SettingsError: A sampling option cannot be used.
        """
        check_length(self._model, request.prompt, request.max_tokens)
        sampler = Sampler(request.options, len(head.ids), head.rows_of(request.prompt))
        caches = make_caches(self._model.args.num_layers)
        hidden = yield from stream_prefill(self._model, request.prompt, caches, request.embeddings)
        rows, logprobs = draw(sampler, head(hidden))
        ids = mx.array(head.ids.astype("int32"))[rows]
        mx.eval(ids, logprobs, [array for cache in caches for array in cache.arrays()])
        self._cache.join(index, caches)
        self._rows[index] = _Row(request.max_tokens, request.stop_ids)
        key = (id(head), replace(request.options, seed=None))
        if key in self._groups:
            self._groups[key].join(index, sampler)
        else:
            self._groups[key] = _Group(head, index, sampler)
        self._drawn = self._drawn.joined(index, ids, logprobs)

    def leave(self, index: int) -> None:
        """Forget a sequence; nothing happens if it is not here."""
        if self._rows.pop(index, None) is None:
            return
        self._cache.leave(index)
        for key, group in list(self._groups.items()):
            if index in group.members and not group.leave(index):
                del self._groups[key]

    def step(self) -> list[BatchToken]:
        """Begin to compute the ids after the next ones, and return the next ones, one for every sequence.

        A sequence whose last id is among them has left.
        """
        drawn, upcoming = self._drawn, None
        # A sequence that turns out to have ended is one row too many here; only the budget is known before.
        if any(row.left > 1 for row in self._rows.values()):
            upcoming = self._next(drawn)
        begin_after((drawn.ids, drawn.logprobs), None if upcoming is None else (upcoming.ids, upcoming.logprobs))
        self._drawn = upcoming or _Drawn.nothing()
        ids, logprobs = cast(list[int], drawn.ids.tolist()), cast(list[float], drawn.logprobs.tolist())
        drawn_tokens = map(Token, ids, logprobs)
        tokens = dict(zip(drawn.names, drawn_tokens, strict=True))
        found = [self._rows[name].accept(name, tokens[name]) for name in self._rows]
        for item in found:
            if item.finish_reason is not None:
                self.leave(item.index)
        return found

    def _next(self, drawn: _Drawn) -> _Drawn:
        order = self._cache.prepare()
        hidden = self._model.model(drawn.ids_of(order)[:, None], self._cache.step())[:, -1]
        places = {name: place for place, name in enumerate(order)}
        names: list[int] = []
        ids, logprobs = [], []
        for group in self._groups.values():
            mine = hidden if group.members == order else hidden[mx.array([places[name] for name in group.members])]
            some_ids, some_logprobs = group.draw(mine)
            names += group.members
            ids.append(some_ids)
            logprobs.append(some_logprobs)
        return _Drawn(names, _joined(ids), _joined(logprobs))


class _Row:
    """How far a sequence is."""

    def __init__(self, budget: int, stop_ids: frozenset[int]) -> None:
        self.left = budget
        self._stop_ids = stop_ids

    def accept(self, index: int, token: Token) -> BatchToken:
        """Count the next id."""
        self.left -= 1
        stopped = token.id in self._stop_ids
        reason: FinishReason | None = "stop" if stopped else "length" if self.left == 0 else None
        return BatchToken(index=index, token=token, finish_reason=reason)


class _Group:
    """Sequences with the same head and options, which are drawn together."""

    def __init__(self, head: SlicedHead, first: int, sampler: Sampler) -> None:
        self.members = [first]
        self._head = head
        self._sampler = sampler
        self._ids = mx.array(head.ids.astype("int32"))

    def join(self, name: int, sampler: Sampler) -> None:
        self._sampler.join(sampler)
        self.members.append(name)

    def leave(self, name: int) -> bool:
        """Forget a sequence; return whether others are left."""
        places = [place for place, member in enumerate(self.members) if member != name]
        self.members = [self.members[place] for place in places]
        if places:
            self._sampler.keep(places)
        return bool(places)

    def draw(self, hidden: mx.array) -> tuple[mx.array, mx.array]:
        """Draw from hidden states in the order of the members; return ids and log probabilities."""
        rows, logprobs = draw(self._sampler, self._head(hidden))
        return self._ids[rows], logprobs


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What sequences get next, perhaps still being computed.

    Attributes:
        names: Whose; some may have left since.
        ids: `(names,)` int32.
        logprobs: `(names,)` float32.
    """

    names: list[int]
    ids: mx.array
    logprobs: mx.array

    @classmethod
    def nothing(cls) -> _Drawn:
        return cls([], mx.array([], dtype=mx.int32), mx.array([], dtype=mx.float32))

    def joined(self, name: int, ids: mx.array, logprobs: mx.array) -> _Drawn:
        return _Drawn([*self.names, name], _joined([self.ids, ids]), _joined([self.logprobs, logprobs]))

    def ids_of(self, names: Sequence[int]) -> mx.array:
        """Return the ids of these sequences, in this order."""
        if list(names) == self.names:
            return self.ids
        places = {name: place for place, name in enumerate(self.names)}
        return self.ids[mx.array([places[name] for name in names])]


def _joined(parts: list[mx.array]) -> mx.array:
    return parts[0] if len(parts) == 1 else mx.concatenate(parts)
