import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx.utils import tree_flatten

from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.language_model import sequence_loss
from gpa_mlx.train.language_model.batches import (
    BatchStream,
    HistoryNoise,
    collate,
    count_batches,
    plan_epoch,
    target_tokens,
)
from gpa_mlx.train.language_model.sequence_loss import summed_loss


@given(st.lists(st.integers(2, 60), min_size=1, max_size=40), st.integers(1, 100), st.integers(0, 9))
def test_a_plan_uses_every_example_once_within_the_budget(lengths, budget, seed):
    plan = plan_epoch(lengths, budget, seed, epoch=0)
    assert sorted(number for batch in plan for number in batch) == list(range(len(lengths)))
    for batch in plan:
        assert batch
        assert len(batch) == 1 or len(batch) * max(lengths[number] for number in batch) <= budget
    assert plan == plan_epoch(lengths, budget, seed, epoch=0)


def test_batches_hold_similar_lengths_and_change_between_epochs():
    lengths = np.random.default_rng(0).integers(5, 500, 400).tolist()
    plans = [plan_epoch(lengths, 2000, 0, epoch) for epoch in range(2)]
    padded = sum(len(batch) * max(lengths[n] for n in batch) for batch in plans[0])
    assert padded < 1.2 * sum(lengths)
    assert plans[0] != plans[1]
    assert plans[0] != plan_epoch(lengths, 2000, 1, 0)


def test_a_stream_continues_where_another_stopped():
    lengths = list(range(5, 25))
    first = BatchStream(lengths, 60, seed=4)
    taken = [first.take() for _ in range(count_batches(lengths, 60, 4, epochs=2) + 1)]
    assert first.epoch == 2
    half = BatchStream(lengths, 60, seed=4)
    for _ in range(7):
        half.take()
    second = BatchStream(lengths, 60, seed=4, epoch=half.epoch, index=half.index)
    assert [second.take() for _ in taken[7:]] == taken[7:]


def naive_loss(model, examples):
    """One example at a time, all logits, no padding."""
    total = mx.array(0.0)
    for example in examples:
        ids = mx.array(example.ids)
        logits = model(ids[None])[0, example.target_start - 1 : -1]
        total = total + nn.losses.cross_entropy(logits, ids[example.target_start :], reduction="sum")
    return total


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("chunk", [1024, 7])
def test_loss_and_gradients_equal_the_plain_computation(tiny_model, tiny_examples, checkpointing, chunk, monkeypatch):
    monkeypatch.setattr(sequence_loss, "CHUNK", chunk)
    model = tiny_model()
    expected, wanted = nn.value_and_grad(model, lambda: naive_loss(model, tiny_examples))()
    model = tiny_model()
    batch = collate(tiny_examples)
    assert batch.targets.size == target_tokens(tiny_examples)
    loss, gradients = nn.value_and_grad(model, lambda: summed_loss(model, batch, checkpointing=checkpointing))()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-5)
    gradients = dict(tree_flatten(gradients))
    for name, gradient in tree_flatten(wanted):
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-3, atol=1e-4, err_msg=name)


def test_history_noise_changes_what_is_seen_and_nothing_that_is_predicted(tiny_examples):
    clean = collate(tiny_examples)
    noisy = collate(tiny_examples, HistoryNoise(1.0, np.random.default_rng(0)))
    assert np.array_equal(np.array(noisy.targets), np.array(clean.targets))
    assert np.array_equal(np.array(noisy.positions), np.array(clean.positions))
    seen, before = np.array(noisy.inputs), np.array(clean.inputs)
    assert (seen != before).any()
    for row, example in enumerate(tiny_examples):
        assert np.array_equal(seen[row, : example.target_start], before[row, : example.target_start])
        target = example.ids[example.target_start :]
        assert np.isin(seen[row, example.target_start : len(example.ids) - 1], target).all()
