"""Flat parameters: all trainable ones as two long arrays, one of matrices, one of vectors.

An optimizer step is a dozen elementwise operations per parameter, and networks for small machines have hundreds of
small parameters: on the CPU, starting these operations took longer than a backward pass.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any, cast

from mlx.utils import tree_flatten, tree_unflatten

from gpa_mlx.runtime.backend import mx, nn

FlatArrays = dict[str, mx.array]
"""`matrices` `(1, N)` and `vectors` `(M,)`, so that an optimizer can tell what to decay by the number of dimensions."""


class FlatLayout:
    """Where every trainable parameter lies in the long arrays.

    Args:
        module: The network; what is frozen in it stays out.
    """

    def __init__(self, module: nn.Module) -> None:
        shapes = {name: array.shape for name, array in _leaves(module.trainable_parameters())}
        self._matrices = {name: shape for name, shape in shapes.items() if len(shape) > 1}
        self._vectors = {name: shape for name, shape in shapes.items() if len(shape) <= 1}

    def flatten(self, tree: Any) -> FlatArrays:  # noqa: ANN401
        """Join a tree with the structure of the trainable parameters."""
        leaves = dict(_leaves(tree))
        return {"matrices": _join(leaves, self._matrices)[None], "vectors": _join(leaves, self._vectors)}

    def unflatten(self, flat: FlatArrays) -> Any:  # noqa: ANN401
        """Return the tree that `flatten` joined."""
        return tree_unflatten(
            [*_cut(flat["matrices"].reshape(-1), self._matrices), *_cut(flat["vectors"], self._vectors)]
        )


def _leaves(tree: Any) -> list[tuple[str, mx.array]]:  # noqa: ANN401
    return cast("list[tuple[str, mx.array]]", tree_flatten(tree))


def _join(leaves: dict[str, mx.array], shapes: dict[str, tuple[int, ...]]) -> mx.array:
    return mx.concatenate([mx.zeros((0,)), *(leaves[name].reshape(-1) for name in shapes)])


def _cut(joined: mx.array, shapes: dict[str, tuple[int, ...]]) -> list[tuple[str, mx.array]]:
    ends = list(accumulate(math.prod(shape) for shape in shapes.values()))
    pieces = mx.split(joined, ends)
    return [(name, piece.reshape(shape)) for (name, shape), piece in zip(shapes.items(), pieces, strict=False)]
