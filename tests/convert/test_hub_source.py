"""What a conversion asks of the hub, and what it says when the hub does not answer."""

from __future__ import annotations

from fnmatch import fnmatch
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import errors

from gpa_mlx.errors import GPAError, ModelNotFoundError
from gpa_mlx_convert.hub_source import fetch_source
from gpa_mlx_convert.sources import HUB_PATTERNS

RESPONSE = SimpleNamespace(headers={}, request=None, status_code=404)


def answer(monkeypatch, result):
    asked = []

    def snapshot_download(repo_id, **options):
        asked.append((repo_id, options))
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_the_resolved_commit_is_returned(monkeypatch, tmp_path):
    asked = answer(monkeypatch, str(tmp_path / "snapshots" / "c0ffee"))
    assert fetch_source("AutoArk-AI/GPA", "v1") == (tmp_path / "snapshots" / "c0ffee", "c0ffee")
    ((repo_id, options),) = asked
    assert repo_id == "AutoArk-AI/GPA"
    assert options["revision"] == "v1"
    assert options["allow_patterns"] == list(HUB_PATTERNS)


def test_patterns_take_what_is_needed_and_nothing_else(small_a):
    needed = [str(path.relative_to(small_a)) for path in small_a.rglob("*") if path.is_file()]
    needed = [name for name in needed if not name.startswith("golden/")]
    needed += ["model-00001-of-00002.safetensors", "model.safetensors.index.json"]
    needed += [
        "BiCodec/wav2vec2-large-xlsr-53/model.safetensors",
        "glm-4-voice-tokenizer/model-00001-of-00002.safetensors",
    ]
    needed += ["BiCodec/wav2vec2-large-xlsr-53/pytorch_model.bin.index.json"]
    other = ["README.md", "LLM/model.safetensors", "onnx/model.onnx", "optimizer.pt", "assets/demo.wav", "train.py"]
    other += ["BiCodec/wav2vec2-large-xlsr-53/flax_model.msgpack", "BiCodec/train.yaml", "tf_model.h5"]

    def wanted(name):
        return any(fnmatch(name, pattern) for pattern in HUB_PATTERNS)

    assert [name for name in needed if not wanted(name)] == []
    assert [name for name in other if wanted(name)] == []


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "./model", "/models/gpa", "~/gpa", "", "../x", "a/b?c", "-x/y"])
def test_names_that_are_no_repository(monkeypatch, name):
    asked = answer(monkeypatch, "unused")
    with pytest.raises(ModelNotFoundError, match="neither a directory here nor a repository"):
        fetch_source(name)
    assert asked == []


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (errors.RepositoryNotFoundError("404", response=RESPONSE), ModelNotFoundError, "neither a directory here"),
        (errors.HFValidationError("bad"), ModelNotFoundError, "neither a directory here"),
        (errors.GatedRepoError("403", response=RESPONSE), ModelNotFoundError, "is gated"),
        (errors.RevisionNotFoundError("404", response=RESPONSE), ModelNotFoundError, "has no revision v9"),
        (errors.LocalEntryNotFoundError("offline"), GPAError, "a/b@v9 is not in the local cache"),
        (
            errors.HfHubHTTPError("500\nbroken", response=RESPONSE),
            GPAError,
            "a/b@v9 could not be downloaded: 500 broken",
        ),
        (ConnectionError("reset"), GPAError, "could not be downloaded: reset"),
        (OSError(28, "No space left on device"), GPAError, "No space left"),
    ],
)
def test_failures_of_the_hub(monkeypatch, failure, kind, said):
    answer(monkeypatch, failure)
    with pytest.raises(GPAError) as caught:
        fetch_source("a/b", "v9")
    assert type(caught.value) is kind
    assert said in caught.value.message
