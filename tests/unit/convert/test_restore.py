"""A converted model once more, with its language model in another precision."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gpa_mlx
from gpa_mlx.errors import ModelFormatError
from gpa_mlx.model.demo import demo_model, demo_samples
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.store.manifest import read_manifest, verify_files
from gpa_mlx.store.safetensors_header import read_safetensors_header
from gpa_mlx.train.language_model.export import write_fused
from gpa_mlx_convert.restore import store_again


@pytest.mark.parametrize(
    ("dtype", "bits", "stored"),
    [
        ("float32", None, {"F32"}),
        ("bfloat16", None, {"BF16"}),
        ("bfloat16", 4, {"BF16", "U32"}),
    ],
)
def test_it_is_a_whole_model_that_still_understands(tmp_path, dtype, bits, stored):
    manifest = store_again(demo_model(), tmp_path / "model", dtype=dtype, bits=bits)
    assert verify_files(tmp_path / "model") == []
    assert read_manifest(tmp_path / "model") == manifest
    assert (manifest.parts["lm"].dtype, manifest.parts["lm"].bits) == (dtype, bits)
    assert manifest.model_family == read_manifest(demo_model()).model_family
    header = read_safetensors_header(tmp_path / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in header.values()} == stored
    sample = demo_samples()[0]
    with gpa_mlx.load(tmp_path / "model") as engine:
        assert engine.transcribe(sample.file).text == sample.text


def test_what_is_quantised_is_not_stored_again(tmp_path):
    store_again(demo_model(), tmp_path / "small", bits=8)
    with pytest.raises(ModelFormatError, match="quantised already"):
        store_again(tmp_path / "small", tmp_path / "smaller", bits=4)
    assert not (tmp_path / "smaller").exists()


def test_a_link_that_leads_out_of_a_model_is_not_copied(tmp_path):
    model = Path(shutil.copytree(demo_model(), tmp_path / "model"))
    private = (model / "tokenizer.json").rename(tmp_path / "private")
    (model / "tokenizer.json").symlink_to(private)
    with pytest.raises(ModelFormatError, match="a link that leads out of"):
        store_again(model, tmp_path / "again")
    with pytest.raises(ModelFormatError, match="a link that leads out of"):
        write_fused(GPAModel(model), tmp_path / "fused", "fused")
    assert not (tmp_path / "again").exists()
    assert not (tmp_path / "fused").exists()


def test_links_of_the_hub_librarys_cache_are_followed(tmp_path):
    model = Path(shutil.copytree(demo_model(), tmp_path / "snapshots" / "abc"))
    (tmp_path / "blobs").mkdir()
    (model / "tokenizer.json").rename(tmp_path / "blobs" / "1234")
    (model / "tokenizer.json").symlink_to("../../blobs/1234")
    store_again(model, tmp_path / "again")
    assert (tmp_path / "again" / "tokenizer.json").is_file()
