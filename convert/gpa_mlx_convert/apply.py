"""Run a weight table over a checkpoint: everything accounted for, every shape checked."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import ModelFormatError
from gpa_mlx_convert.arrays import FLOATING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpa_mlx_convert.checkpoint import Checkpoint
    from gpa_mlx_convert.remap.table import Array, Table, WeightRule

_WRONG_CONFIG = "The weights and the config of this directory do not belong together, or the file is damaged."


def check_table(
    checkpoint: Checkpoint, table: Table, expected_shapes: Mapping[str, tuple[int, ...]], where: str
) -> None:
    """Check everything that can be known before a tensor is read.

    Args:
        checkpoint: The source.
        table: How targets are made.
        expected_shapes: Shape of every tensor of the network.
        where: Name of the source for error messages.

    Raises:
        ModelFormatError: A source tensor is missing, unexpected or not floating, or the table does not fill every
            tensor of the network exactly once.
    """
    targets = Counter(rule.target for rule in table.rules)
    for target, count in targets.items():
        if count > 1:
            raise ModelFormatError(f"{where}: the target {target!r} would be filled {count} times.")
    for target in sorted(expected_shapes.keys() ^ targets.keys()):
        problem = "is filled by no tensor" if target in expected_shapes else "does not exist in the network"
        raise ModelFormatError(f"{where}: the target {target!r} {problem}.", hint=_WRONG_CONFIG)
    stored = set(checkpoint.keys())
    used: set[str] = set()
    for rule in table.rules:
        for key in rule.sources:
            if key not in stored:
                raise ModelFormatError(f"{where}: tensor {key!r} is missing.", hint=_WRONG_CONFIG)
            if checkpoint.dtype(key) not in FLOATING:
                raise ModelFormatError(
                    f"{where}: tensor {key!r} has dtype {checkpoint.dtype(key)}; weights must be floating.",
                    hint="Use the original, not a quantised, checkpoint.",
                )
            used.add(key)
    dropped = [re.compile(pattern) for pattern in table.dropped]
    for key in sorted(stored - used):
        if not any(pattern.fullmatch(key) for pattern in dropped):
            raise ModelFormatError(f"{where}: unexpected tensor {key!r}.", hint=_WRONG_CONFIG)


def apply_table(
    checkpoint: Checkpoint, table: Table, expected_shapes: Mapping[str, tuple[int, ...]], where: str
) -> Iterator[tuple[str, Array]]:
    """Yield every target tensor, reading only the sources of one at a time.

    The checks of `check_table` happen at the call, before the first tensor is asked for.

    Args:
        checkpoint: The source.
        table: How targets are made.
        expected_shapes: Shape of every tensor of the network.
        where: Name of the source for error messages.

    Returns:
        Pairs of target name and float32 array, in the order of the table.

    Raises:
        ModelFormatError: As `check_table`; while iterating: a target has another shape than the network, or holds
            NaN or infinity.
    """
    check_table(checkpoint, table, expected_shapes, where)
    return ((rule.target, _build(checkpoint, rule, expected_shapes[rule.target], where)) for rule in table.rules)


def _build(checkpoint: Checkpoint, rule: WeightRule, expected: tuple[int, ...], where: str) -> Array:
    sources = [checkpoint.read(key) for key in rule.sources]
    try:
        with np.errstate(all="ignore"):  # what overflows or divides by zero is reported below, with its key
            array = rule.build(*sources)
    except (ValueError, IndexError) as error:
        # numpy's complaint about a tensor of the wrong rank or of shapes that do not fit together
        raise _shape_error(checkpoint, rule, "a tensor that cannot be built", expected, where) from error
    if array.shape != expected:
        raise _shape_error(checkpoint, rule, f"shape {array.shape}", expected, where)
    if not np.isfinite(array).all():
        raise ModelFormatError(
            f"{where}: {rule.target!r} holds NaN or infinity (from {_names(checkpoint, rule)}).",
            hint="The file is damaged or its training diverged.",
        )
    return array.astype(np.float32, copy=False)


def _shape_error(
    checkpoint: Checkpoint, rule: WeightRule, got: str, expected: tuple[int, ...], where: str
) -> ModelFormatError:
    return ModelFormatError(
        f"{where}: {rule.target!r} must have shape {expected} but {_names(checkpoint, rule)} give {got}.",
        hint=_WRONG_CONFIG,
    )


def _names(checkpoint: Checkpoint, rule: WeightRule) -> str:
    return ", ".join(f"{key!r} {checkpoint.shape(key)}" for key in rule.sources)
