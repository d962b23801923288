"""Several token streams at once give what each gives alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import InputTooLongError, SettingsError
from gpa_mlx.lm.batch import BatchRequest
from gpa_mlx.lm.generate import generate_tokens
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.pool import BatchGenerator, DecodingPool
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions
from tests.support.examples import examples

PROMPTS = ["stt_slt", "stt_rms", "stt_chirp", "tts_en_rms", "tts_zh_slt", "vc_cmn_slt", "vc_slt_rms"]
GREEDY = GenerationOptions()
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
SHAPES = [
    ARGS,
    replace(ARGS, num_layers=1, num_heads=3, num_kv_heads=1, head_dim=8, hidden_size=24, attention_bias=True),
    replace(ARGS, num_heads=8, num_kv_heads=8, head_dim=4, tie_word_embeddings=False, rope_theta=1e6),
]


class CountedDecoder:
    """Records how many rows and positions a decoder is asked for."""

    def __init__(self, decoder):
        self.decoder, self.calls = decoder, []

    def __call__(self, ids, caches, *, embeddings=None):
        self.calls.append(ids.shape)
        return self.decoder(ids, caches)

    @property
    def steps(self):
        """The rows of each step after the prompts."""
        return [rows for rows, length in self.calls if length == 1]


@cache
def random_model(shape):
    mx.random.seed(shape)
    model = Qwen3(SHAPES[shape])
    return model, SlicedHead(model.output_layer, [(4, 60)])


def counted():
    """Return model, head, and the record of what the model is asked for."""
    mx.random.seed(0)
    model = Qwen3(ARGS)
    head = SlicedHead(model.output_layer, [(4, 60)])
    model.model = record = CountedDecoder(model.model)
    return model, head, record


def request(length=5, max_tokens=8, stop_ids=(), seed=0, **options):
    prompt = np.random.default_rng(seed).integers(0, 64, length).tolist()
    chosen = GenerationOptions(seed=seed, **options)
    return BatchRequest(prompt=prompt, options=chosen, max_tokens=max_tokens, stop_ids=frozenset(stop_ids))


def alone(model, head, one):
    tokens = generate_tokens(model, head, one.prompt, one.options, max_tokens=one.max_tokens, stop_ids=one.stop_ids)
    return [token.id for token in tokens]


def gathered(tokens):
    """Ids per request; checks that a reason comes exactly with the last id."""
    ids, reasons = {}, {}
    for item in tokens:
        assert item.index not in reasons
        ids.setdefault(item.index, []).append(item.token.id)
        if item.finish_reason is not None:
            reasons[item.index] = item.finish_reason
    return ids, reasons


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3, 7])
@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_ids_equal_the_reference(parts, golden, rows, penalty):
    recorded, name = golden("llm"), "greedy" if penalty == 1.0 else "greedy_rp12"
    prompts = PROMPTS if rows > 1 else PROMPTS[-2:]
    for stop_ids, suffix in ((frozenset({parts.layout.im_end}), ""), (frozenset(), "_noeos")):
        requests = [
            BatchRequest(
                prompt=recorded[f"{case}|prompt_ids"].tolist(),
                options=GenerationOptions(repetition_penalty=penalty, constrain=False),
                max_tokens=64,
                stop_ids=stop_ids,
            )
            for case in prompts
        ]
        ids, _ = gathered(BatchGenerator(DecodingPool(parts.language_model), parts.full_head, requests, rows=rows))
        assert [ids[n] for n in range(len(prompts))] == [
            recorded[f"{case}|{name}{suffix}"].tolist() for case in prompts
        ]


@pytest.mark.slow
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_every_row_draws_what_it_draws_alone(shape):
    model, head = random_model(shape)
    requests = [
        request(7, 40, temperature=1.0, top_k=0, seed=1),
        request(40, 25, repetition_penalty=1.3, seed=2),
        request(1, 60, temperature=0.8, top_k=10, top_p=0.9, repetition_penalty=1.2, seed=3, stop_ids=[9, 17]),
        request(255, 12, temperature=0.5, seed=2**64 - 1),
        request(20, 1, temperature=1.0, seed=5),
        request(33, 33, temperature=1.5, top_p=0.5, seed=1),
        request(257, 30, temperature=1.0, seed=6),
    ]
    expected = [alone(model, head, one) for one in requests]
    for rows in (3, 8):
        ids, _ = gathered(BatchGenerator(DecodingPool(model), head, requests, rows=rows))
        assert [ids[n] for n in range(len(requests))] == expected


# Always the same examples: where two ids are almost equally good, rounding may choose.
@pytest.mark.slow
@examples(20, derandomize=True)
@given(st.data())
def test_ragged_prompts_and_budgets_do_not_disturb_each_other(data):
    model, head = random_model(data.draw(st.integers(0, len(SHAPES) - 1)))
    lengths = st.one_of(st.integers(1, 40), st.integers(250, 260))
    requests = [
        request(
            data.draw(lengths),
            data.draw(st.integers(1, 20)),
            data.draw(st.sets(st.integers(4, 59), max_size=8)),
            seed=data.draw(st.integers(0, 2**32)),
            temperature=data.draw(st.sampled_from([0.0, 0.7])),
            repetition_penalty=data.draw(st.sampled_from([1.0, 1.2])),
        )
        for _ in range(data.draw(st.integers(1, 9)))
    ]
    ids, reasons = gathered(BatchGenerator(DecodingPool(model), head, requests, rows=data.draw(st.integers(1, 5))))
    for n, one in enumerate(requests):
        assert ids[n] == alone(model, head, one)
        assert reasons[n] == ("stop" if ids[n][-1] in one.stop_ids else "length")


def test_ids_of_all_rows_come_in_turns():
    model, head = random_model(0)
    tokens = BatchGenerator(DecodingPool(model), head, [request(seed=n, max_tokens=3) for n in range(3)])
    assert [item.index for item in tokens] == [0, 1, 2] * 3


def test_all_rows_share_a_step_and_a_row_that_ended_is_left_out():
    model, head, record = counted()
    budgets = [2, 6, 6, 4]
    ids, _ = gathered(BatchGenerator(DecodingPool(model), head, [request(max_tokens=budget) for budget in budgets]))
    assert [len(ids[n]) for n in range(4)] == budgets
    # One row too many for the step that was begun before the end was known.
    assert record.steps == [4, 4, 3, 3, 2]


def test_a_waiting_sequence_takes_the_place_of_one_that_ended():
    model, head, record = counted()
    taken = []

    def requests():
        for n, budget in enumerate([2, 7, 4, 1]):
            taken.append(n)
            yield request(max_tokens=budget, seed=n)

    tokens = BatchGenerator(DecodingPool(model), head, requests(), rows=2)
    assert taken == []
    seen = [(item.index, len(taken)) for item in tokens]
    assert [count for index, count in seen if index == 0] == [2, 2]
    assert [index for index, _ in seen] == [0, 1, 0, 1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 3]
    assert record.steps == [2, 2, 2, 2, 2, 2]


def test_the_next_step_is_begun_before_an_id_is_handed_out():
    model, head, record = counted()
    tokens = BatchGenerator(DecodingPool(model), head, [request(), request()])
    next(tokens)
    assert record.calls == [(1, 5), (1, 5), (2, 1)]


def test_a_cancelled_sequence_ends_and_the_others_do_not_notice():
    model, head, record = counted()
    requests = [request(n + 3, 10, temperature=1.0, seed=n) for n in range(4)]
    expected = [alone(model, head, one) for one in requests]
    record.calls.clear()
    tokens = BatchGenerator(DecodingPool(model), head, requests, rows=3)
    ids = {}
    for item in tokens:
        ids.setdefault(item.index, []).append(item.token.id)
        if item.index == 0 and len(ids[0]) == 3:
            tokens.cancel(1)
            tokens.cancel(3)
    assert ids == {0: expected[0], 1: expected[1][:2], 2: expected[2]}
    assert record.steps == [3, 3, 3, 2, 2, 2, 2, 2, 2]
    assert (1, 6) not in record.calls


def test_when_all_are_cancelled_it_ends():
    model, head, record = counted()
    tokens = BatchGenerator(DecodingPool(model), head, [request(), request()])
    next(tokens)
    tokens.cancel(0)
    tokens.cancel(1)
    assert list(tokens) == []
    assert record.steps == [2]


def test_closing_ends_everything_and_frees_the_caches():
    model, head = random_model(0)
    pool = DecodingPool(model)
    mx.eval(model.parameters())
    before = mx.get_active_memory()
    tokens = BatchGenerator(pool, head, [request(), request()])
    next(tokens)
    assert mx.get_active_memory() > before + 10_000
    tokens.close()
    assert mx.get_active_memory() < before + 10_000
    assert list(tokens) == []


def test_nothing_asked_nothing_given():
    model, head = random_model(0)
    assert list(BatchGenerator(DecodingPool(model), head, [])) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(request(590, 11), InputTooLongError), (request(top_p=0.0, temperature=1.0), SettingsError)],
)
def test_an_unusable_request_is_refused_when_it_is_taken(wrong, error):
    model, head = random_model(0)
    tokens = BatchGenerator(DecodingPool(model), head, [request(max_tokens=2), wrong], rows=1)
    assert [item.index for item in islice(tokens, 2)] == [0, 0]
    with pytest.raises(error):
        next(tokens)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_requests():
    model, head = random_model(0)

    def peak(count):
        mx.clear_cache()
        mx.reset_peak_memory()
        before = mx.get_active_memory()
        for _ in BatchGenerator(DecodingPool(model), head, (request(200, 20, seed=n) for n in range(count)), rows=2):
            pass
        return mx.get_peak_memory() - before

    peak(2)
    assert peak(12) <= 1.3 * peak(3)
