"""The KV-cache: keys and values of all past positions, in buffers that grow by blocks."""

from __future__ import annotations

from gpa_mlx.nn.attention import attend
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

    def stored(self) -> tuple[mx.array, mx.array]:
        """Return all keys and values, `(B, kv_heads, offset, head_dim)` each; something must have been stored."""
        assert self._keys is not None
        assert self._values is not None
        return self._keys[..., : self._offset, :], self._values[..., : self._offset, :]

    def attend(self, queries: mx.array, keys: mx.array, values: mx.array, *, scale: float) -> mx.array:
        """Append new positions, and attend from each to all before it and itself; shapes as for `attend`."""
        keys, values = self.update(keys, values)
        return attend(queries, keys, values, scale=scale, mask="causal" if queries.shape[2] > 1 else None)

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
        return self.stored()

    def arrays(self) -> list[mx.array]:
        """Return the buffers, for evaluation."""
        return [a for a in (self._keys, self._values) if a is not None]


def make_caches(num_layers: int) -> list[KVCache]:
    """Return an empty cache per layer."""
    return [KVCache() for _ in range(num_layers)]


def _rounded(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK
