"""AdamW (arXiv 1711.05101) with linear warm-up and cosine decay, clipping, and its state as named arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mlx.optimizers import Adam, AdamW, Optimizer, clip_grad_norm
from mlx.utils import tree_flatten, tree_map_with_path

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.runtime.backend import mx

MAX_GRADIENT_NORM = 1.0


class MatrixDecayAdamW(AdamW):
    """AdamW that decays matrices only: norms and biases have no reason to shrink."""

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict[str, mx.array]) -> mx.array:
        """Return the updated parameter."""
        rule = AdamW if parameter.ndim > 1 else Adam
        return rule.apply_single(self, gradient, parameter, state)


def make_optimizer(lr: float, warmup_steps: int, total_steps: int, weight_decay: float) -> Optimizer:
    """Return AdamW, its rate rising linearly to `lr` over the warm-up and falling to zero along a cosine.

    Args:
        lr: Highest learning rate.
        warmup_steps: Steps until it is reached; 0 starts with it.
        total_steps: Steps of the whole run.
        weight_decay: Decay of matrices, relative to the learning rate.
    """
    schedule = warmup_cosine(lr, warmup_steps, total_steps)
    return MatrixDecayAdamW(schedule, betas=[0.9, 0.95], weight_decay=weight_decay, bias_correction=True)


def warmup_cosine(lr: float, warmup_steps: int, total_steps: int) -> Callable[[mx.array], mx.array]:
    """Return the learning rate as a function of the number of steps done."""
    decay_steps = max(1, total_steps - warmup_steps)

    def rate(step: mx.array) -> mx.array:
        rising = (step + 1) / max(1, warmup_steps)
        progress = mx.clip((step - warmup_steps) / decay_steps, 0.0, 1.0)
        falling = 0.5 * (1 + mx.cos(math.pi * progress))
        return lr * mx.where(step < warmup_steps, rising, falling)

    return rate


def clip_gradients(gradients: Any, max_norm: float = MAX_GRADIENT_NORM) -> tuple[Any, mx.array]:  # noqa: ANN401
    """Scale gradients down to a global norm of at most `max_norm`; return them with the norm they had."""
    return clip_grad_norm(gradients, max_norm)


def optimizer_arrays(optimizer: Optimizer) -> dict[str, mx.array]:
    """Return the optimizer's whole state by name."""
    return dict(tree_flatten(optimizer.state))


def restore_optimizer(optimizer: Optimizer, parameters: Any, arrays: Mapping[str, mx.array]) -> None:  # noqa: ANN401
    """Put back what `optimizer_arrays` returned.

    Args:
        optimizer: A new one, made with the same settings.
        parameters: The tree it updates.
        arrays: The state by name.

    Raises:
        ModelFormatError: The state belongs to other parameters.
    """
    optimizer.init(parameters)
    if missing := sorted(optimizer_arrays(optimizer).keys() ^ arrays.keys()):
        raise ModelFormatError(
            f"The optimizer's state does not fit: '{missing[0]}' is on one side only.",
            hint="Resume with the model and the settings the run was started with.",
        )
    optimizer.state = tree_map_with_path(lambda path, _: arrays[path], optimizer.state)
