"""The output head: logits in float32, whatever the weights are stored as."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.lm import head as head_module
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.runtime.backend import mx, nn

ROWS, WIDTH = 300, 64
RANGES = [(5, 100), (250, 300)]
KEPT = np.r_[5:100, 250:300]


@pytest.fixture
def layer() -> nn.Embedding:
    layer = nn.Embedding(ROWS, WIDTH)
    layer.weight = mx.random.normal((ROWS, WIDTH), key=mx.random.key(0))
    return layer


@pytest.fixture(params=["few rows", "many rows"])
def size(request, monkeypatch):
    """Rows that are widened once, and rows that are widened a block at a time."""
    if request.param == "many rows":
        monkeypatch.setattr(head_module, "_MAX_WIDE_ROWS", 0)
        monkeypatch.setattr(head_module, "_BLOCK_ROWS", 40)


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16, mx.float32])
@pytest.mark.usefixtures("size")
def test_logits_are_those_of_the_stored_weights_in_float32(layer, dtype):
    layer.set_dtype(dtype)
    hidden = (20 * mx.random.normal((3, WIDTH), key=mx.random.key(1))).astype(dtype)
    logits = SlicedHead(layer, RANGES)(hidden)
    weights = np.array(layer.weight.astype(mx.float32), dtype=np.float64)[KEPT]
    expected = np.array(hidden.astype(mx.float32), dtype=np.float64) @ weights.T
    assert logits.dtype == mx.float32
    # bfloat16 logits of this size are off by up to 2.
    assert np.abs(np.array(logits) - expected).max() < 1e-3


@pytest.mark.usefixtures("size")
def test_so_are_those_of_quantised_weights(layer):
    layer.set_dtype(mx.bfloat16)
    quantised = layer.to_quantized(64, 8)
    hidden = (20 * mx.random.normal((3, WIDTH), key=mx.random.key(1))).astype(mx.bfloat16)
    stored = (quantised.scales.astype(mx.float32), quantised.biases.astype(mx.float32))
    weights = np.array(mx.dequantize(quantised.weight, *stored, 64, 8), dtype=np.float64)[KEPT]
    logits = SlicedHead(quantised, RANGES)(hidden)
    assert logits.dtype == mx.float32
    assert np.abs(np.array(logits) - np.array(hidden.astype(mx.float32)) @ weights.T).max() < 1e-3


def test_float32_weights_are_not_copied(layer):
    mx.eval(layer.parameters())
    before = mx.get_active_memory()
    SlicedHead(layer, [(0, ROWS)])
    assert mx.get_active_memory() - before < layer.weight.nbytes
