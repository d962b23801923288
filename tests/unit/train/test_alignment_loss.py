"""The head that asks what is being said."""

from __future__ import annotations

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss, AlignmentLossConfig
from gpa_mlx.train.language_model.batches import collate
from gpa_mlx.train.language_model.corpus import UNKNOWN, Example
from gpa_mlx.train.language_model.fit import fit
from gpa_mlx.train.language_model.sequence_loss import loss_with_alignment, summed_loss
from gpa_mlx.train.language_model.training_run import FitConfig

CONFIG = AlignmentLossConfig(vocabulary_size=3, max_words=2, index_layer=1, word_layer=2)


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def alignment_loss(model):
    mx.random.seed(3)
    return AlignmentLoss(CONFIG, model.args.hidden_size)


def example(alignment, text_word_indices=None, length=12, start=5, seed=0):
    ids = np.random.default_rng(seed).integers(0, 32, length).astype(np.int32)
    return Example(task="tts-a", ids=ids, target_start=start, alignment=alignment, text_word_indices=text_word_indices)


KNOWN = np.array([[1, 1, 3]] * 3 + [[3, 2, 0]] * 3 + [[0, 0, 0]], dtype=np.int32)
READ = np.array([UNKNOWN, 1, UNKNOWN, 2, UNKNOWN], dtype=np.int32)


def test_without_labels_it_adds_nothing(model, alignment_loss):
    batch = collate([example(None)])
    assert loss_with_alignment(model, batch, alignment_loss).item() == pytest.approx(
        summed_loss(model, batch).item(), rel=1e-6
    )


def added(model, alignment_loss, row):
    batch = collate([row])
    return loss_with_alignment(model, batch, alignment_loss).item() - summed_loss(model, batch).item()


def test_it_adds_the_weighted_cross_entropies_of_what_is_known(model, alignment_loss):
    first = model.model.layers[0](model.model.embed_tokens(mx.array(example(KNOWN).ids[None, :-1])), None)
    second = model.model.layers[1](first, None)
    places, words = (mx.fast.rms_norm(states[0], None, 1e-6) for states in (first, second))
    labels = mx.array(KNOWN)

    def entropy(head, states, answers):
        return nn.losses.cross_entropy(head(states), answers, reduction="sum").item()

    spoken = (
        0.3 * entropy(alignment_loss.word, words[4:], labels[:, 0])
        + 0.15 * entropy(alignment_loss.word_index, places[4:], labels[:, 1])
        + 0.3 * entropy(alignment_loss.next_word, words[4:], labels[:, 2])
    )
    read = entropy(alignment_loss.word_index, places[mx.array([1, 3])], mx.array([1, 2]))
    assert added(model, alignment_loss, example(KNOWN)) == pytest.approx(spoken, rel=1e-4)
    assert added(model, alignment_loss, example(KNOWN, READ)) == pytest.approx(spoken + read, rel=1e-4)
    assert added(model, alignment_loss, example(None, READ)) == pytest.approx(read, rel=1e-4)
    half = KNOWN.copy()
    half[4:] = UNKNOWN
    assert 0 < added(model, alignment_loss, example(half)) < spoken


def test_labels_stay_with_their_rows_in_a_batch(model, alignment_loss):
    rows = [
        example(KNOWN, READ),
        example(None, length=20, start=3, seed=1),
        example(KNOWN[:4], READ, length=9, seed=2),
    ]
    together = loss_with_alignment(model, collate(rows), alignment_loss).item()
    assert together == pytest.approx(
        sum(loss_with_alignment(model, collate([row]), alignment_loss).item() for row in rows), rel=1e-4
    )


def test_a_guided_run_trains_the_guide_resumes_and_returns_the_model_alone(model, alignment_loss, tmp_path):
    examples = [example(KNOWN, seed=seed) for seed in range(8)]
    settings = {"learning_rate": 1e-2, "batch_tokens": 48, "save_every_steps": 1}
    before = np.array(alignment_loss.word.weight)
    names = {name for name, _ in tree_flatten(model.trainable_parameters())}
    result = fit(model, examples, FitConfig(steps=4, **settings), tmp_path / "run", alignment_loss=alignment_loss)
    assert set(result.weights) == names
    assert not np.array_equal(np.array(alignment_loss.word.weight), before)
    again = fit(
        model, examples, FitConfig(steps=4, **settings), tmp_path / "run", resume=True, alignment_loss=alignment_loss
    )
    for name, weight in result.weights.items():
        np.testing.assert_array_equal(np.array(weight), np.array(again.weights[name]))
