"""The cache of a batch against the model without any cache."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.lm.cache import BatchCache, make_caches
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
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
    max_position_embeddings=600,
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


def step(cache, rows, new):
    """Append one id to every row; returns how far the logits are from those without a cache."""
    logits = np.array(MODEL(mx.array(new)[:, None], cache.step())[:, -1])
    worst = 0.0
    for row, token, mine in zip(rows, new, logits, strict=True):
        row.append(token)
        worst = max(worst, np.abs(np.array(MODEL(mx.array(row)[None])[0, -1]) - mine).max())
    return worst


@examples(25)
@given(st.data())
def test_rows_that_come_go_and_grow_keep_their_own_past(data):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cache, rows = BatchCache(ARGS.num_layers), []
    for _ in range(data.draw(st.integers(1, 4))):
        order = data.draw(st.permutations(range(len(rows))))
        keep = order[: data.draw(st.integers(0, len(rows)))]
        lengths = data.draw(st.lists(st.integers(1, 30), min_size=0 if keep else 1, max_size=3))
        prompts = [random.integers(0, 64, length).tolist() for length in lengths]
        cache.regroup(keep, [filled(prompt) for prompt in prompts])
        rows = [rows[n] for n in keep] + prompts
        for _ in range(data.draw(st.integers(0, 4))):
            assert step(cache, rows, random.integers(0, 64, len(rows)).tolist()) <= 1e-4


def test_a_batch_grows_across_blocks():
    random = np.random.default_rng(0)
    rows = [random.integers(0, 64, length).tolist() for length in (250, 3, 254)]
    cache = BatchCache(ARGS.num_layers)
    cache.regroup([], [filled(row) for row in rows])
    for _ in range(8):
        assert step(cache, rows, random.integers(0, 64, 3).tolist()) <= 1e-4


def test_when_the_longest_leaves_its_room_goes_too():
    cache = BatchCache(ARGS.num_layers)
    cache.regroup([], [filled([1] * 300), filled([2] * 10)])
    assert [layer.offset.tolist() for layer in cache.step()] == [[300, 10]] * ARGS.num_layers
    cache.regroup([1], [])
    layer = cache.step()[0]
    assert layer.offset.tolist() == [10]
    keys, _ = layer.update(*[mx.zeros((1, ARGS.num_kv_heads, 1, ARGS.head_dim))] * 2)
    assert keys.shape[2] == 11


def test_rows_of_equal_length_need_no_mask():
    cache = BatchCache(ARGS.num_layers)
    cache.regroup([], [filled([1] * 7), filled([2] * 7)])
    assert cache.step()[0].visible is None
    cache.regroup([0, 1], [filled([3] * 9)])
    assert cache.step()[0].visible[:, 0, 0].tolist() == [[False] * 2 + [True] * 8] * 2 + [[True] * 10]
