"""Streams that share a batch without knowing of each other."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.lm import pool as pool_module
from gpa_mlx.lm.batch import BatchRequest
from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.pool import DecodingPool
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
from gpa_mlx.runtime.cancellation import CancelledError, CancelScope, cancellable
from gpa_mlx.types import GenerationOptions

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


class Counted:
    """Passes calls on to a decoder, counts the rows of its steps, and fails when it is told to."""

    def __init__(self, decoder):
        self.decoder, self.rows, self.fails = decoder, [], False

    def __call__(self, ids, caches, *, embeddings=None):
        if self.fails:
            raise RuntimeError("out of luck")
        if ids.shape[1] == 1:
            self.rows.append(ids.shape[0])
        return self.decoder(ids, caches)


@pytest.fixture
def model():
    mx.random.seed(0)
    return Qwen3(ARGS)


@pytest.fixture
def heads(model):
    """One that draws what another cannot; the decoder is then watched."""
    heads = SlicedHead(model.output_layer, [(4, 30)]), SlicedHead(model.output_layer, [(30, 60)])
    model.model = Counted(model.model)
    return heads


def request(seed, length=5, max_tokens=9, **options):
    prompt = np.random.default_rng(seed).integers(0, 64, length).tolist()
    chosen = GenerationOptions(seed=seed, **options)
    return BatchRequest(prompt=prompt, options=chosen, max_tokens=max_tokens, stop_ids=frozenset({7, 33}))


REQUESTS = [
    request(1, 20, 30, temperature=0.9, repetition_penalty=1.2),
    request(2, 3, 12),
    request(3, 258, 25, temperature=0.9, repetition_penalty=1.2),
    request(4, 40, 40, temperature=1.3, top_p=0.8),
]


def alone(model, head, one):
    tokens = generate_tokens(model, head, one.prompt, one.options, max_tokens=one.max_tokens, stop_ids=one.stop_ids)
    return [token.id for token in tokens]


def test_sequences_of_all_heads_and_options_give_what_they_give_alone(model, heads):
    expected = [alone(model, heads[n % 2], one) for n, one in enumerate(REQUESTS)]
    pool = DecodingPool(model)
    streams = [pool.begin(one, heads[n % 2]) for n, one in enumerate(REQUESTS)]
    turns = zip_longest(*streams)
    found = [[token.id for token in column if token is not None] for column in zip(*turns, strict=True)]
    assert found == expected
    assert [stream.finish_reason for stream in streams] == [
        "stop" if ids[-1] in (7, 33) else "length" for ids in expected
    ]


def test_who_needs_an_id_computes_one_for_all(model, heads):
    pool = DecodingPool(model)
    first, second = (pool.begin(request(n, max_tokens=6), heads[0]) for n in (11, 12))
    model.model.rows.clear()
    one = [token.id for token in first]
    assert len(model.model.rows) <= 6
    assert max(model.model.rows) == 2
    done = len(model.model.rows)
    other = [token.id for token in second]
    assert len(model.model.rows) - done <= 6 - len(one) + 1
    assert [one, other] == [alone(model, heads[0], request(n, max_tokens=6)) for n in (11, 12)]


def test_one_that_comes_later_and_one_that_is_closed_disturb_nobody(model, heads):
    pool = DecodingPool(model)
    stays = pool.begin(REQUESTS[0], heads[0])
    leaves = pool.begin(REQUESTS[3], heads[0])
    begun = [next(stays).id, next(leaves).id, next(stays).id]
    late = pool.begin(REQUESTS[2], heads[0])
    leaves.close()
    assert list(leaves) == []
    rest = [token.id for token in stays]
    assert [begun[0], begun[2], *rest] == alone(model, heads[0], REQUESTS[0])
    assert [token.id for token in late] == alone(model, heads[0], REQUESTS[2])


def test_a_step_that_fails_ends_all_and_the_next_ones_work(model, heads):
    pool = DecodingPool(model)
    first, second = (pool.begin(request(n, max_tokens=9), heads[0]) for n in (11, 12))
    next(first)
    model.model.fails = True
    with pytest.raises(RuntimeError, match="out of luck"):
        deplete(first)
    with pytest.raises(RuntimeError, match="out of luck"):
        deplete(second)
    model.model.fails = False
    assert [token.id for token in pool.begin(REQUESTS[1], heads[1])] == alone(model, heads[1], REQUESTS[1])


def deplete(tokens):
    for _ in tokens:
        pass


def test_when_memory_is_short_they_wait(model, heads, monkeypatch):
    pool = DecodingPool(model)
    tokens = pool.begin(REQUESTS[0], heads[0])
    found = [next(tokens).id]

    def refuse():
        raise GPAError("too much")

    with monkeypatch.context() as patch:
        patch.setattr(pool_module, "check_use", refuse)
        with pytest.raises(GPAError, match="too much"):
            next(tokens)
    assert found + [token.id for token in tokens] == alone(model, heads[0], REQUESTS[0])


def test_a_reader_that_is_cancelled_stops_and_the_others_go_on(model, heads):
    pool, scope = DecodingPool(model), CancelScope()
    first, second = (pool.begin(one, heads[0]) for one in (REQUESTS[0], REQUESTS[3]))
    scope.cancel()
    with cancellable(scope), pytest.raises(CancelledError):
        next(first)
    first.close()
    assert [token.id for token in second] == alone(model, heads[0], REQUESTS[3])
