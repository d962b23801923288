"""What a converted directory says about itself, and what is said when it is not one."""

from __future__ import annotations

import json
import shutil

import pytest

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.manifest import (
    FileInfo,
    Manifest,
    PartInfo,
    UpstreamSource,
    read_manifest,
    require_converted,
    sha256_of,
    stream_verify_files,
    verify_files,
    write_manifest,
)
from gpa_mlx.store.progress import Steps


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "model"
    (root / "bicodec").mkdir(parents=True)
    files = {}
    for name, content in (("config.json", b"{}"), ("bicodec/model.safetensors", b"weights" * 300_000)):
        (root / name).write_bytes(content)
        files[name] = FileInfo(len(content), sha256_of(root / name))
    source = UpstreamSource("AutoArk-AI/GPA", "abc123", {"config.json": "00"})
    parts = {"lm": PartInfo("float32", 4, 3, 1000), "bicodec": PartInfo("float32", None, 2, 10)}
    write_manifest(root, Manifest(1, "0.1.0", "bicodec-0", "GPA", source, parts, files))
    return root


def edit(model, change):
    path = model / "gpa_mlx.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_round_trip(model):
    manifest = require_converted(model)
    assert manifest == read_manifest(model)
    assert manifest.parts["lm"] == PartInfo("float32", 4, 3, 1000)
    assert manifest.source.revision == "abc123"
    assert json.loads((model / "gpa_mlx.json").read_text()) == manifest.as_dict()
    assert not list(model.glob("*.partial"))


def test_verify_reports_every_damaged_file_and_the_progress(model):
    steps = list(stream_verify_files(model))
    assert verify_files(model) == []
    assert steps[-1] == (2_100_002, 2_100_002)
    assert steps == sorted(steps)
    assert len(steps) > 2  # large files report on the way
    weights = model / "bicodec/model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[1_000_000] ^= 1
    weights.write_bytes(raw)
    (model / "config.json").unlink()
    checking = Steps(stream_verify_files(model))
    steps = list(checking)
    assert checking.result == [
        "config.json is missing",
        "bicodec/model.safetensors has another SHA-256 than recorded",
    ]
    assert steps[-1] == (2_100_002, 2_100_002)
    require = pytest.raises(ModelFormatError, match=r"config\.json is missing")
    with require:
        require_converted(model)


def test_a_wrong_size_is_found_without_reading(model):
    (model / "bicodec/model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelFormatError, match="has 5 bytes instead of 2100000") as caught:
        require_converted(model)
    assert f"gpa-mlx model verify {model}" in caught.value.hint
    assert verify_files(model) == ["bicodec/model.safetensors has 5 bytes instead of 2100000"]


def test_a_directory_in_the_place_of_a_file(model):
    (model / "config.json").unlink()
    (model / "config.json").mkdir()
    assert verify_files(model) == ["config.json is missing"]


@pytest.mark.parametrize("check", [read_manifest, require_converted, verify_files])
def test_what_is_not_a_converted_model(tmp_path, small_a, check):
    with pytest.raises(ModelNotFoundError, match=r"nowhere does not exist\."):
        check(tmp_path / "nowhere")
    with pytest.raises(ModelNotFoundError, match="not a directory"):
        check(small_a / "config.json")
    with pytest.raises(ModelFormatError, match=r"no gpa_mlx\.json"):
        check(tmp_path)
    with pytest.raises(ModelFormatError, match="upstream") as caught:
        check(small_a)
    assert f"gpa-mlx convert {small_a} -o" in caught.value.hint


def test_a_newer_format_says_upgrade_whatever_else_it_holds(model):
    edit(model, lambda content: (content.clear(), content.update(format_version=2)))
    with pytest.raises(ModelFormatError, match="format version 2") as caught:
        require_converted(model)
    assert "Upgrade" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "a/../../b", "a\\b", "", ".", "a//b", "./a", "bicodec/../config.json", "a\0b"]
)
def test_paths_that_leave_the_directory(model, name):
    edit(model, lambda content: content["files"].update({name: {"size": 1, "sha256": "0"}}))
    for check in (require_converted, verify_files):
        with pytest.raises(ModelFormatError, match="leaves the model directory"):
            check(model)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("files"),
        lambda c: c.update(files=[]),
        lambda c: c.update(files={"a": 1}),
        lambda c: c["files"]["config.json"].update(size="2"),
        lambda c: c["files"]["config.json"].update(size=True),
        lambda c: c.update(format_version="1"),
        lambda c: c.update(source=None),
        lambda c: c["source"].update(sha256=[1]),
        lambda c: c.update(parts={"lm": {}}),
        lambda c: c["parts"]["lm"].update(bits="4"),
        lambda c: c.update(model_name=None),
    ],
)
def test_malformed_manifests(model, change):
    edit(model, change)
    with pytest.raises(ModelFormatError, match=r"gpa_mlx\.json is not a manifest"):
        require_converted(model)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000, "\ud800"])
def test_text_that_is_no_manifest(model, text):
    (model / "gpa_mlx.json").write_text(text, errors="surrogatepass")
    with pytest.raises(ModelFormatError, match=r"gpa_mlx\.json"):
        require_converted(model)


def test_a_copied_model_is_whole(model, tmp_path):
    shutil.copytree(model, tmp_path / "copy")
    assert verify_files(tmp_path / "copy") == []


@pytest.mark.parametrize(
    ("key", "value"), [("speech_repetition_penalty", 1.05), ("speech_max_chars", 20), ("max_segment_s", 3.5)]
)
def test_how_a_model_speaks_is_optional(model, key, value):
    assert getattr(read_manifest(model), key) is None
    edit(model, lambda content: content.pop(key))  # as earlier releases wrote it
    assert getattr(read_manifest(model), key) is None
    edit(model, lambda content: content.update({key: value}))
    assert getattr(read_manifest(model), key) == value


def test_the_words_of_a_model_are_optional(model):
    assert read_manifest(model).words is None
    edit(model, lambda content: content.update({"words": ["yes", "no"]}))
    assert read_manifest(model).words == ("yes", "no")
    edit(model, lambda content: content.update({"words": ["yes", 3]}))
    with pytest.raises(ModelFormatError, match="words"):
        read_manifest(model)


@pytest.mark.parametrize("key", ["speech_repetition_penalty", "speech_max_chars", "max_segment_s"])
@pytest.mark.parametrize("value", ["1", 0, -1.0, float("inf"), float("nan"), True])
def test_an_impossible_way_to_speak_is_refused(model, key, value):
    edit(model, lambda content: content.update({key: value}))
    with pytest.raises(ModelFormatError, match=key):
        read_manifest(model)
