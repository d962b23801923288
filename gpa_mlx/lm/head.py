"""The output head cut down to the rows a task can use.

Speech can only emit semantic codes and stop, text only text and stop. The full head is a quarter of all weights read
per token, so projecting only the rows in question is faster, and ids of the wrong kind become impossible.

Logits are computed in float32 whatever the weights are: around 20 the steps of bfloat16 are 0.125, which a temperature
of 0.2 makes a factor of 1.9 between two probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gpa_mlx.runtime.backend import mx, nn

_MAX_WIDE_ROWS = 1 << 15
"""Half-precision weights of more rows (a text vocabulary) are widened anew for every token, of which text has few, a
block at a time, and do not take their size three times."""
_BLOCK_ROWS = 1 << 14


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
        wide = len(self.ids) <= _MAX_WIDE_ROWS
        self._slices = [_rows(layer, a, b, wide=wide) for a, b in merged]
        self._quantisation = (layer.group_size, layer.bits) if _is_quantised(layer) else None
        mx.eval(self._slices)

    def __call__(self, hidden: mx.array) -> mx.array:
        """Return logits in row space.

        Args:
            hidden: `(..., hidden_size)`.

        Returns:
            `(..., rows)` float32.
        """
        hidden = hidden.astype(mx.float32)
        parts = [logits for part in self._slices for logits in self._project(hidden, part)]
        return parts[0] if len(parts) == 1 else mx.concatenate(parts, axis=-1)

    def rows_of(self, ids: Sequence[int]) -> list[int]:
        """Return the rows of those `ids` that this head has, in order of appearance."""
        wanted = np.asarray(ids, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return [int(row) for row in rows[self.ids[rows] == wanted]]

    def _project(self, hidden: mx.array, part: dict[str, mx.array]) -> Iterator[mx.array]:
        weight = part["weight"]
        if self._quantisation is not None:
            group_size, bits = self._quantisation
            yield mx.quantized_matmul(
                hidden, weight, part["scales"], part["biases"], transpose=True, group_size=group_size, bits=bits
            )
        elif weight.dtype == mx.float32:
            yield hidden @ weight.T
        else:
            for start in range(0, weight.shape[0], _BLOCK_ROWS):
                yield hidden @ weight[start : start + _BLOCK_ROWS].astype(mx.float32).T


def _is_quantised(layer: nn.Module) -> bool:
    return isinstance(layer, nn.QuantizedEmbedding | nn.QuantizedLinear)


def _rows(layer: nn.Module, first: int, stop: int, *, wide: bool) -> dict[str, mx.array]:
    """Return rows of a layer; half-precision ones as float32 where they are few, quantised ones always."""
    if _is_quantised(layer):
        scales, biases = (layer[name][first:stop].astype(mx.float32) for name in ("scales", "biases"))
        return {"weight": layer["weight"][first:stop], "scales": scales, "biases": biases}
    weight = layer["weight"][first:stop]
    return {"weight": weight.astype(mx.float32) if wide else weight}


def _merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(r for r in ranges if r[0] < r[1]):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((first, stop))
    return merged
