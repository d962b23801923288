"""The output head cut down to the rows a task can use.

Speech can only emit semantic codes and stop, text only text and stop. The full head is a quarter of all weights read
per token, so projecting only the rows in question is faster, and ids of the wrong kind become impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from gpa_mlx.runtime.backend import mx, nn


class SlicedHead:
    """Projects hidden states on a subset of the vocabulary.

    Row `r` of the result belongs to vocabulary id `ids[r]`; rows are in ascending id order.

    Args:
        layer: The output layer: `nn.Embedding`, `nn.Linear` or their quantised forms; rows are vocabulary ids.
        ranges: Half-open id ranges `(first, stop)` to keep.
    """

    def __init__(self, layer: nn.Module, ranges: Iterable[tuple[int, int]]) -> None:
        merged = _merge(ranges)
        self.ids: npt.NDArray[np.int64] = np.concatenate([np.arange(a, b) for a, b in merged])
        self._slices = [_rows(layer, a, b) for a, b in merged]
        self._quantisation = (layer.group_size, layer.bits) if _is_quantised(layer) else None
        mx.eval(self._slices)

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return logits in row space.

        Args:
            hidden: `(..., hidden_size)`.

        Returns:
            `(..., rows)` float32.
        """
        parts = [self._project(hidden, part) for part in self._slices]
        logits = parts[0] if len(parts) == 1 else mx.concatenate(parts, axis=-1)
        return logits.astype(mx.float32)

    def rows_of(self, ids: Sequence[int]) -> list[int]:
        """Return the rows of those `ids` that this head has, in order of appearance."""
        wanted = np.asarray(ids, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return [int(row) for row in rows[self.ids[rows] == wanted]]

    def _project(self, hidden: mx.array, part: dict[str, mx.array]) -> mx.array:
        if self._quantisation is None:
            return hidden @ part["weight"].T
        group_size, bits = self._quantisation
        return mx.quantized_matmul(
            hidden, part["weight"], part["scales"], part["biases"], transpose=True, group_size=group_size, bits=bits
        )


def _is_quantised(layer: nn.Module) -> bool:
    return isinstance(layer, nn.QuantizedEmbedding | nn.QuantizedLinear)


def _rows(layer: nn.Module, first: int, stop: int) -> dict[str, mx.array]:
    names = ("weight", "scales", "biases") if _is_quantised(layer) else ("weight",)
    return {name: layer[name][first:stop] for name in names}


def _merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(r for r in ranges if r[0] < r[1]):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((first, stop))
    return merged
