"""Attention and its fast exponential against MLX's own."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.nn.attention import attend, exp, sigmoid
from gpa_mlx.runtime.backend import mx

SHAPES = [  # heads, key heads, queries, keys
    (4, 4, 7, 7),
    (8, 2, 5, 12),
    (6, 3, 1, 9),
    (2, 1, 1, 1),
    (8, 4, 30, 30),
    (16, 8, 1, 300),
]


def normal(*shape, seed=0, scale=1.0):
    return mx.array(np.random.default_rng(seed).normal(scale=scale, size=shape).astype(np.float32))


def largest_difference(a, b):
    return float(mx.abs(a - b).max())


def test_exp_is_as_accurate_as_mlx():
    x = mx.array(np.linspace(-87, 88, 100_001, dtype=np.float32))
    exact = np.exp(np.array(x, dtype=np.float64))
    ours = np.abs(np.array(exp(x)) / exact - 1).max()
    theirs = np.abs(np.array(mx.exp(x)) / exact - 1).max()
    assert ours <= max(1.5 * theirs, 1e-6)


def test_exp_saturates_instead_of_wrapping():
    values = np.array(exp(mx.array([-np.inf, -1e30, -200.0, 0.0, 200.0], dtype=mx.float32)))
    assert (values[:3] < 1e-37).all()
    assert values[3] == pytest.approx(1, abs=1e-6)
    assert np.isfinite(values[4])
    assert values[4] > 1e38


def test_sigmoid_equals_mlx():
    x = normal(30, 500, scale=20.0)
    assert largest_difference(sigmoid(x), mx.sigmoid(x)) <= 1e-6


@pytest.mark.parametrize(("heads", "key_heads", "queries", "keys"), SHAPES)
@pytest.mark.parametrize("mask", [None, "causal", "array"])
def test_attention_equals_mlx(heads, key_heads, queries, keys, mask):
    q = normal(2, heads, queries, 16)
    k, v = normal(2, key_heads, keys, 16, seed=1), normal(2, key_heads, keys, 16, seed=2)
    if mask == "array":
        visible = np.random.default_rng(3).random((2, 1, 1, keys)) < 0.5
        visible[..., 0] = True
        mask = mx.array(visible)
    ours = attend(q, k, v, scale=0.25, mask=mask)
    theirs = mx.fast.scaled_dot_product_attention(q, k, v, scale=0.25, mask=mask)
    assert ours.shape == theirs.shape
    assert largest_difference(ours, theirs) <= 1e-5


def test_the_gradient_equals_that_of_mlx():
    q, k, v = normal(1, 4, 40, 8), normal(1, 2, 40, 8, seed=1), normal(1, 2, 40, 8, seed=2)

    def gradients(function):
        return mx.grad(lambda *a: (function(*a) ** 2).sum(), argnums=(0, 1, 2))(q, k, v)

    ours = gradients(lambda *a: attend(*a, scale=0.3, mask="causal"))
    theirs = gradients(lambda *a: mx.fast.scaled_dot_product_attention(*a, scale=0.3, mask="causal"))
    for mine, other in zip(ours, theirs, strict=True):
        assert largest_difference(mine, other) <= 1e-4


def test_half_precision_goes_to_mlx():
    q = normal(1, 2, 3, 8).astype(mx.bfloat16)
    assert attend(q, q, q, scale=1.0).dtype == mx.bfloat16
