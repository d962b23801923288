"""The token stream: one step ahead, and the KV-cache never copied."""

from __future__ import annotations

import pytest

from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions

LAYERS, KV_HEADS, HEAD_DIM = 4, 8, 64
PROMPT = [1, 2, 3, 4, 5] * 260
"""Its cache does not grow within the next 200 positions."""


@pytest.fixture(scope="module")
def model() -> Qwen3:
    args = Qwen3Args(
        hidden_size=64,
        intermediate_size=64,
        num_layers=LAYERS,
        num_heads=KV_HEADS,
        num_kv_heads=KV_HEADS,
        head_dim=HEAD_DIM,
        rms_norm_eps=1e-6,
        rope_theta=10_000.0,
        vocab_size=40,
        max_position_embeddings=4000,
        tie_word_embeddings=True,
        attention_bias=False,
    )
    mx.random.seed(3)
    model = Qwen3(args)
    mx.eval(model.parameters())
    return model


def generate(model: Qwen3, count: int):
    options = GenerationOptions(temperature=0.8, repetition_penalty=1.1, seed=4)
    head = SlicedHead(model.output_layer, [(0, 40)])
    return generate_tokens(model, head, PROMPT, options, max_tokens=count, stop_ids=frozenset())


@pytest.mark.slow
def test_handing_a_step_over_after_the_last_one_changes_nothing(model, monkeypatch):
    expected = [token.id for token in generate(model, 30)]
    assert len(set(expected)) > 5
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    assert [token.id for token in generate(model, 30)] == expected


@pytest.mark.slow
@pytest.mark.parametrize("device", [mx.cpu, mx.gpu])
def test_the_cache_stays_in_place(model, monkeypatch, device):
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(device))
    of_a_layer = len(PROMPT) * KV_HEADS * HEAD_DIM * 4
    tokens = generate(model, 40)
    for _ in range(3):
        next(tokens)
    held = mx.get_active_memory()
    assert held > 2 * LAYERS * of_a_layer
    mx.reset_peak_memory()
    assert sum(1 for _ in tokens) == 37
    assert mx.get_peak_memory() - held < of_a_layer
