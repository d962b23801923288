"""Finite scalar quantisation (arXiv 2309.15505): every coordinate is rounded to one of a few levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpa_mlx.runtime.backend import mx, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPS = 1e-3


class FiniteScalarQuantizer(nn.Module):
    """Vectors to integer codes and back.

    A code is the mixed-radix number of its coordinates' levels, the first coordinate least significant.

    Args:
        dims: Width of the vectors; equal to the number of levels means that nothing is projected.
        levels: Levels of each coordinate, at least 2.
    """

    def __init__(self, dims: int, levels: Sequence[int]) -> None:
        super().__init__()
        self.has_projections = dims != len(levels)
        if self.has_projections:
            self.project_in = nn.Linear(dims, len(levels))
            self.project_out = nn.Linear(len(levels), dims)
        self._levels = mx.array(list(levels), dtype=mx.int32)
        self._radix = mx.array([math.prod(levels[:i]) for i in range(len(levels))], dtype=mx.int32)
        self._half_width = self._levels // 2
        half_range = [(level - 1) * (1 + _EPS) / 2 for level in levels]
        # An even number of levels has none at zero: its range is moved down by half a level.
        offset = [0.5 if level % 2 == 0 else 0.0 for level in levels]
        self._half_range = mx.array(half_range)
        self._offset = mx.array(offset)
        self._shift = mx.array([math.atanh(o / h) for o, h in zip(offset, half_range, strict=True)])

    def bound(self, x: mx.array) -> mx.array:
        """Map `(..., dims)` to coordinates `(..., number of levels)` that rounding takes to a level."""
        coordinates = self.project_in(x) if self.has_projections else x
        return mx.tanh(coordinates + self._shift) * self._half_range - self._offset

    def encode(self, x: mx.array) -> mx.array:
        """Map `(..., dims)` to codes `(...)` int32; ties round to the even level."""
        level = mx.round(self.bound(x)).astype(mx.int32) + self._half_width
        return mx.sum(level * self._radix, axis=-1)

    def decode(self, codes: mx.array) -> mx.array:
        """Map codes `(...)` to vectors `(..., dims)`."""
        level = codes[..., None] // self._radix % self._levels
        coordinates = (level - self._half_width) / self._half_width
        return self.project_out(coordinates) if self.has_projections else coordinates
