"""The vocabulary of the weight tables: which target tensor is built from which source tensors, and what is dropped.

A table accounts for every tensor of a checkpoint. Each target of the network has one `WeightRule`; every source tensor
is either used by a rule or matched by a named pattern of tensors that inference never reads. Anything else is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating]
Build: TypeAlias = Callable[..., Array]


def as_is(tensor: Array) -> Array:
    """Return the tensor unchanged: source and target have the same layout."""
    return tensor


@dataclass(frozen=True, slots=True)
class WeightRule:
    """How one target tensor is made.

    Attributes:
        target: Name in the network's parameter tree.
        sources: Canonical source keys, handed to `build` in this order.
        build: Pure function of the float32 source arrays.
    """

    target: str
    sources: tuple[str, ...]
    build: Build = as_is


@dataclass(frozen=True, slots=True)
class Table:
    """All rules of one part.

    Attributes:
        rules: One per target tensor.
        dropped: Regular expressions (full match) of canonical source keys that inference never uses.
    """

    rules: tuple[WeightRule, ...]
    dropped: tuple[str, ...] = ()
