import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.manifest import require_converted, verify_files
from gpa_mlx.train.language_model.fine_tuning import fine_tune
from gpa_mlx.train.language_model.training_run import FitConfig
from gpa_mlx.train.language_model.validation import transcripts

pytestmark = pytest.mark.slow  # not part of `make fast`

IDS = mx.array([[1, 5, 700, 9, 30, 2]])


@pytest.fixture
def train(capsys, monkeypatch, converted_small_a, manifest, code_cache, dataset):
    """Run `gpa-mlx train lm` on the four utterances; returns exit code and standard error."""
    monkeypatch.delenv("GPA_MLX_MODEL", raising=False)

    def train(*options, model=converted_small_a, data=manifest):
        words = ["train", "lm", "--model", model, "--data", data, "--cache", code_cache, *options]
        code = run(cli, [str(word) for word in words])
        return code, capsys.readouterr().err

    return train


def entries(directory):
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def test_four_utterances_are_learnt_by_heart(converted_small_a, dataset, tmp_path):
    started = time.process_time()
    parts = GPAModel(converted_small_a)
    config = FitConfig(steps=24, learning_rate=0.007, warmup_steps=2, eval_every=1000)
    result = fine_tune(parts, dataset, config, tmp_path / "run", adapter=None)
    assert result.loss < 0.05
    last = entries(tmp_path / "run")[-1]
    assert last["eval_loss"] < 0.05
    assert last["wer"] == last["cer"] == 0
    pairs = transcripts(parts.language_model, parts.layout, parts.text, dataset.held_out)
    assert pairs == [("one two three", "one two three"), ("four five", "four five")]
    assert time.process_time() - started < 90


def test_lora_gives_an_adapter_that_can_be_fused(train, converted_small_a, tmp_path, capsys):
    out = tmp_path / "run"
    code, err = train("--lora", 4, "--out", out, "--steps", 3, "--lr", 0.01, "--eval-fraction", 0.4)
    assert code == 0, err
    assert "3 steps" in err
    with_adapter = np.array(GPAModel(converted_small_a, out).language_model(IDS))
    assert not np.array_equal(with_adapter, GPAModel(converted_small_a).language_model(IDS))
    words = ["train", "fuse", "--model", converted_small_a, "--adapter", out, "--out", tmp_path / "fused"]
    assert run(cli, [str(word) for word in words]) == 0
    assert run(cli, [str(word) for word in words]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(cli, [*map(str, words), "--force"]) == 0
    assert verify_files(tmp_path / "fused") == []
    fused = GPAModel(tmp_path / "fused").language_model(IDS)
    np.testing.assert_allclose(fused, with_adapter, rtol=1e-3, atol=1e-4)


def test_full_gives_a_model_that_can_be_trained_on(train, converted_small_a, tmp_path):
    out = tmp_path / "run"
    code, err = train("--full", "--out", out, "--steps", 2, "--recompute")
    assert code == 0, err
    model = out / "model"
    assert verify_files(model) == []
    assert require_converted(model).model_family == require_converted(converted_small_a).model_family
    assert not np.array_equal(GPAModel(model).language_model(IDS), GPAModel(converted_small_a).language_model(IDS))
    assert train("--full", "--out", tmp_path / "next", "--steps", 1, model=model)[0] == 0
    assert train("--full", "--out", out, "--steps", 2, "--recompute", "--resume")[0] == 0
    assert verify_files(model) == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "--lora"),
        (("--lora", "4", "--full"), "--lora"),
        (("--full", "--steps", "1", "--epochs", "1"), "--epochs"),
        (("--full", "--eval-fraction", "1"), "--eval-fraction"),
        (("--full", "--lr", "nan"), "--lr"),
    ],
)
def test_options_that_contradict_each_other(train, tmp_path, options, problem):
    code, err = train("--out", tmp_path / "run", *options)
    assert code == 2
    assert problem in err
    assert not (tmp_path / "run").exists()


def test_every_bad_line_is_shown(train, tmp_path):
    data = tmp_path / "bad.jsonl"
    data.write_text('{"task": "stt"}\n{}\n[]\n')
    code, err = train("--full", "--out", tmp_path / "run", data=data)
    assert code == 1
    assert [word in err for word in ("line 1:", "line 2:", "line 3:")] == [True] * 3


def test_over_long_lines_are_shown(train, tmp_path):
    code, err = train("--full", "--out", tmp_path / "run", "--steps", 1, "--max-length", 150)
    assert code == 0
    assert "left out: line 4: " in err
    assert "3 examples" in err


def test_a_quantised_model_is_trained_by_adapters_only(train, small_a, tmp_path):
    from gpa_mlx_convert.pipeline import ConvertOptions, convert

    convert(small_a, tmp_path / "q8", ConvertOptions(lm_bits=8))
    code, err = train("--full", "--out", tmp_path / "a", "--steps", 1, model=tmp_path / "q8")
    assert (code, "--lora" in err) == (2, True)
    code, err = train("--lora", 2, "--out", tmp_path / "b", "--steps", 2, model=tmp_path / "q8")
    assert code == 0, err


def test_ctrl_c_saves_and_says_how_to_go_on(converted_small_a, manifest, code_cache, dataset, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def command(directory, *more):
        words = ["train", "lm", "--model", converted_small_a, "--data", manifest, "--cache", code_cache]
        words += ["--lora", 2, "--out", directory, "--steps", 7, "--lr", 0.01, *more]
        return [sys.executable, "-m", "gpa_mlx", *map(str, words)]

    out, whole = tmp_path / "run", tmp_path / "whole"
    process = subprocess.Popen(command(out), env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ((out / "log.jsonl").exists() and len(entries(out)) >= 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "to continue" in err
    assert err.splitlines()[-1].endswith("--resume")
    done = entries(out)[-1]["step"]
    assert 2 <= done < 7
    subprocess.run(command(out, "--resume"), env=environment, check=True)
    subprocess.run(command(whole), env=environment, check=True)
    assert [entry["loss"] for entry in entries(out)] == [entry["loss"] for entry in entries(whole)]
