"""`gpa-mlx convert`: results on stdout, narration on stderr, errors for the front door."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from gpa_mlx.cli import convert as cli
from gpa_mlx.errors import ModelNotFoundError, SettingsError
from tests.support.hub_server import FakeHub, use_hub


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
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    with FakeHub.of_directory(small_a).running() as hub:
        use_hub(monkeypatch, hub)
        result = invoke(cli.convert, hub.repo, "-o", tmp_path / "model", "--revision", "main", "--json")
        document = json.loads(result.stdout)
        assert document["source"]["location"] == "AutoArk-AI/GPA"
        assert document["source"]["revision"] == hub.commits[0]
        assert document["model_name"] == "GPA"
        assert [path.name for path in (tmp_path / "home/downloads").iterdir()] == [".lock"]
        assert "downloading AutoArk-AI/GPA @ c0ffee0: 18 MB of 18 MB" in result.stderr

        hub.requests.clear()
        result = invoke(cli.convert, hub.repo, "-o", tmp_path / "model")
        assert isinstance(result.exception, SettingsError)
        assert hub.requests == []  # not asked before the destination was checked


def test_bad_arguments(small_a, tmp_path):
    assert isinstance(invoke(cli.convert, "nonsense", "-o", tmp_path / "m").exception, ModelNotFoundError)
    for arguments in (["--revision", "v1"], ["--dtype", "float16"], ["--lm-bits", "3"], ["--lm-bits", "x"]):
        result = invoke(cli.convert, small_a, "-o", tmp_path / "m", *arguments)
        assert result.exit_code == 2, result.output
    assert invoke(cli.convert, small_a).exit_code == 2
    assert not (tmp_path / "m").exists()


def test_the_commands_load_nothing_heavy():
    root = Path(cli.__file__).parents[2]
    code = (
        f"import sys; sys.path[:0] = [{str(root)!r}, {str(root / 'convert')!r}]; import gpa_mlx.cli.convert; "
        "print([m for m in ('mlx', 'numpy', 'rich', 'yaml', 'huggingface_hub', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
