"""The benchmark's torch BiCodec against the recorded codes of the reference, asked as the benchmark asks it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import soundfile

from tests.bench.torch_worker import TorchWorker

MISSING = [name for name in ("torch", "transformers", "safetensors") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SPELLINGS = {
    "weight_g": {},
    "parametrizations": {
        ".weight_g": ".parametrizations.weight.original0",
        ".weight_v": ".parametrizations.weight.original1",
    },
}


def respelled(small_a, folder, suffixes):
    """Link everything BiCodec needs into a new directory, with the tensors' suffixes replaced."""
    from safetensors.numpy import load_file, save_file

    source, target = small_a / "BiCodec", folder / "BiCodec"
    target.mkdir()
    for name in ("config.yaml", "wav2vec2-large-xlsr-53"):
        (target / name).symlink_to(source / name)
    tensors = load_file(source / "model.safetensors")
    for old, new in suffixes.items():
        tensors = {name.replace(old, new): tensor for name, tensor in tensors.items()}
    save_file(tensors, target / "model.safetensors")
    return folder


@pytest.fixture(scope="module", params=SPELLINGS)
def worker(request, small_a, tmp_path_factory):
    suffixes = SPELLINGS[request.param]
    source = respelled(small_a, tmp_path_factory.mktemp("source"), suffixes) if suffixes else small_a
    worker = TorchWorker(source)
    worker.ask("load", part="bicodec")
    yield worker
    worker.close()


@pytest.fixture
def wave(request, golden_audio, tmp_path):
    """File of the first channel's samples, as the worker takes it."""
    samples, rate_hz = soundfile.read(golden_audio(request.param))
    assert rate_hz == 16_000
    np.save(tmp_path / "wave.npy", samples)
    return request.param, str(tmp_path / "wave.npy")


@pytest.mark.parametrize("wave", ["slt", "short01"], indirect=True)
@pytest.mark.parametrize(("op", "recorded"), [("semantic", "semantic_tokens"), ("global", "global_tokens")])
def test_codes_equal_the_reference(worker, golden, wave, op, recorded):
    audio_id, file = wave
    assert worker.ask(op, wave=file)["codes"] == golden("bicodec_encode")[f"{audio_id}|{recorded}"].tolist()
