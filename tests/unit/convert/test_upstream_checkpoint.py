"""One view of a checkpoint, whatever its format, sharding and spelling of keys."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx_convert.checkpoint import canonical_key, open_checkpoint

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([0.5, -1.25], np.float16)


def contents(path):
    checkpoint = open_checkpoint(path)
    return {key: checkpoint.read(key) for key in checkpoint.keys()}  # noqa: SIM118


def save_sharded(folder, save, shards, weight_map=None, index="model.safetensors.index.json"):
    for name, tensors in shards.items():
        save(folder / name, tensors)
    weight_map = weight_map or {key: name for name, tensors in shards.items() for key in tensors}
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder / index


@pytest.mark.parametrize("kind", ["safetensors", "torch", "safetensors shards", "torch shards"])
def test_every_form_gives_the_same_tensors(tmp_path, checkpoints, kind):
    if kind == "safetensors":
        checkpoints.save_safetensors(tmp_path / "model.safetensors", {"a": A, "b": B})
    elif kind == "torch":
        checkpoints.save_zip(tmp_path / "pytorch_model.bin", {"a": A, "b": B})
    elif kind == "safetensors shards":
        save_sharded(
            tmp_path,
            checkpoints.save_safetensors,
            {"model-00001-of-00002.safetensors": {"a": A}, "model-00002-of-00002.safetensors": {"b": B}},
        )
    else:
        save_sharded(
            tmp_path,
            checkpoints.save_zip,
            {"pytorch_model-1.bin": {"a": A}, "pytorch_model-2.bin": {"b": B}},
            index="pytorch_model.bin.index.json",
        )
    checkpoint = open_checkpoint(tmp_path)
    assert set(checkpoint.keys()) == {"a", "b"}
    assert checkpoint.shape("a") == (2, 3)
    assert checkpoint.dtype("b") == "F16"
    np.testing.assert_array_equal(checkpoint.read("a"), A)
    np.testing.assert_array_equal(checkpoint.read("b"), B.astype(np.float32))
    assert checkpoint.read("b").dtype == np.float32
    assert len(checkpoint.files) == (3 if "shards" in kind else 1)


def test_floats_become_float32_and_integers_stay(tmp_path, checkpoints):
    path = checkpoints.save_safetensors(tmp_path / "x.safetensors", {"f64": np.array([np.pi]), "i64": np.arange(3)})
    read = contents(path)
    assert read["f64"].dtype == np.float32
    assert read["i64"].dtype == np.int64
    path = checkpoints.save_safetensors(tmp_path / "bf16.safetensors", {"w": A}, bf16=True)
    np.testing.assert_array_equal(contents(path)["w"], A)


@pytest.mark.parametrize(
    ("stored", "canonical"),
    [
        ("wav2vec2.encoder.layers.0.fc.weight", "encoder.layers.0.fc.weight"),
        ("model.encoder.conv1.weight", "conv1.weight"),
        ("model.embed_tokens.weight", "model.embed_tokens.weight"),
        ("decoder.0.parametrizations.weight.original0", "decoder.0.weight_g"),
        ("wav2vec2.p.parametrizations.weight.original1", "p.weight_v"),
        ("a.weight_g", "a.weight_g"),
    ],
)
def test_canonical_spelling(stored, canonical):
    assert canonical_key(stored) == canonical


def test_two_spellings_of_one_tensor_collide(tmp_path, checkpoints):
    path = checkpoints.save_safetensors(tmp_path / "x.safetensors", {"c.weight": A, "wav2vec2.c.weight": A})
    with pytest.raises(ModelFormatError, match=r"'wav2vec2\.c\.weight' is another spelling of 'c\.weight'"):
        open_checkpoint(path)


@pytest.mark.parametrize("name", ["../evil.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "a\\b", 3, None])
def test_shard_names_stay_in_the_directory(tmp_path, checkpoints, name):
    outside = checkpoints.save_safetensors(tmp_path / "evil.safetensors", {"a": A})
    folder = tmp_path / "model"
    folder.mkdir()
    index = save_sharded(folder, checkpoints.save_safetensors, {}, {"a": name})
    with pytest.raises(ModelFormatError, match="leaves the directory") as caught:
        open_checkpoint(folder)
    assert str(index) in caught.value.message
    assert outside.exists()


@pytest.mark.parametrize(
    ("weight_map", "said"),
    [
        ({"a": "s.safetensors", "b": "s.safetensors"}, "lacks tensor 'b'"),
        ({"b": "s.safetensors", "c": "t.safetensors"}, "lacks tensor 'b'"),
        ({"c": "t.safetensors", "a": "u.safetensors"}, "u.safetensors is missing"),
        ({"c": "t.safetensors", "a": "s.safetensors"}, "holds the unlisted tensor 'd'"),
        ({}, "'weight_map'"),
        ([], "'weight_map'"),
    ],
)
def test_index_and_shards_must_agree(tmp_path, checkpoints, weight_map, said):
    checkpoints.save_safetensors(tmp_path / "s.safetensors", {"a": A, "d": A} if "d" in said else {"a": A})
    checkpoints.save_safetensors(tmp_path / "t.safetensors", {"c": A})
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelFormatError, match=said):
        open_checkpoint(path)


def test_broken_index_and_missing_files(tmp_path):
    with pytest.raises(ModelNotFoundError, match="holds no weights"):
        open_checkpoint(tmp_path)
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        open_checkpoint(tmp_path / "x.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(ModelFormatError, match="not JSON"):
        open_checkpoint(tmp_path)


def test_a_file_that_shrinks_while_it_is_read(tmp_path, checkpoints):
    path = checkpoints.save_safetensors(tmp_path / "x.safetensors", {"a": A})
    checkpoint = open_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFormatError, match="'a' is cut short"):
        checkpoint.read("a")
