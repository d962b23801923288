"""The KV-cache of a batch whose sequences come, grow and go independently.

A sequence has a slot in the buffers of its length class. A new position is written in place, one scatter for all slots
of a class; a sequence that joins is written into the next slot, the last one moves into the gap of one that leaves: the
past of all others is never copied. Attention runs class by class: a short sequence is not padded to the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gpa_mlx.lm.cache import KVCache
from gpa_mlx.nn.attention import attend
from gpa_mlx.runtime.backend import mx

LENGTH_CLASSES = (256, *(step << doublings for doublings in range(16) for step in (512, 768)))
"""Most positions of the sequences of a class, ascending; a sequence that grows beyond moves on to the next. At most a
third of its room is free, beyond the first."""


@dataclass(slots=True)
class _LengthClass:
    """Sequences of similar length, in slots from 0 on without a gap.

    Attributes:
        limit: Most positions.
        names: Of the sequences, by slot.
        lengths: Positions stored, by slot.
        layers: Keys and values of every layer, `(slots, kv_heads, limit, head_dim)` each; empty without sequences.
    """

    limit: int
    names: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    layers: list[tuple[mx.array, mx.array]] = field(default_factory=list)

    def put(self, name: int, rows: Sequence[tuple[mx.array, mx.array]]) -> None:
        """Write a sequence, `(1, kv_heads, length, head_dim)` for every layer, into the next slot."""
        slot, length = len(self.names), rows[0][0].shape[2]
        if not self.layers:
            self.layers = [(self._room(keys, 1), self._room(values, 1)) for keys, values in rows]
        elif slot == self.layers[0][0].shape[0]:
            for layer, buffers in enumerate(self.layers):
                keys, values = (mx.concatenate([buffer, self._room(buffer, slot)]) for buffer in buffers)
                self.layers[layer] = keys, values
                # Layer by layer, so that no more than one exists twice.
                mx.eval(keys, values)
        self.names.append(name)
        self.lengths.append(length)
        self._write(slot, rows)

    def take(self, slot: int) -> list[tuple[mx.array, mx.array]]:
        """Return a copy of a sequence, `(1, kv_heads, length, head_dim)` for every layer."""
        place = mx.array([slot])
        length = self.lengths[slot]
        rows = [(keys[place][:, :, :length], values[place][:, :, :length]) for keys, values in self.layers]
        # Evaluated, so that nothing holds on to the buffers when they are next written.
        mx.eval(rows)
        return rows

    def remove(self, slot: int) -> None:
        """Forget a sequence; the last one gets its slot."""
        last = len(self.names) - 1
        if slot != last:
            rows = self.take(last)
            self.names[slot], self.lengths[slot] = self.names[last], self.lengths[last]
            self._write(slot, rows)
        self.names.pop()
        self.lengths.pop()
        if not self.names:
            self.layers.clear()

    def _write(self, slot: int, rows: Sequence[tuple[mx.array, mx.array]]) -> None:
        for (keys, values), (new_keys, new_values) in zip(self.layers, rows, strict=True):
            length = new_keys.shape[2]
            keys[slot : slot + 1, :, :length] = new_keys
            values[slot : slot + 1, :, :length] = new_values
        mx.eval(self.layers)

    def _room(self, like: mx.array, slots: int) -> mx.array:
        _, heads, _, width = like.shape
        return mx.zeros((slots, heads, self.limit, width), dtype=like.dtype)


@dataclass(frozen=True, slots=True)
class _Span:
    """The rows of one class in a step.

    Attributes:
        owner: The class.
        rows: Which rows of the batch.
        lengths: Positions before the step, `(rows,)` int32.
        used: Positions with the new one of the longest.
        mask: Which of these each row may see, `(rows, 1, 1, used)` bool; None for all.
    """

    owner: _LengthClass
    rows: slice
    lengths: mx.array
    used: int
    mask: mx.array | None


@dataclass(frozen=True, slots=True)
class _StepLayer:
    """One layer of a `SlotCache` during one step: a `LayerCache` for one new position of every sequence."""

    spans: Sequence[_Span]
    layer: int
    offset: mx.array

    def attend(self, queries: mx.array, keys: mx.array, values: mx.array, *, scale: float) -> mx.array:
        """As `LayerCache.attend`, T being 1."""
        parts = []
        for span in self.spans:
            all_keys, all_values = span.owner.layers[self.layer]
            slots = mx.arange(span.rows.stop - span.rows.start)
            all_keys[slots, :, span.lengths] = keys[span.rows, :, 0]
            all_values[slots, :, span.lengths] = values[span.rows, :, 0]
            visible = (slice(0, slots.size), slice(None), slice(0, span.used))
            some = attend(queries[span.rows], all_keys[visible], all_values[visible], scale=scale, mask=span.mask)
            parts.append(some)
        return parts[0] if len(parts) == 1 else mx.concatenate(parts)


class SlotCache:
    """Keys and values of all layers for several sequences, each known by a number of the caller's.

    Args:
        num_layers: Layers of the decoder.
        limits: The length classes, ascending.
    """

    def __init__(self, num_layers: int, limits: Sequence[int] = LENGTH_CLASSES) -> None:
        self._num_layers = num_layers
        self._classes = [_LengthClass(limit) for limit in limits]

    @property
    def names(self) -> list[int]:
        """The sequences in the order of the rows of the next step; joining, leaving and steps change it."""
        return [name for group in self._classes for name in group.names]

    def join(self, name: int, caches: Sequence[KVCache]) -> None:
        """Take up a sequence.

        Args:
            name: Of no sequence that is here.
            caches: Those of its layers, filled.
        """
        rows = [cache.stored() for cache in caches]
        self._class_for(caches[0].offset).put(name, rows)

    def leave(self, name: int) -> None:
        """Forget a sequence that is here."""
        group = next(group for group in self._classes if name in group.names)
        group.remove(group.names.index(name))

    def prepare(self) -> list[int]:
        """Make room for one more position of every sequence, and return them in the order of the step's rows."""
        for group in self._classes:
            for slot in reversed(range(len(group.names))):
                if group.lengths[slot] == group.limit:
                    name, rows = group.names[slot], group.take(slot)
                    group.remove(slot)
                    self._class_for(group.limit + 1).put(name, rows)
        return self.names

    def step(self) -> list[_StepLayer]:
        """Return the layers' caches for one new position of every sequence, each to be used once; after `prepare`."""
        spans, first = [], 0
        for group in self._classes:
            if not group.names:
                continue
            lengths = mx.array(group.lengths, dtype=mx.int32)
            used = max(group.lengths) + 1
            mask = None
            if min(group.lengths) + 1 < used:
                mask = (mx.arange(used) <= lengths[:, None])[:, None, None]
            stop = first + len(group.names)
            spans.append(_Span(group, slice(first, stop), lengths, used, mask))
            group.lengths = [length + 1 for length in group.lengths]
            first = stop
        offset = mx.concatenate([span.lengths for span in spans])
        return [_StepLayer(spans, layer, offset) for layer in range(self._num_layers)]

    def _class_for(self, length: int) -> _LengthClass:
        return next(group for group in self._classes if length <= group.limit)
