"""`gpa-mlx model`: what is installed, which one a name means, and that none of it needs the network."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys

import pytest

from gpa_mlx.errors import SettingsError
from gpa_mlx.model import demo
from gpa_mlx.store import models, paths


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def install(converted_small_a):
    """Install the golden model under a name."""

    def copy(name):
        return shutil.copytree(converted_small_a, paths.models_dir() / name)

    return copy


@pytest.fixture
def no_network(monkeypatch):
    """Every attempt to reach another host fails the test, whatever catches it."""
    tried = []

    def refuse(self, address, *rest):
        tried.append(address)
        raise OSError("blocked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **options: refuse(None, address))
    yield
    assert tried == []


def test_info_for_people_and_scripts(gpa_mlx, converted_small_a):
    text = gpa_mlx("model", "info", converted_small_a).out
    assert "small-a" in text
    for part in ("lm", "glm_tokenizer", "wav2vec2", "bicodec"):
        assert part in text
    document = json.loads(gpa_mlx("model", "info", converted_small_a, "--json").out)
    assert document["path"] == str(converted_small_a)
    assert document["parts"]["wav2vec2"]["dtype"] == "float32"
    assert document["format_version"] == 1


def test_info_on_an_upstream_directory_says_convert(gpa_mlx, small_a):
    result = gpa_mlx("model", "info", small_a)
    assert result.code == 3
    assert f"gpa-mlx convert {small_a}" in result.err


def test_info_of_the_demo_model(gpa_mlx):
    assert gpa_mlx("model", "info", "demo").out.startswith("model ")


def test_verify_lists_every_damaged_file(gpa_mlx, converted_small_a, tmp_path):
    result = gpa_mlx("model", "verify", converted_small_a)
    assert result.code == 0
    assert "all 17 files" in result.err
    assert json.loads(gpa_mlx("model", "verify", converted_small_a, "--json").out)["ok"] is True

    model = tmp_path / "model"
    shutil.copytree(converted_small_a, model)
    (model / "vocab.json").unlink()
    raw = bytearray((model / "wav2vec2/model.safetensors").read_bytes())
    raw[-1] ^= 1
    (model / "wav2vec2/model.safetensors").write_bytes(raw)
    result = gpa_mlx("model", "verify", model, "--json")
    assert result.code == 3
    assert "2 of 17 files" in result.err
    assert f"gpa-mlx model repair {model}" in result.err
    document = json.loads(result.out)
    assert document["ok"] is False
    assert len(document["problems"]) == 2
    for name in ("vocab.json is missing", "wav2vec2/model.safetensors has another SHA-256"):
        assert name in result.err
        assert any(name in problem for problem in document["problems"])


def test_with_nothing_installed_it_says_how_to_install(gpa_mlx, golden_audio):
    result = gpa_mlx("transcribe", golden_audio("slt"))
    assert result.code == 3
    first, second = result.err.splitlines()
    assert first == "error: No model is given."
    for way in ("gpa-mlx model pull", "--model demo", "twenty words"):
        assert way in second
    listed = gpa_mlx("model", "list")
    assert (listed.code, listed.out) == (0, "")
    assert "gpa-mlx model pull" in listed.err
    assert json.loads(gpa_mlx("model", "list", "--json").out) == {"default": None, "models": []}
    assert gpa_mlx("model", "default").code == 3


def test_the_only_model_needs_no_name(gpa_mlx, install):
    path = install("one")
    assert gpa_mlx("model", "path").out == f"{path}\n"
    assert gpa_mlx("model", "default").out == "one\n"
    install("two")
    result = gpa_mlx("model", "path")
    assert result.code == 3
    assert "one, two" in result.err
    assert "gpa-mlx model default NAME" in result.err
    assert gpa_mlx("model", "default", "two").code == 0
    assert json.loads(gpa_mlx("model", "default", "--json").out) == {"default": "two"}
    assert gpa_mlx("model", "path").out == f"{paths.models_dir() / 'two'}\n"
    assert json.loads(gpa_mlx("model", "path", "one", "--json").out) == {"path": str(path)}
    shutil.rmtree(paths.models_dir() / "two")
    result = gpa_mlx("model", "info")
    assert result.code == 3
    assert "default model 'two' is not installed any more" in result.err


def test_the_list_marks_the_default_and_what_is_damaged(gpa_mlx, install):
    install("good")
    (install("bad") / "vocab.json").unlink()
    gpa_mlx("model", "default", "good")
    bad, good = gpa_mlx("model", "list").out.splitlines()
    assert bad.startswith("  bad ")
    assert "vocab.json is missing" in bad
    assert "gpa-mlx model repair bad" in bad
    assert good.startswith("* good")
    assert "26 MB" in good
    document = json.loads(gpa_mlx("model", "list", "--json").out)
    assert document["default"] == "good"
    assert [(each["name"], each["problem"] is None) for each in document["models"]] == [("bad", False), ("good", True)]


def test_a_typo_is_answered_with_the_nearest_name(gpa_mlx, install):
    assert "Did you mean 'demo'?" in gpa_mlx("model", "info", "dmeo").err
    install("large-model")
    for command in (("info", "large-modle"), ("default", "Large-Model1"), ("remove", "lage-model", "--yes")):
        result = gpa_mlx("model", *command)
        assert result.code == 3, result
        assert "Did you mean 'large-model'?" in result.err
    assert "Installed: large-model." in gpa_mlx("model", "info", "x").err


def test_a_name_goes_before_a_directory_of_that_name(gpa_mlx, install, converted_small_a, tmp_path):
    shutil.copytree(converted_small_a, tmp_path / "here")
    assert gpa_mlx("model", "path", "here").out == f"{tmp_path / 'here'}\n"
    path = install("here")
    assert gpa_mlx("model", "path", "here").out == f"{path}\n"
    assert gpa_mlx("model", "path", "./here").out == f"{tmp_path / 'here'}\n"


@pytest.mark.parametrize(
    "name", ["..", ".", "../x", "a/b", "/etc", "", "-x", ".hidden", "a\nb", "a" * 65, "demo", "Demo"]
)
def test_names_that_a_model_cannot_have(name):
    with pytest.raises(SettingsError, match="cannot be called"):
        models.check_name(name)
    assert demo.NAME == "demo"


@pytest.mark.parametrize("name", ["..", "../outside", "/", "."])
def test_nothing_outside_is_removed(gpa_mlx, install, tmp_path, name):
    install("one")
    (tmp_path / "home/outside").mkdir()
    assert gpa_mlx("model", "remove", name, "--yes").code == 3
    assert (tmp_path / "home/outside").is_dir()
    assert (paths.models_dir() / "one").is_dir()


def test_remove_asks_first(gpa_mlx, install):
    path = install("one")
    gpa_mlx("model", "default", "one")
    result = gpa_mlx("model", "remove", "one")
    assert result.code == 2
    assert "--yes" in result.err
    assert path.is_dir()
    result = gpa_mlx("model", "remove", "one", "--yes", "--json")
    assert json.loads(result.out)["removed"] == "one"
    assert [entry.name for entry in paths.models_dir().iterdir()] == [".lock"]


def test_a_linked_model_is_unlinked_and_not_deleted(gpa_mlx, converted_small_a):
    paths.models_dir().mkdir(parents=True)
    (paths.models_dir() / "linked").symlink_to(converted_small_a)
    assert gpa_mlx("model", "verify", "linked").code == 0
    assert gpa_mlx("model", "remove", "linked", "--yes").code == 0
    assert (converted_small_a / "gpa_mlx.json").is_file()
    assert not (paths.models_dir() / "linked").exists()


def test_what_a_killed_removal_left_goes_next_time(gpa_mlx, install):
    install("one")
    left = paths.models_dir() / f".two.removed-{os.getpid()}"
    left.mkdir()
    (left / "model.safetensors").write_text("x")
    gpa_mlx("model", "default", "one")
    assert not left.exists()


def test_repair_of_a_whole_model_does_nothing(gpa_mlx, install):
    install("one")
    result = gpa_mlx("model", "repair", "one", "--json")
    document = json.loads(result.out)
    assert (document["changed"], document["problems"]) == (False, [])


def test_an_installed_model_is_used_without_the_network(gpa_mlx, install, golden_audio, no_network, tmp_path):
    path = install("gpa")
    manifest = json.loads((path / "gpa_mlx.json").read_text())
    manifest["source"] |= {"location": "AutoArk-AI/GPA", "revision": "c0ffee" + "0" * 34}
    (path / "gpa_mlx.json").write_text(json.dumps(manifest))
    clip = golden_audio("slt")
    for command in (
        ("model", "pull"),
        ("model", "list"),
        ("model", "info"),
        ("model", "verify", "gpa"),
        ("model", "repair"),
        ("transcribe", clip, "--max-tokens", "3"),
        ("speak", "yes", "--voice", clip, "--max-tokens", "30", "-o", tmp_path / "out.wav"),
        ("tokenize", clip, "--model", "gpa"),
    ):
        result = gpa_mlx(*command)
        assert result.code == 0, result


def test_nothing_installed_and_offline_fails_before_any_call(gpa_mlx, no_network):
    result = gpa_mlx("model", "pull", "--offline")
    assert result.code == 1
    assert "the network may not be used" in result.err
    assert gpa_mlx("model", "pull", "--offline", "--upgrade").code == 2


def test_the_commands_are_listed_without_loading_anything_heavy():
    import subprocess

    code = (
        "import sys; import gpa_mlx.cli.model; "
        "print([m for m in ('mlx', 'numpy', 'rich', 'yaml', 'huggingface_hub', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
