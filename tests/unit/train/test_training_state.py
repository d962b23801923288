"""Optimizer, checkpoints and log."""

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from mlx.optimizers import AdamW

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.log import TrainingLog
from gpa_mlx.train.optimizer import (
    clip_gradients,
    make_optimizer,
    optimizer_arrays,
    restore_optimizer,
    warmup_cosine,
)
from gpa_mlx.train.training_state import has_state, load_state, save_state


def test_rate_rises_linearly_and_falls_along_a_cosine():
    rate = warmup_cosine(2.0, 4, 12)
    rates = [rate(mx.array(step)).item() for step in range(13)]
    np.testing.assert_allclose(rates[:4], [0.5, 1.0, 1.5, 2.0])
    np.testing.assert_allclose(rates[4:], [1 + math.cos(math.pi * n / 8) for n in range(9)], atol=1e-6)
    assert warmup_cosine(2.0, 0, 10)(mx.array(0)).item() == 2.0


def test_only_matrices_decay():
    weights = {"matrix": mx.ones((2, 2)), "bias": mx.ones((2,))}
    optimizer = make_optimizer(0.1, 0, 10, weight_decay=0.5)
    new = optimizer.apply_gradients({name: mx.zeros_like(w) for name, w in weights.items()}, weights)
    np.testing.assert_allclose(new["matrix"], 0.95)
    np.testing.assert_allclose(new["bias"], 1.0)


def test_updates_are_those_of_adamw():
    weights = {"w": mx.array([[1.0, -2.0]])}
    plain = AdamW(0.1, betas=[0.9, 0.95], weight_decay=0.01, bias_correction=True)
    ours = make_optimizer(0.1, 0, 10**9, weight_decay=0.01)
    expected, got = weights, weights
    for gradient in ([[0.5, 0.1]], [[-0.2, 0.3]]):
        expected = plain.apply_gradients({"w": mx.array(gradient)}, expected)
        got = ours.apply_gradients({"w": mx.array(gradient)}, got)
    np.testing.assert_allclose(got["w"], expected["w"], rtol=1e-6)


def test_gradients_are_clipped_to_a_global_norm():
    clipped, norm = clip_gradients({"a": mx.array([3.0]), "b": mx.array([4.0])})
    assert norm.item() == 5
    np.testing.assert_allclose([clipped["a"].item(), clipped["b"].item()], [0.6, 0.8], rtol=1e-5)


def test_state_round_trip(tmp_path):
    weights = {"layers.0.w": mx.ones((2, 3)), "b": mx.ones((3,))}
    gradients = {name: w * 0.3 for name, w in weights.items()}
    first = make_optimizer(0.1, 2, 10, 0.01)
    weights = first.apply_gradients(gradients, weights)
    save_state(tmp_path, 5, optimizer_arrays(first), {"epoch": 2, "name": "ü"})
    step, arrays, state = load_state(tmp_path)
    assert (step, state) == (5, {"epoch": 2, "name": "ü"})
    second = make_optimizer(0.1, 2, 10, 0.01)
    restore_optimizer(second, weights, arrays)
    for name, wanted in first.apply_gradients(gradients, weights).items():
        np.testing.assert_array_equal(
            second.apply_gradients(gradients, weights)[name] if name == "b" else wanted, wanted
        )
    with pytest.raises(ModelFormatError, match="does not fit"):
        restore_optimizer(make_optimizer(0.1, 2, 10, 0.01), {"other": mx.ones((2,))}, arrays)


def test_the_newest_two_checkpoints_stay(tmp_path):
    assert load_state(tmp_path / "none") is None
    for step in (1, 2, 10):
        save_state(tmp_path, step, {"x": mx.array([step])}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-00000002.safetensors",
        "checkpoint-00000010.safetensors",
    ]
    assert load_state(tmp_path)[0] == 10


def test_a_write_that_was_cut_is_not_a_checkpoint(tmp_path):
    save_state(tmp_path, 1, {"x": mx.array([1])}, {})
    (tmp_path / "partial.safetensors").write_bytes(b"half")
    assert load_state(tmp_path)[0] == 1
    save_state(tmp_path, 2, {"x": mx.array([2])}, {})
    assert len(list(tmp_path.iterdir())) == 2
    assert has_state(tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path):
    save_state(tmp_path, 3, {"x": mx.array([1])}, {})
    path = tmp_path / "checkpoint-00000003.safetensors"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ModelFormatError, match="checkpoint-00000003"):
        load_state(tmp_path)


def test_log_is_json_lines_and_rewinds(tmp_path):
    log = TrainingLog(tmp_path / "run")
    for step in (1, 2, 3):
        log.write(step, loss=1 / step)
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    log = TrainingLog(tmp_path / "run")
    assert len(log.entries()) == 3
    log.rewind(2)
    log.write(3, loss=9.0, eval_loss=8.0)
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 1.0},
        {"step": 2, "loss": 0.5},
        {"step": 3, "loss": 9.0, "eval_loss": 8.0},
    ]


@pytest.mark.parametrize("steps", [0, 1, 3000])
def test_plot_is_an_svg_with_every_loss(tmp_path, steps):
    log = TrainingLog(tmp_path)
    entries = "".join(json.dumps({"step": n, "loss": 5 / (n + 1), "wer": 1}) + "\n" for n in range(1, steps + 1))
    (tmp_path / "log.jsonl").write_text(entries + (json.dumps({"step": 9, "eval_loss": 2.0}) + "\n" if steps else ""))
    log.plot()
    root = ET.parse(tmp_path / "loss.svg").getroot()
    names = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert ("loss" in names) == ("eval_loss" in names) == bool(steps)
    assert "wer" not in names
    assert (tmp_path / "loss.svg").stat().st_size < 40_000
