import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.runtime.backend import mx
from gpa_mlx.train.language_model import training_run
from gpa_mlx.train.language_model.batches import plan_epoch
from gpa_mlx.train.language_model.fit import fit
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.training_state import load_state

pytestmark = pytest.mark.slow  # not part of `make fast`

CONFIG = FitConfig(steps=14, learning_rate=0.01, warmup_steps=3, batch_tokens=48, save_every_s=1e9)


def log_of(directory):
    lines = (directory / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


@pytest.fixture
def run(tiny_model, tiny_examples, tmp_path):
    def run(name, config=CONFIG, model=None, **options):
        return fit(model or tiny_model(), tiny_examples, config, tmp_path / name, **options)

    return run


def test_loss_falls_and_everything_is_logged(run, tmp_path):
    result = run("a", replace(CONFIG, steps=40, learning_rate=0.05, eval_every=16), evaluate=lambda: {"eval_loss": 1.5})
    assert result.finished
    entries = log_of(tmp_path / "a")
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert len(losses) == 40
    assert losses[-1] == result.loss < losses[0] / 2
    assert [entry["step"] for entry in entries if "eval_loss" in entry] == [16, 32, 40]
    assert (tmp_path / "a" / "loss.svg").exists()


def test_two_runs_are_the_same_and_another_seed_is_not(run, tmp_path):
    for name, config in (("a", CONFIG), ("b", CONFIG), ("c", replace(CONFIG, seed=1))):
        run(name, config)
    assert log_of(tmp_path / "a") == log_of(tmp_path / "b") != log_of(tmp_path / "c")


def test_accumulated_batches_equal_one_large_batch(run, tiny_examples):
    lengths = [len(example.ids) for example in tiny_examples]
    count = len(plan_epoch(lengths, CONFIG.batch_tokens, CONFIG.seed, 0))
    assert count > 1
    large = run("large", replace(CONFIG, steps=1, warmup_steps=0, batch_tokens=2 * sum(lengths)))
    small = run("small", replace(CONFIG, steps=1, warmup_steps=0, accumulate=count))
    np.testing.assert_allclose(small.loss, large.loss, rtol=1e-5)
    for name, weight in large.weights.items():
        np.testing.assert_allclose(small.weights[name], weight, atol=1e-3, err_msg=name)


def test_a_killed_run_resumes_exactly(run, tiny_args, tiny_examples, tmp_path):
    """Kill -9 between two checkpoints, in a process of its own; then compare every logged figure."""
    config = replace(CONFIG, save_every_steps=3)
    whole = run("whole", config)
    examples = [(example.ids.tolist(), example.target_start) for example in tiny_examples]
    script = f"""
import os, signal
from pathlib import Path
import numpy as np
from gpa_mlx.runtime.backend import mx
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.fit import fit
from gpa_mlx.train.language_model.training_run import FitConfig
mx.random.seed(1)
examples = [Example(task="stt", ids=np.array(i, np.int32), target_start=s) for i, s in {examples}]
die = lambda step, loss: os.kill(os.getpid(), signal.SIGKILL) if step == 8 else None
fit(Qwen3({tiny_args!r}), examples, {config!r}, Path({str(tmp_path / "killed")!r}), on_step=die)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    died = subprocess.run([sys.executable, "-c", script], env=environment, check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert load_state(tmp_path / "killed" / "checkpoints")[0] == 6
    resumed = run("killed", config, resume=True)
    assert log_of(tmp_path / "killed") == log_of(tmp_path / "whole")
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weight)


def test_a_stopped_run_resumes_exactly(run, tmp_path):
    whole = run("whole")
    asked = iter([False] * 4 + [True])
    stopped = run("stopped", should_stop=lambda: next(asked))
    assert (stopped.step, stopped.finished) == (5, False)
    resumed = run("stopped", resume=True)
    assert resumed.finished
    assert log_of(tmp_path / "stopped") == log_of(tmp_path / "whole")
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weight)


def test_a_finished_run_has_nothing_left_to_do(run, tmp_path):
    whole = run("a")
    again = run("a", resume=True)
    assert (again.step, again.finished, again.loss) == (CONFIG.steps, True, None)
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(again.weights[name], weight)


def test_resuming_where_nothing_is_starts(run):
    assert run("a", resume=True).finished


def test_a_run_is_not_overwritten(run):
    run("a")
    with pytest.raises(SettingsError, match="--resume"):
        run("a")


@pytest.mark.parametrize("change", [{"seed": 9}, {"batch_tokens": 50}, {"accumulate": 2}])
def test_a_run_resumes_only_with_its_own_settings(run, change):
    run("a", replace(CONFIG, steps=2))
    with pytest.raises(SettingsError, match=next(iter(change)).replace("_", " ")):
        run("a", replace(CONFIG, **change), resume=True)


def test_a_run_resumes_only_with_its_own_data_and_identity(run, tiny_model, tiny_examples, tmp_path):
    run("a", replace(CONFIG, steps=2), identity={"model": "x"})
    with pytest.raises(SettingsError, match="data differs"):
        fit(tiny_model(), tiny_examples[:-1], CONFIG, tmp_path / "a", resume=True, identity={"model": "x"})
    with pytest.raises(SettingsError, match="model differs"):
        run("a", resume=True, identity={"model": "y"})
    frozen = tiny_model()
    frozen.model.layers[0].freeze()
    with pytest.raises(SettingsError, match="other weights"):
        run("a", model=frozen, resume=True, identity={"model": "x"})


def test_not_a_number_stops_the_run_and_keeps_the_last_good_state(run, tmp_path, monkeypatch):
    whole = run("whole")
    losses = training_run.summed_loss
    calls = iter(range(1000))

    def poisoned(*arguments, **options):
        return losses(*arguments, **options) * (mx.nan if next(calls) == 6 else 1.0)

    monkeypatch.setattr(training_run, "summed_loss", poisoned)
    with pytest.raises(GPAError, match="diverged at step 7: its loss") as caught:
        run("bad")
    assert "--lr" in caught.value.hint
    step, arrays, _ = load_state(tmp_path / "bad" / "checkpoints")
    assert step == 6
    assert all(mx.isfinite(array).all().item() for array in arrays.values())
    monkeypatch.undo()
    resumed = run("bad", resume=True)
    assert log_of(tmp_path / "bad") == log_of(tmp_path / "whole")
    assert resumed.loss == whole.loss


def test_frozen_weights_stay(run, tiny_model):
    model = tiny_model()
    model.model.embed_tokens.freeze()
    before = np.array(model.model.embed_tokens.weight)
    result = run("a", model=model)
    np.testing.assert_array_equal(model.model.embed_tokens.weight, before)
    assert "model.embed_tokens.weight" not in result.weights


def test_half_precision_computes_on_full_precision_weights(run, monkeypatch):
    monkeypatch.setattr(training_run, "compute_dtype", lambda: mx.bfloat16)
    # Far below what one bfloat16 step can resolve: only kept in float32 do such updates add up.
    result = run("a", replace(CONFIG, learning_rate=1e-5, warmup_steps=0))
    monkeypatch.undo()
    expected = run("b", replace(CONFIG, learning_rate=1e-5, warmup_steps=0))
    assert {weight.dtype for weight in result.weights.values()} == {mx.float32}
    moved = expected.weights["model.norm.weight"] - 1
    assert mx.abs(moved).max().item() > 5e-5
    np.testing.assert_allclose(result.weights["model.norm.weight"] - 1, moved, atol=4e-5)


RANK = """
import sys
from pathlib import Path
import numpy as np
from gpa_mlx.runtime.backend import mx
from gpa_mlx.nn.qwen3 import Qwen3, Qwen3Args
from gpa_mlx.train.language_model.corpus import Example
from gpa_mlx.train.language_model.fit import fit
from gpa_mlx.train.language_model.training_run import FitConfig
assert mx.distributed.init().size() == 2
mx.random.seed(1)
examples = [Example(task="stt", ids=np.array(i, np.int32), target_start=s) for i, s in {examples}]
fit(Qwen3({args!r}), examples, {config!r}, Path({directory!r}))
"""


def test_two_processes_train_like_one(run, tiny_args, tiny_examples, tmp_path):
    run("one")
    with socket.socket() as first, socket.socket() as second:
        addresses = []
        for listener in (first, second):
            listener.bind(("127.0.0.1", 0))
            addresses.append([f"127.0.0.1:{listener.getsockname()[1]}"])
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps(addresses))
    examples = [(example.ids.tolist(), example.target_start) for example in tiny_examples]
    code = RANK.format(examples=examples, args=tiny_args, config=CONFIG, directory=str(tmp_path / "two"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MLX_HOSTFILE": str(hosts)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env={**environment, "MLX_RANK": str(rank)}) for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=60) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    one, two = log_of(tmp_path / "one"), log_of(tmp_path / "two")
    assert [entry["step"] for entry in two] == [entry["step"] for entry in one]
    for key in ("loss", "gradient_norm"):
        np.testing.assert_allclose([e[key] for e in two], [e[key] for e in one], rtol=1e-4)
