"""The head that asks what is being said."""

from __future__ import annotations

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.backend import mx, nn
from gpa_mlx.train.batches import collate
from gpa_mlx.train.corpus import Example
from gpa_mlx.train.fit import FitConfig, fit
from gpa_mlx.train.guide import UNKNOWN, Guide, GuideConfig
from gpa_mlx.train.objective import guided_loss, summed_loss

CONFIG = GuideConfig(words=3, places=2, layer=1)


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def guide(model):
    mx.random.seed(3)
    return Guide(CONFIG, model.args.hidden_size)


def example(saying, length=12, start=5, seed=0):
    ids = np.random.default_rng(seed).integers(0, 32, length).astype(np.int32)
    return Example(task="tts-a", ids=ids, target_start=start, saying=saying)


KNOWN = np.array([[1, 1]] * 3 + [[3, 2]] * 3 + [[0, 0]], dtype=np.int32)


def test_without_labels_it_adds_nothing(model, guide):
    batch = collate([example(None)])
    assert guided_loss(model, batch, guide).item() == pytest.approx(summed_loss(model, batch).item(), rel=1e-6)


def test_it_adds_the_weighted_cross_entropies_of_what_is_known(model, guide):
    half = KNOWN.copy()
    half[4:] = UNKNOWN
    added = [
        guided_loss(model, batch, guide).item() - summed_loss(model, batch).item()
        for batch in (collate([example(KNOWN)]), collate([example(half)]))
    ]
    assert 0 < added[1] < added[0]
    x = model.model.layers[0](model.model.embed_tokens(mx.array(example(KNOWN).ids[None, :-1])), None)
    states = mx.fast.rms_norm(x[0, 4:], None, 1e-6)
    labels = mx.array(KNOWN)
    word = nn.losses.cross_entropy(guide.word(states), labels[:, 0], reduction="sum")
    place = nn.losses.cross_entropy(guide.place(states), labels[:, 1], reduction="sum")
    assert added[0] == pytest.approx((0.3 * word + 0.15 * place).item(), rel=1e-4)


def test_labels_stay_with_their_rows_in_a_batch(model, guide):
    rows = [example(KNOWN), example(None, length=20, start=3, seed=1), example(KNOWN[:4], length=9, seed=2)]
    together = guided_loss(model, collate(rows), guide).item()
    assert together == pytest.approx(sum(guided_loss(model, collate([row]), guide).item() for row in rows), rel=1e-4)


def test_a_guided_run_trains_the_guide_resumes_and_returns_the_model_alone(model, guide, tmp_path):
    examples = [example(KNOWN, seed=seed) for seed in range(8)]
    settings = {"learning_rate": 1e-2, "batch_tokens": 48, "save_every_steps": 1}
    before = np.array(guide.word.weight)
    names = {name for name, _ in tree_flatten(model.trainable_parameters())}
    result = fit(model, examples, FitConfig(steps=4, **settings), tmp_path / "run", guide=guide)
    assert set(result.weights) == names
    assert not np.array_equal(np.array(guide.word.weight), before)
    again = fit(model, examples, FitConfig(steps=4, **settings), tmp_path / "run", resume=True, guide=guide)
    for name, weight in result.weights.items():
        np.testing.assert_array_equal(np.array(weight), np.array(again.weights[name]))
