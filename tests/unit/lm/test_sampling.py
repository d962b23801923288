from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.errors import SettingsError
from gpa_mlx.lm.sampling import Sampler, check_options, process_logits, seen_rows
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions
from tests.support.examples import examples

OFF = GenerationOptions(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0)
INF = math.inf


def processed(logits: list, seen: list | None = None, **options) -> list:
    return process_logits(
        mx.array(logits, dtype=mx.float32), replace(OFF, **options), seen_rows(seen or [], len(logits))
    ).tolist()


def many(count: int, size: int, prompt_rows: tuple[int, ...] = (), **options) -> Sampler:
    """Return a sampler of many sequences with the seeds from 0 on."""
    samplers = [Sampler(replace(OFF, seed=seed, **options), size, prompt_rows) for seed in range(count)]
    while len(samplers) > 1:
        pairs = zip(samplers[::2], samplers[1::2], strict=True)
        samplers = [first for first, second in pairs if first.join(second) is None]
    return samplers[0]


def approx(values: list) -> object:
    return pytest.approx(values, rel=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": INF},
        {"temperature": 1e-30},
        {"temperature": "1"},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_p": math.nan},
        {"top_k": -1},
        {"top_k": 1.5},
        {"top_k": True},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": -1.0},
        {"repetition_penalty": math.nan},
        {"repetition_penalty": INF},
        {"max_tokens": 0},
        {"max_tokens": 2.5},
        {"seed": -1},
        {"seed": 2**64},
    ],
)
def test_unusable_option_is_named(wrong):
    options = replace(OFF, **wrong)
    for check in (check_options, lambda wrong_options: Sampler(wrong_options, 2)):
        with pytest.raises(SettingsError, match=next(iter(wrong))) as caught:
            check(options)
        assert caught.value.hint


@pytest.mark.parametrize(
    "fine",
    [{}, {"temperature": 0}, {"top_p": 1}, {"top_p": 1e-9}, {"seed": 0}, {"seed": 2**64 - 1}, {"max_tokens": 1}],
)
def test_border_values_are_usable(fine):
    Sampler(replace(OFF, **fine), 2)(mx.array([[0.0, 1.0]])).item()


def test_penalty_divides_positive_and_multiplies_negative():
    assert processed([3.0, -3.0, 0.0, 3.0, -3.0], [0, 1, 2], repetition_penalty=1.5) == approx([2, -4.5, 0, 3, -3])


def test_penalty_counts_a_repeated_row_once():
    once = processed([3.0, -3.0, 1.0], [0, 1], repetition_penalty=1.2)
    assert processed([3.0, -3.0, 1.0], [0, 1, 0, 0, 1], repetition_penalty=1.2) == once


def test_penalty_comes_before_temperature_and_top_k():
    # Without the penalty row 0 would be the best; with it row 1 is, and only row 1 survives top_k = 1.
    scores = processed([3.0, 2.9, 1.0], [0], repetition_penalty=2.0, temperature=0.5, top_k=1)
    assert scores == approx([-INF, 5.8, -INF])


def test_temperature_comes_before_top_p():
    logits = [math.log(0.5), math.log(0.3), math.log(0.2)]
    assert [math.isinf(s) for s in processed(logits, top_p=0.75)] == [False, False, True]
    # Sharpened to about (0.66, 0.24, 0.10), the second row is still needed; at 0.2 the first alone is enough.
    assert [math.isinf(s) for s in processed(logits, top_p=0.75, temperature=0.2)] == [False, True, True]


def test_greedy_ignores_everything_but_the_penalty():
    options = {"temperature": 0.0, "top_k": 1, "top_p": 0.1, "repetition_penalty": 2.0}
    assert processed([4.0, 3.0, 1.0], [0], **options) == approx([2, 3, 1])


def test_top_k_keeps_everything_tied_with_the_last():
    assert processed([5, 4, 4, 4, 3], top_k=2) == [5, 4, 4, 4, -INF]
    assert processed([5, 4, 4, 4, 3], top_k=1) == [5, -INF, -INF, -INF, -INF]
    assert processed([1, 1, 1], top_k=1) == [1, 1, 1]


@pytest.mark.parametrize("rows", [2048, 2049, 8194])
@pytest.mark.parametrize("k", [1, 50, 1023, 1024])
def test_top_k_of_many_rows_is_that_of_a_sort(rows, k):
    # Few different values, so that many are tied; all of the best in one block, and in all.
    for seed, spread in ((0, 3), (1, 3000)):
        logits = np.random.default_rng(seed).integers(0, spread, (2, rows)).astype(np.float32)
        logits[1].sort()
        kept = np.array(process_logits(mx.array(logits), GenerationOptions(temperature=1, top_k=k), None)) > -np.inf
        worst = -np.sort(-logits, axis=-1)[:, k - 1 : k]
        assert np.array_equal(kept, logits >= worst)


@pytest.mark.parametrize("k", [0, 3, 4, 1000])
def test_top_k_of_all_or_more_keeps_all(k):
    assert processed([1, 3, 2], top_k=k) == [1, 3, 2]


def test_top_p_keeps_the_smallest_sufficient_set():
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    for top_p, kept in [(0.39, {1}), (0.41, {1, 3}), (0.69, {1, 3}), (0.71, {1, 2, 3}), (0.91, {0, 1, 2, 3})]:
        scores = processed(logits, top_p=top_p)
        assert {row for row, score in enumerate(scores) if score > -INF} == kept
        assert all(scores[row] == approx(logits[row]) for row in kept)


def test_tiny_top_p_keeps_the_best():
    assert processed([1.0, 2.0, 1.5], top_p=1e-9) == [-INF, 2.0, -INF]


def test_removed_rows_stay_removed():
    assert processed([-INF, 2.0, 1.0], [0, 1], repetition_penalty=2.0, top_k=3, top_p=0.999) == [-INF, 1, 1]


def test_batch_rows_are_independent():
    rng = np.random.default_rng(0)
    logits = mx.array(rng.normal(size=(3, 40)).astype(np.float32))
    seen = mx.array(rng.random((3, 40)) < 0.3)
    options = replace(OFF, temperature=0.7, top_k=9, top_p=0.8, repetition_penalty=1.3)
    together = process_logits(logits, options, seen)
    for n in range(3):
        assert together[n].tolist() == process_logits(logits[n], options, seen[n]).tolist()


def test_half_precision_logits_are_processed_in_float32():
    scores = process_logits(mx.array([1.0, 2.0], dtype=mx.bfloat16), replace(OFF, temperature=0.3), None)
    assert scores.dtype == mx.float32
    assert scores.tolist() == approx([1 / 0.3, 2 / 0.3])


@examples(40)
@given(st.data())
def test_a_slice_of_the_vocabulary_is_processed_like_the_whole(data):
    size = data.draw(st.integers(2, 30))
    logits = np.array(data.draw(st.lists(st.integers(-40, 40), min_size=size, max_size=size)), dtype=np.float32) / 4
    ids = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    seen = data.draw(st.lists(st.integers(0, size - 1), min_size=1))
    options = {"repetition_penalty": 1.2, "temperature": 0.2}
    whole = processed(logits.tolist(), seen, **options)
    rows = [ids.index(token_id) for token_id in seen if token_id in ids]
    assert processed(logits[ids].tolist(), rows, **options) == [whole[token_id] for token_id in ids]


def test_greedy_takes_the_lowest_of_tied_rows():
    sampler = many(2, 4, temperature=0.0)
    tokens = sampler(mx.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 1.0]]))
    assert (tokens.shape, tokens.dtype, tokens.tolist()) == ((2,), mx.int32, [1, 3])


def test_sampler_remembers_prompt_and_generated_rows():
    logits = mx.array([[4.0, 3.9, 3.5, -1.0]])
    greedy = replace(OFF, temperature=0.0, repetition_penalty=1.2)
    fresh = Sampler(greedy, 4)
    assert [fresh(logits).item() for _ in range(5)] == [0, 1, 2, 0, 0]
    prompted = Sampler(greedy, 4, [0, 0])
    assert [prompted(logits).item() for _ in range(3)] == [1, 2, 0]


def test_sampler_remembers_per_batch_item():
    logits = mx.array([[4.0, 3.9, 0.0], [0.0, 3.9, 4.0]])
    sampler = many(2, 3, temperature=0.0, repetition_penalty=1.2)
    assert [sampler(logits).tolist() for _ in range(3)] == [[0, 2], [1, 1], [0, 2]]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_sequences_that_come_and_go_draw_what_they_draw_alone(temperature):
    options = {"temperature": temperature, "repetition_penalty": 1.3, "top_k": 20, "top_p": 0.9}
    logits = np.random.default_rng(0).normal(size=(9, 4, 50)).astype(np.float32)
    alone = [Sampler(replace(OFF, seed=seed, **options), 50) for seed in range(4)]
    expected = np.array([[each(mx.array(step[n : n + 1])).item() for n, each in enumerate(alone)] for step in logits])
    together = many(4, 50, **options)
    assert np.array_equal([together(mx.array(step)) for step in logits[:3]], expected[:3])
    together.keep([2, 0])
    assert np.array_equal([together(mx.array(step[[2, 0]])) for step in logits[3:5]], expected[3:5, [2, 0]])
    late = Sampler(replace(OFF, seed=1, **options), 50)
    for step in logits[:5]:
        late(mx.array(step[1:2]))
    together.join(late)
    assert np.array_equal([together(mx.array(step[[2, 0, 1]])) for step in logits[5:]], expected[5:, [2, 0, 1]])


def draws(seed: int | None, steps: int = 40) -> list[int]:
    logits = mx.array(np.linspace(0, 1, 500, dtype=np.float32))[None]
    sampler = Sampler(replace(OFF, seed=seed, repetition_penalty=1.2), 500, [3, 4])
    return [sampler(logits).item() for _ in range(steps)]


def test_same_seed_same_draws():
    assert draws(7) == draws(7)
    assert draws(7) != draws(8)
    assert draws(7) != draws(2**32 + 7)


def test_without_a_seed_every_generation_differs():
    assert draws(None) != draws(None)


def test_global_random_state_is_neither_used_nor_touched():
    mx.random.seed(1)
    first = draws(7)
    untouched = mx.random.uniform().item()
    mx.random.seed(2)
    assert draws(7) == first
    mx.random.seed(1)
    assert mx.random.uniform().item() == untouched


def chi_square(observed: np.ndarray, expected: np.ndarray) -> float:
    return float(((observed - expected) ** 2 / expected).sum())


def test_draws_follow_the_processed_distribution():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=50).astype(np.float32)
    options = {"temperature": 0.8, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.2}
    seen = (1, 5, 9)
    scores = np.array(process_logits(mx.array(logits), replace(OFF, **options), seen_rows(seen, 50)))
    probabilities = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    kept = probabilities > 0
    assert 5 < kept.sum() <= 20
    n = 1 << 13
    tokens = np.array(many(n, 50, seen, **options)(mx.broadcast_to(mx.array(logits), (n, 50))))
    counts = np.bincount(tokens, minlength=50)
    assert counts[~kept].sum() == 0
    degrees = kept.sum() - 1
    # Mean of the statistic is `degrees`, its standard deviation sqrt(2 degrees).
    assert chi_square(counts[kept], n * probabilities[kept]) < degrees + 4 * math.sqrt(2 * degrees)
    wrong = np.roll(probabilities[kept], 1)
    assert chi_square(counts[kept], n * wrong) > degrees + 20 * math.sqrt(2 * degrees)


def test_consecutive_steps_are_independent():
    n, rows = 1 << 13, 4
    sampler = many(n, rows)
    logits = mx.zeros((n, rows))
    pairs = np.array(sampler(logits)) * rows + np.array(sampler(logits))
    counts = np.bincount(pairs, minlength=rows * rows)
    assert chi_square(counts, np.full(rows * rows, n / rows**2)) < 15 + 4 * math.sqrt(30)
