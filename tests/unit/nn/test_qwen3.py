"""The decoder's form for a GPU: the same results in fewer kernels."""

from __future__ import annotations

import io
import re
from collections import Counter

import numpy as np
import pytest

from gpa_mlx.lm.cache import make_caches
from gpa_mlx.nn.lora import AdapterArgs, add_adapters
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx, nn


def make(*, bias: bool = False, layers: int = 2) -> Qwen3:
    mx.random.seed(0)
    return Qwen3(
        Qwen3Args(
            hidden_size=64,
            intermediate_size=128,
            num_layers=layers,
            num_heads=4,
            num_kv_heads=2,
            head_dim=32,
            rms_norm_eps=1e-6,
            rope_theta=10_000.0,
            vocab_size=50,
            max_position_embeddings=1000,
            tie_word_embeddings=True,
            attention_bias=bias,
        )
    )


def logits(model: Qwen3) -> np.ndarray:
    """Of a prompt, and of one more position with the cache."""
    caches = make_caches(model.args.num_layers)
    prompt = model(mx.array([[3, 1, 4, 1, 5, 9, 2, 6]]), caches)
    return np.concatenate([np.array(prompt), np.array(model(mx.array([[7]]), caches))], axis=1)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("bits", [None, 4, 8])
def test_merged_projections_change_nothing(bias, bits):
    model = make(bias=bias)
    if bits:
        nn.quantize(model, 64, bits)
    expected = logits(model)
    model.merge_projections()
    attention = model.model.layers[0].self_attn
    assert "q_proj" not in attention
    assert np.abs(logits(model) - expected).max() < 2e-5


def test_layers_that_differ_stay_apart():
    adapted, mixed = make(), make()
    add_adapters(adapted, AdapterArgs(rank=2, scale=1.0))
    nn.quantize(mixed, 64, 4, class_predicate=lambda path, _: path.endswith(("q_proj", "up_proj")))
    for model in (adapted, mixed):
        expected = logits(model)
        model.merge_projections()
        assert "q_proj" in model.model.layers[0].self_attn
        assert "gate_proj" in model.model.layers[0].mlp
        assert np.array_equal(logits(model), expected)


def operations_of_a_layer(*, merged: bool) -> Counter[str]:
    """Count what MLX is asked to do in one layer for one more position."""
    counts = []
    for layers in (2, 3):
        model = make(layers=layers)
        if merged:
            model.merge_projections()
        caches = make_caches(layers)
        mx.eval(model(mx.array([[1, 2, 3]]), caches), model.parameters())
        graph = io.StringIO()
        mx.export_to_dot(graph, model.model(mx.array([[4]]), caches))
        counts.append(Counter(re.findall(r'label ="(\w+)", shape=rectangle', graph.getvalue())))
    return counts[1] - counts[0]


def test_a_step_multiplies_as_seldom_and_writes_as_little_as_it_can():
    apart, merged = operations_of_a_layer(merged=False), operations_of_a_layer(merged=True)
    # Four projections instead of seven, and scores and average of attention, which a GPU computes in one kernel.
    assert (apart["Matmul"], merged["Matmul"]) == (9, 6)
    # The new position into the cache, and nothing of the past anywhere else.
    assert merged["SliceUpdate"] == 2
    assert not {"Pad", "Copy", "Contiguous"} & merged.keys()
