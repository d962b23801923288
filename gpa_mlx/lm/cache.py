"""The KV-cache: keys and values of all past positions, in buffers that grow by blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpa_mlx.runtime.backend import mx

_BLOCK = 256


class KVCache:
    """Keys and values of one layer.

    The buffer is enlarged by whole blocks, so that most steps write into spare room instead of copying the past.
    """

    def __init__(self) -> None:
        self._keys: mx.array | None = None
        self._values: mx.array | None = None
        self._offset = 0

    @property
    def offset(self) -> int:
        """Positions stored so far."""
        return self._offset

    @property
    def visible(self) -> None:
        """All stored positions may be seen."""
        return None

    @classmethod
    def aligned(cls, rows: Sequence[tuple[mx.array, mx.array]]) -> KVCache:
        """Put sequences of different lengths into one cache, so that all end at the same position.

        Args:
            rows: Keys and values of at least one sequence, `(1, kv_heads, length, head_dim)` each.

        Returns:
            A cache of `len(rows)` rows, with room for at least one more position; what lies before the first position
            of a shorter row is 0.
        """
        cache = cls()
        cache._offset = max(keys.shape[2] for keys, _ in rows)
        cache._keys = _aligned([keys for keys, _ in rows], cache._offset)
        cache._values = _aligned([values for _, values in rows], cache._offset)
        return cache

    def row(self, row: int, start: int) -> tuple[mx.array, mx.array]:
        """Return keys and values of one row from position `start` on, `(1, kv_heads, offset - start, head_dim)` each.

        Something must have been stored.
        """
        assert self._keys is not None
        assert self._values is not None
        part = (slice(row, row + 1), slice(None), slice(start, self._offset))
        return self._keys[part], self._values[part]

    def update(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append new positions.

        Args:
            keys: `(B, kv_heads, T, head_dim)`.
            values: Same shape.

        Returns:
            All keys and all values stored so far, `(B, kv_heads, offset, head_dim)` each.
        """
        start, stop = self._offset, self._offset + keys.shape[2]
        if self._keys is None or self._values is None:
            self._keys = mx.zeros((*keys.shape[:2], _rounded(stop), keys.shape[3]), dtype=keys.dtype)
            self._values = mx.zeros((*values.shape[:2], _rounded(stop), values.shape[3]), dtype=values.dtype)
        elif stop > self._keys.shape[2]:
            missing = _rounded(stop) - self._keys.shape[2]
            room = [(0, 0), (0, 0), (0, missing), (0, 0)]
            self._keys, self._values = mx.pad(self._keys, room), mx.pad(self._values, room)
        self._keys[..., start:stop, :] = keys
        self._values[..., start:stop, :] = values
        self._offset = stop
        return self._keys[..., :stop, :], self._values[..., :stop, :]

    def arrays(self) -> list[mx.array]:
        """Return the buffers, for evaluation."""
        return [a for a in (self._keys, self._values) if a is not None]


def make_caches(num_layers: int) -> list[KVCache]:
    """Return an empty cache per layer."""
    return [KVCache() for _ in range(num_layers)]


@dataclass(frozen=True, slots=True)
class StepCache:
    """One layer of a `BatchCache` during one step.

    Attributes:
        offset: Positions stored so far per row, `(B,)` int32.
        visible: Which stored positions, the new one among them, each row may see: `(B, 1, 1, S)` bool; None for all.
    """

    _store: KVCache
    offset: mx.array
    visible: mx.array | None

    def update(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append one position per row; as `KVCache.update`."""
        return self._store.update(keys, values)


class BatchCache:
    """Keys and values of several sequences of different lengths, which all grow by one position per step.

    The sequences end at the same place of the buffers, so that a step is one write for all; a shorter one has unused
    room before its first position.
    """

    def __init__(self, num_layers: int) -> None:
        self._stores = make_caches(num_layers)
        self._starts: list[int] = []

    def regroup(self, keep: Sequence[int], joining: Sequence[Sequence[KVCache]]) -> None:
        """Choose anew which sequences are in the batch, without room for those that left.

        Args:
            keep: Rows that stay; they become the first rows, in this order.
            joining: For each new sequence the caches of its layers, filled; they become the last rows.
        """
        length = self._stores[0].offset
        lengths = [length - self._starts[row] for row in keep] + [caches[0].offset for caches in joining]
        for layer, store in enumerate(self._stores):
            rows = [store.row(row, self._starts[row]) for row in keep]
            rows += [caches[layer].row(0, 0) for caches in joining]
            self._stores[layer] = KVCache.aligned(rows) if rows else KVCache()
            # Layer by layer, so that no more than one exists twice.
            mx.eval(self._stores[layer].arrays())
        self._starts = [max(lengths) - length for length in lengths]

    def step(self) -> list[StepCache]:
        """Return the layers' caches for the next position of all rows; every one must then be updated once."""
        length = self._stores[0].offset
        starts = mx.array(self._starts, dtype=mx.int32)
        visible = None
        if any(self._starts):
            visible = (mx.arange(length + 1) >= starts[:, None])[:, None, None]
        return [StepCache(store, length - starts, visible) for store in self._stores]


def _aligned(rows: Sequence[mx.array], length: int) -> mx.array:
    heads, _, width = rows[0].shape[1:]
    buffer = mx.zeros((len(rows), heads, _rounded(length + 1), width), dtype=rows[0].dtype)
    for n, row in enumerate(rows):
        buffer[n : n + 1, :, length - row.shape[2] : length] = row
    return buffer


def _rounded(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK
