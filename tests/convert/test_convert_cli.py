"""`gpa-mlx convert` and `gpa-mlx model`: results on stdout, narration on stderr, errors for the front door."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx_convert import cli, hub_source


def invoke(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_convert_writes_a_model_and_says_where(small_a, tmp_path):
    result = invoke(cli.convert, small_a, "-o", tmp_path / "model", "--dtype", "bfloat16", "--lm-bits", "8")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"wrote {tmp_path / 'model'}" in result.stderr
    manifest = json.loads((tmp_path / "model/gpa_mlx.json").read_text())
    assert manifest["parts"]["lm"] == {"dtype": "bfloat16", "bits": 8, "tensors": 35, "parameters": 281216}
    assert manifest["source"]["location"] == str(small_a)


def test_convert_as_json(small_a, tmp_path):
    result = invoke(cli.convert, small_a, "-o", tmp_path / "model", "--json")
    document = json.loads(result.stdout)
    assert document["path"] == str(tmp_path / "model")
    assert document["files"]["config.json"]["size"] == (small_a / "config.json").stat().st_size


def test_a_hub_repository_is_fetched_and_recorded(monkeypatch, small_a, tmp_path):
    monkeypatch.setattr(hub_source, "fetch_source", lambda name, revision: (small_a, f"commit-of-{revision}"))
    result = invoke(cli.convert, "AutoArk-AI/GPA", "-o", tmp_path / "model", "--revision", "v1", "--json")
    document = json.loads(result.stdout)
    assert document["source"]["location"] == "AutoArk-AI/GPA"
    assert document["source"]["revision"] == "commit-of-v1"
    assert document["model_name"] == "GPA"

    monkeypatch.setattr(
        hub_source, "fetch_source", lambda *_: pytest.fail("downloaded before the destination was checked")
    )
    result = invoke(cli.convert, "AutoArk-AI/GPA", "-o", tmp_path / "model")
    assert isinstance(result.exception, SettingsError)


def test_bad_arguments(small_a, tmp_path):
    assert isinstance(invoke(cli.convert, "nonsense", "-o", tmp_path / "m").exception, ModelNotFoundError)
    for arguments in (["--revision", "v1"], ["--dtype", "float16"], ["--lm-bits", "3"], ["--lm-bits", "x"]):
        result = invoke(cli.convert, small_a, "-o", tmp_path / "m", *arguments)
        assert result.exit_code == 2, result.output
    assert invoke(cli.convert, small_a).exit_code == 2
    assert not (tmp_path / "m").exists()


def test_info_for_people_and_scripts(converted_small_a):
    text = invoke(cli.model, "info", converted_small_a).stdout
    assert "small-a" in text
    for part in ("lm", "glm_tokenizer", "wav2vec2", "bicodec"):
        assert part in text
    document = json.loads(invoke(cli.model, "info", converted_small_a, "--json").stdout)
    assert document["parts"]["wav2vec2"]["dtype"] == "float32"
    assert document["format_version"] == 1


def test_info_on_an_upstream_directory_says_convert(small_a):
    error = invoke(cli.model, "info", small_a).exception
    assert isinstance(error, ModelFormatError)
    assert f"gpa-mlx convert {small_a}" in error.hint


def test_verify_lists_every_damaged_file(converted_small_a, tmp_path):
    result = invoke(cli.model, "verify", converted_small_a)
    assert result.exit_code == 0
    assert "all 17 files" in result.stderr
    assert json.loads(invoke(cli.model, "verify", converted_small_a, "--json").stdout)["ok"] is True

    model = tmp_path / "model"
    shutil.copytree(converted_small_a, model)
    (model / "vocab.json").unlink()
    raw = bytearray((model / "wav2vec2/model.safetensors").read_bytes())
    raw[-1] ^= 1
    (model / "wav2vec2/model.safetensors").write_bytes(raw)
    result = invoke(cli.model, "verify", model, "--json")
    assert isinstance(result.exception, ModelFormatError)
    assert "2 of 17 files" in result.exception.message
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert len(document["problems"]) == 2
    for name in ("vocab.json is missing", "wav2vec2/model.safetensors has another SHA-256"):
        assert name in result.exception.message
        assert any(name in problem for problem in document["problems"])


def test_the_commands_load_nothing_heavy():
    root = Path(cli.__file__).parents[2]
    code = (
        f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'convert')!r}]; import gpa_mlx_convert.cli; "
        "print([m for m in ('mlx', 'numpy', 'rich', 'yaml', 'huggingface_hub', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
