"""A model stored in half precision computes in float32 where that is faster or needed."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from mlx.utils import tree_flatten

import gpa_mlx
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.manifest import FileInfo, read_manifest, sha256_of, write_manifest

WEIGHTS = ("model.safetensors", *(f"{part}/model.safetensors" for part in ("glm_tokenizer", "wav2vec2", "bicodec")))


def stored_as(model, dtype, destination):
    """Copy a model with all weights in another precision."""
    shutil.copytree(model, destination)
    manifest = read_manifest(model)
    files = dict(manifest.files)
    for name in WEIGHTS:
        tensors = mx.load(str(model / name))
        assert isinstance(tensors, dict)
        mx.save_safetensors(str(destination / name), {key: tensor.astype(dtype) for key, tensor in tensors.items()})
        files[name] = FileInfo((destination / name).stat().st_size, sha256_of(destination / name))
    write_manifest(destination, dataclasses.replace(manifest, files=files))
    return destination


@pytest.fixture(params=["float16", "bfloat16"])
def half(request, converted_small_a, tmp_path):
    """The golden model in half the bytes, and the name of their precision."""
    return stored_as(converted_small_a, getattr(mx, request.param), tmp_path / "half"), request.param


def precisions(parts):
    networks = {
        "lm": parts.language_model,
        "glm": parts.glm._network,
        "wav2vec2": parts.semantic._features,
        "semantic": parts.semantic._encoder,
        "speaker": parts.speaker._encoder,
        "vocoder": parts.vocoder._network,
    }
    found = {}
    for name, network in networks.items():
        tensors = dict(tree_flatten(network.parameters())).values()
        found[name] = {tensor.dtype for tensor in tensors if mx.issubdtype(tensor.dtype, mx.floating)}
    return found


def test_every_network_computes_in_float32_on_the_cpu(half):
    model, _ = half
    if mx.default_device() != mx.Device(mx.cpu):
        pytest.skip("MLX computes on a GPU here")
    assert set().union(*precisions(GPAModel(model)).values()) == {mx.float32}


def test_elsewhere_only_the_audio_networks_leave_float16(half, monkeypatch):
    model, stored = half
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    found = precisions(GPAModel(model))
    assert found.pop("lm") == {getattr(mx, stored)}
    wanted = mx.float32 if stored == "float16" else mx.bfloat16
    assert set().union(*found.values()) == {wanted}


def test_half_precision_changes_the_codec_by_rounding_only(converted_small_a, golden_audio, tmp_path):
    model = stored_as(converted_small_a, mx.float16, tmp_path / "half")
    with gpa_mlx.load(converted_small_a) as whole, gpa_mlx.load(model) as half:
        tokens = whole.tokenize(golden_audio("slt"))
        codes = tokens.semantic.tolist(), tokens.global_tokens.tolist()
        expected, found = whole.detokenize(*codes), half.detokenize(*codes)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.01 * np.sqrt(np.mean(expected**2))
