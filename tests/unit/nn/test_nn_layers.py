"""Layers against float64 definitions written out as loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx.utils import tree_flatten

from gpa_mlx.nn.layers import (
    DepthwiseConv1d,
    DepthwiseUpsample1d,
    Snake,
    StridedConv1d,
    TapConv1d,
    TapConvTranspose1d,
    gelu,
    l2_normalize,
    overlap_add,
    snake,
)
from gpa_mlx.runtime.backend import mx, nn
from tests.support.examples import examples

EDGES = [0.0, 5.2, 5.3, 5.4, 12.0, 1e3, 1e30]


def random(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def filled(layer):
    """Give a layer random parameters and return them in float64."""
    layer.weight, layer.bias = mx.array(random(*layer.weight.shape)), mx.array(random(*layer.bias.shape))
    return np.array(layer.weight).astype(np.float64), np.array(layer.bias).astype(np.float64)


def assert_close(ours, expected):
    ours = np.array(ours)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def test_gelu_is_as_exact_as_erf():
    x = np.concatenate([np.linspace(-12, 12, 100_001), EDGES, np.negative(EDGES)]).astype(np.float32)
    exact = np.array([v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float64)])
    error = np.abs(np.array(gelu(mx.array(x))) - exact) / np.maximum(1, np.abs(x))
    assert error.max() <= 5e-7


def test_gelu_has_the_slope_of_the_exact_function():
    x = np.linspace(-8, 8, 10_001).astype(np.float32)
    wide = x.astype(np.float64)
    density = np.exp(-0.5 * wide**2) / math.sqrt(2 * math.pi)
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in wide]) + wide * density
    ours = np.array(mx.grad(lambda v: gelu(v).sum())(mx.array(x)))
    assert np.abs(ours - exact).max() <= 2e-5


@pytest.mark.parametrize("alpha", [0.05, 1.0, 7.3])
def test_snake_and_its_slope_are_exact(alpha):
    x = np.linspace(-9, 9, 20_002).astype(np.float32).reshape(-1, 2)
    wide, frequency = x.astype(np.float64), float(np.float32(alpha))
    parameters = mx.full((2,), alpha)
    phase_error = 3e-7 * (1 + np.abs(frequency * wide))
    exact = wide + np.sin(frequency * wide) ** 2 / (frequency + 1e-9)
    assert np.all(np.abs(np.array(snake(mx.array(x), parameters)) - exact) <= phase_error / frequency + 1e-6)
    slope = np.array(mx.grad(lambda v: snake(v, parameters).sum())(mx.array(x)))
    assert np.all(np.abs(slope - 1 - np.sin(2 * frequency * wide)) <= 4 * phase_error + 2e-5)


def test_snake_layer_has_one_frequency_per_channel():
    layer = Snake(3)
    layer.alpha = mx.array([0.5, 1.0, 2.0])
    x = random(2, 4, 3).astype(np.float64)
    alpha = np.array([0.5, 1.0, 2.0])
    assert_close(layer(mx.array(x.astype(np.float32))), x + np.sin(alpha * x) ** 2 / alpha)


def test_l2_normalize_gives_unit_vectors_and_survives_zero():
    x = mx.array(np.stack([random(4), np.zeros(4, np.float32)]))
    lengths = np.linalg.norm(np.array(l2_normalize(x)), axis=-1)
    assert lengths == pytest.approx([1, 0], abs=1e-6)


@examples(40)
@given(length=st.integers(1, 6), size=st.integers(1, 9), stride=st.integers(1, 5))
def test_overlap_add_equals_the_loop(length, size, stride):
    frames = random(2, length, size, 3)
    expected = np.zeros((2, (length - 1) * stride + -(-size // stride) * stride, 3))
    for t in range(length):
        expected[:, t * stride : t * stride + size] += frames[:, t]
    assert_close(overlap_add(mx.array(frames), stride), expected)


@pytest.mark.parametrize(("kernel_size", "dilation"), [(7, 1), (7, 3), (7, 9), (3, 4), (1, 1)])
def test_tap_conv_equals_the_loop(kernel_size, dilation):
    layer = TapConv1d(3, 4, kernel_size, dilation=dilation)
    weight, bias = filled(layer)
    x = random(2, 11, 3)
    expected = np.tile(bias, (2, 11, 1))
    for t in range(11):
        for tap in range(kernel_size):
            source = t + (tap - kernel_size // 2) * dilation
            if 0 <= source < 11:
                expected[:, t] += x[:, source] @ weight[tap].T
    assert_close(layer(mx.array(x)), expected)


@pytest.mark.parametrize(("kernel_size", "stride"), [(16, 8), (11, 5), (8, 4), (4, 2), (3, 3), (9, 1), (12, 2)])
@pytest.mark.parametrize("length", [1, 6])
def test_tap_conv_transpose_equals_the_loop(kernel_size, stride, length):
    layer = TapConvTranspose1d(3, 4, kernel_size, stride)
    weight, bias = filled(layer)
    x = random(2, length, 3)
    expected = np.tile(bias, (2, length * stride, 1))
    for t in range(length):
        for tap in range(kernel_size):
            target = t * stride + tap - (kernel_size - stride) // 2
            if 0 <= target < length * stride:
                expected[:, target] += x[:, t] @ weight[tap].T
    assert_close(layer(mx.array(x)), expected)


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [(7, 1, 3), (4, 2, 1), (6, 3, 2), (10, 5, 3)])
def test_depthwise_conv_equals_the_loop(kernel_size, stride, padding):
    layer = DepthwiseConv1d(3, kernel_size, stride=stride, padding=padding)
    weight, bias = filled(layer)
    x = random(2, 17, 3)
    padded = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    frames = (padded.shape[1] - kernel_size) // stride + 1
    windows = [padded[:, t * stride : t * stride + kernel_size] for t in range(frames)]
    expected = np.stack([np.einsum("bkc,ck->bc", window, weight[:, :, 0]) + bias for window in windows], axis=1)
    assert_close(layer(mx.array(x)), expected)


@pytest.mark.parametrize("stride", [2, 3, 4, 5])
def test_depthwise_upsampling_equals_the_loop(stride):
    layer = DepthwiseUpsample1d(3, stride)
    weight, bias = filled(layer)
    x = random(2, 6, 3)
    expected = np.tile(bias, (2, 6 * stride, 1))
    for t in range(6):
        for tap in range(2 * stride):
            target = t * stride + tap - (stride // 2 + stride % 2)
            if 0 <= target < 6 * stride:
                expected[:, target] += x[:, t] * weight[:, tap, 0]
    assert_close(layer(mx.array(x)), expected)


@pytest.mark.parametrize(
    ("kernel", "stride", "length"), [(10, 5, 63), (10, 5, 10), (3, 2, 20), (2, 2, 9), (2, 3, 10), (3, 1, 8)]
)
@pytest.mark.parametrize("bias", [True, False])
def test_strided_convolution_equals_mlx_in_values_and_gradients(kernel, stride, length, bias):
    rng = np.random.default_rng(0)
    ours = StridedConv1d(3, 4, kernel, stride, bias=bias)
    theirs = nn.Conv1d(3, 4, kernel, stride=stride, bias=bias)
    parameters = {name: mx.array(rng.normal(size=p.shape).astype(np.float32)) for name, p in ours.parameters().items()}
    ours.update(parameters)
    theirs.update(parameters)
    x = mx.array(rng.normal(size=(2, length, 3)).astype(np.float32))

    def run(layer):
        loss = nn.value_and_grad(layer, lambda value: (layer(value) ** 2).sum())(x)
        return layer(x), loss, mx.grad(lambda value: (layer(value) ** 2).sum())(x)

    for (_, mine), (_, other) in zip(tree_flatten(run(ours)), tree_flatten(run(theirs)), strict=True):
        np.testing.assert_allclose(np.array(mine), np.array(other), rtol=1e-4, atol=1e-4)
