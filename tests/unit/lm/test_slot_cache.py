"""The cache of a batch against the model without any cache."""

from __future__ import annotations

import gc
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.lm.batch import Batch, BatchRequest
from gpa_mlx.lm.cache import make_caches
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.slot_cache import SlotCache
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions
from tests.support.examples import examples

ARGS = Qwen3Args(
    hidden_size=32,
    intermediate_size=48,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=16,
    rms_norm_eps=1e-6,
    rope_theta=10_000.0,
    vocab_size=64,
    max_position_embeddings=1000,
    tie_word_embeddings=True,
    attention_bias=False,
)


def random_model() -> Qwen3:
    mx.random.seed(3)
    return Qwen3(ARGS)


MODEL = random_model()


def filled(ids):
    caches = make_caches(ARGS.num_layers)
    MODEL(mx.array(ids)[None], caches)
    return caches


def step(cache, rows, random):
    """Append an id to every row; returns how far the logits are from those without a cache."""
    order = cache.prepare()
    assert sorted(order) == sorted(rows)
    new = random.integers(0, 64, len(order)).tolist()
    logits = np.array(MODEL(mx.array(new)[:, None], cache.step())[:, -1])
    worst = 0.0
    for name, token, mine in zip(order, new, logits, strict=True):
        rows[name] = [*rows[name], token]
        worst = max(worst, np.abs(np.array(MODEL(mx.array(rows[name])[None])[0, -1]) - mine).max())
    return worst


@examples(30)
@given(st.data())
def test_sequences_that_come_go_and_grow_keep_their_own_past(data):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cache, rows = SlotCache(ARGS.num_layers, (8, 16, 64)), {}
    for name in range(data.draw(st.integers(1, 7))):
        if rows and data.draw(st.booleans()):
            leaving = data.draw(st.sampled_from(sorted(rows)))
            cache.leave(leaving)
            del rows[leaving]
        rows[name] = random.integers(0, 64, data.draw(st.integers(1, 30))).tolist()
        cache.join(name, filled(rows[name]))
        for _ in range(data.draw(st.integers(0, 5))):
            assert step(cache, rows, random) <= 1e-4


def test_a_sequence_grows_through_the_classes():
    random = np.random.default_rng(0)
    rows = {0: [1, 2, 3], 1: [4] * 8, 2: [5, 6]}
    cache = SlotCache(ARGS.num_layers, (4, 8, 16))
    for name, row in rows.items():
        cache.join(name, filled(row))
    assert cache.names == [0, 2, 1]
    for _ in range(5):
        assert step(cache, rows, random) <= 1e-4
    assert sorted(map(len, rows.values())) == [7, 8, 13]


def test_what_has_left_takes_no_memory():
    cache = SlotCache(ARGS.num_layers)
    cache.join(0, filled([1] * 5))
    mx.synchronize()
    gc.collect()  # what other tests left is freed now, or not before the end
    before = mx.get_active_memory()
    for name in range(1, 9):
        cache.join(name, filled([1] * 300))
    assert mx.get_active_memory() - before > 1_000_000
    for name in range(1, 9):
        cache.leave(name)
    assert mx.get_active_memory() <= before


@pytest.mark.parametrize("device", [mx.cpu, mx.gpu])
def test_nothing_of_the_past_is_copied_by_a_step(monkeypatch, device):
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(device))
    random = np.random.default_rng(0)
    prompts = {name: random.integers(0, 64, 520 + name).tolist() for name in range(6)}
    batch, head = Batch(MODEL), SlicedHead(MODEL.output_layer, [(0, 64)])
    for name, prompt in prompts.items():
        request = BatchRequest(prompt=prompt, options=GenerationOptions(), max_tokens=70, stop_ids=frozenset())
        deque(batch.join(name, request, head), maxlen=0)
    buffer = 8 * 1024 * ARGS.num_kv_heads * ARGS.head_dim * 4  # of one layer's keys
    for _ in range(3):
        batch.step()
    held = mx.get_active_memory()
    mx.reset_peak_memory()
    for _ in range(40):
        batch.step()
    assert mx.get_peak_memory() - held < buffer
