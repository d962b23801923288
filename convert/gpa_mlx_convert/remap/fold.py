"""Layout changes and folds, each the closed form of what the reference computes at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gpa_mlx_convert.remap.table import Array


def conv(weight: Array) -> Array:
    """Turn a torch convolution weight `(out, in, kernel)` into `(out, kernel, in)`."""
    return np.ascontiguousarray(weight.transpose(0, 2, 1))


def taps(weight: Array) -> Array:
    """Turn a torch convolution weight `(out, in, kernel)` into `(kernel, out, in)`."""
    return np.ascontiguousarray(weight.transpose(2, 0, 1))


def taps_transpose(weight: Array) -> Array:
    """Turn a torch transposed convolution weight `(in, out, kernel)` into `(kernel, out, in)`."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0))


def pointwise(weight: Array) -> Array:
    """Turn a torch convolution weight with one tap, `(out, in, 1)`, into that of a linear layer, `(out, in)`."""
    return weight.squeeze(2)


def weight_norm(g: Array, v: Array) -> Array:
    """Fold weight normalisation, w = g * v / ||v|| (arXiv 1602.07868).

    The norm runs over every axis along which `g` has length 1, so the same fold serves g `(out, 1, 1)` and wav2vec2's
    per-tap g `(1, 1, kernel)`.

    Args:
        g: Gains, same rank as `v`, 1 along the normalised axes.
        v: Directions in torch layout.

    Returns:
        The effective weight in torch layout, shape of `v`, float32.
    """
    axes = tuple(axis for axis, size in enumerate(g.shape) if size == 1)
    wide = v.astype(np.float64)
    norm = np.sqrt(np.sum(wide * wide, axis=axes, keepdims=True))
    return (g.astype(np.float64) * wide / norm).astype(np.float32)


def weight_norm_conv(g: Array, v: Array) -> Array:
    """Fold weight normalisation and lay out as `(out, kernel, in)`."""
    return conv(weight_norm(g, v))


def weight_norm_taps(g: Array, v: Array) -> Array:
    """Fold weight normalisation and lay out as `(kernel, out, in)`."""
    return taps(weight_norm(g, v))


def weight_norm_taps_transpose(g: Array, v: Array) -> Array:
    """Fold weight normalisation of a transposed convolution, g per input channel; lay out as `(kernel, out, in)`."""
    return taps_transpose(weight_norm(g, v))


def weight_norm_pointwise(g: Array, v: Array) -> Array:
    """Fold weight normalisation of a convolution with one tap and lay out as `(out, in)`."""
    return pointwise(weight_norm(g, v))


def batch_norm_scale(weight: Array, running_var: Array, *, eps: float = 1e-5) -> Array:
    """Return the factor of an evaluation-mode batch norm seen as y = scale * x + shift."""
    return (weight.astype(np.float64) / np.sqrt(running_var.astype(np.float64) + eps)).astype(np.float32)


def batch_norm_shift(
    weight: Array, bias: Array, running_mean: Array, running_var: Array, *, eps: float = 1e-5
) -> Array:
    """Return the offset of an evaluation-mode batch norm seen as y = scale * x + shift."""
    scale = weight.astype(np.float64) / np.sqrt(running_var.astype(np.float64) + eps)
    return (bias.astype(np.float64) - running_mean.astype(np.float64) * scale).astype(np.float32)
