"""The golden checkpoint, whole, damaged and respelled, through the converter."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.jobs.events import StepStarted
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store import free_space
from gpa_mlx.store.manifest import require_converted, verify_files
from gpa_mlx_convert import pipeline
from gpa_mlx_convert.checkpoint import open_checkpoint
from gpa_mlx_convert.parts import Part
from gpa_mlx_convert.pipeline import ConvertOptions, convert, stream_convert
from gpa_mlx_convert.quantize import Storage
from gpa_mlx_convert.remap.table import Table, WeightRule
from gpa_mlx_convert.writer import Slot

pytestmark = pytest.mark.slow  # not part of `make fast`

WAV2VEC2 = "BiCodec/wav2vec2-large-xlsr-53"
OLD_SPELLING = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
FILES = {
    *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json"),
    *("special_tokens_map.json", "vocab.json", "merges.txt", "added_tokens.json"),
    *("glm_tokenizer/config.json", "glm_tokenizer/preprocessor_config.json", "glm_tokenizer/model.safetensors"),
    *("wav2vec2/config.json", "wav2vec2/preprocessor_config.json", "wav2vec2/model.safetensors"),
    *("bicodec/config.json", "bicodec/model.safetensors"),
}


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """Read an upstream file of either format under its stored keys."""
    if path.suffix == ".bin":
        from gpa_mlx_convert.torch_zip import TorchZipFile

        file = TorchZipFile(path)
        return {name: file.read(name) for name in file.names()}
    return {name: np.array(tensor) for name, tensor in mx.load(str(path)).items()}


def replace(path: Path, raw: bytes | str) -> None:
    """Put a real file in the place of a link into the golden data."""
    path.unlink(missing_ok=True)
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())


def only_the_model_is_there(destination: Path, *others: str) -> bool:
    return {entry.name for entry in destination.parent.iterdir()} == {destination.name, *others}


# What comes out ---------------------------------------------------------------------------------------------------


def test_every_file_is_there_and_vouched_for(converted_small_a, small_a):
    manifest = require_converted(converted_small_a)
    assert set(manifest.files) == FILES
    present = {str(p.relative_to(converted_small_a)) for p in converted_small_a.rglob("*") if p.is_file()}
    assert present == {*FILES, "gpa_mlx.json"}
    assert verify_files(converted_small_a) == []
    assert manifest.model_name == "small-a"
    assert manifest.model_family.startswith("bicodec-")
    assert set(manifest.parts) == {"lm", "glm_tokenizer", "wav2vec2", "bicodec"}
    assert manifest.parts["lm"].dtype == "float32"
    assert manifest.parts["lm"].bits is None
    assert manifest.parts["lm"].tensors == 35
    weights = small_a / WAV2VEC2 / "pytorch_model.bin"
    assert manifest.source.sha256[f"{WAV2VEC2}/pytorch_model.bin"] == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_configs_and_tokenizer_are_verbatim(converted_small_a, small_a):
    for name in FILES:
        upstream = {"glm_tokenizer": "glm-4-voice-tokenizer", "wav2vec2": WAV2VEC2}.get(Path(name).parts[0])
        source = small_a / (name if upstream is None else f"{upstream}/{Path(name).name}")
        if name.endswith((".json", ".txt")) and not name.startswith("bicodec"):
            assert (converted_small_a / name).read_bytes() == source.read_bytes(), name
    codec = json.loads((converted_small_a / "bicodec/config.json").read_text())
    assert "postnet" not in codec["audio_tokenizer"]
    assert codec["audio_tokenizer"]["quantizer"]["codebook_size"] == 512


def test_the_language_model_is_unchanged(converted_small_a, small_a):
    expected = mx.load(str(small_a / "model.safetensors"))
    found = mx.load(str(converted_small_a / "model.safetensors"))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert mx.array_equal(found[name], tensor), name


def test_nothing_that_inference_never_reads_is_kept(converted_small_a):
    features = mx.load(str(converted_small_a / "wav2vec2/model.safetensors"))
    assert max(int(name.split(".")[1]) for name in features if name.startswith("layers.")) == 15
    codec = mx.load(str(converted_small_a / "bicodec/model.safetensors"))
    assert not [name for name in codec if "postnet" in name or "num_batches" in name]


# Spellings and file formats -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["other weight norm", "no prefix", "safetensors", "shards", "model.encoder prefix"])
def test_every_upstream_spelling_gives_the_same_files(upstream_copy, converted_small_a, tmp_path, checkpoints, form):
    root = upstream_copy()
    codec, features = root / "BiCodec/model.safetensors", root / WAV2VEC2 / "pytorch_model.bin"
    if form == "other weight norm":
        for path, save in ((codec, checkpoints.save_safetensors), (features, checkpoints.save_zip)):
            stored = tensors_of(path)
            respelled = {_other_spelling(name): tensor for name, tensor in stored.items()}
            assert respelled.keys() != stored.keys()
            path.unlink()
            save(path, respelled)
    elif form == "no prefix":
        tensors = {name.removeprefix("wav2vec2."): tensor for name, tensor in tensors_of(features).items()}
        features.unlink()
        checkpoints.save_zip(features, tensors)
    elif form == "safetensors":
        tensors = tensors_of(features)
        features.unlink()
        checkpoints.save_safetensors(features.with_name("model.safetensors"), tensors)
    elif form == "shards":
        tensors = list(tensors_of(features).items())
        features.unlink()
        names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
        for number, name in enumerate(names):
            checkpoints.save_safetensors(features.with_name(name), dict(tensors[number::2]))
        weight_map = {key: names[position % 2] for position, (key, _) in enumerate(tensors)}
        index = features.with_name("model.safetensors.index.json")
        index.write_text(json.dumps({"weight_map": weight_map}))
    else:
        path = root / "glm-4-voice-tokenizer/model.safetensors"
        tensors = {f"model.encoder.{name}": tensor for name, tensor in tensors_of(path).items()}
        path.unlink()
        tensors["model.decoder.layers.0.fc1.weight"] = np.ones((2, 2), np.float32)
        checkpoints.save_safetensors(path, tensors)
    manifest = convert(root, tmp_path / "model", ConvertOptions())
    expected = require_converted(converted_small_a).files
    assert manifest.files == expected


def _other_spelling(name: str) -> str:
    for new, old in OLD_SPELLING.items():
        if name.endswith(new):
            return name.removesuffix(new) + old
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def test_bfloat16_upstream_and_target(upstream_copy, tmp_path, checkpoints):
    root = upstream_copy()
    path = root / "model.safetensors"
    tensors = tensors_of(path)
    path.unlink()
    checkpoints.save_safetensors(path, tensors, bf16=True)
    exact = {
        name: mx.array((checkpoints.bfloat16(t).astype(np.uint32) << 16).view(np.float32))
        for name, t in tensors.items()
    }

    convert(root, tmp_path / "f32", ConvertOptions())
    widened = mx.load(str(tmp_path / "f32/model.safetensors"))
    manifest = convert(root, tmp_path / "bf16", ConvertOptions(dtype="bfloat16"))
    kept = mx.load(str(tmp_path / "bf16/model.safetensors"))
    for name, tensor in exact.items():
        assert widened[name].dtype == mx.float32
        assert mx.array_equal(widened[name], tensor), name
        assert kept[name].dtype == mx.bfloat16
        assert mx.array_equal(kept[name].astype(mx.float32), tensor), name
    assert manifest.parts["lm"].dtype == "bfloat16"
    assert manifest.parts["bicodec"].dtype == "float32"
    codec = mx.load(str(tmp_path / "bf16/bicodec/model.safetensors"))
    assert {tensor.dtype for tensor in codec.values()} == {mx.float32}


# Sources that cannot be converted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "glm-4-voice-tokenizer/preprocessor_config.json"])
def test_what_could_not_be_loaded_later_is_not_written(upstream_copy, tmp_path, name):
    root = upstream_copy()
    path = root / name
    config = json.loads(path.read_text())
    key = "hidden_size" if "hidden_size" in config else "n_fft"
    path.write_text(json.dumps(config | {key: 2**31}))
    with pytest.raises(ModelFormatError, match=f"'{key}' must be at most"):
        convert(root, tmp_path / "out", ConvertOptions())
    assert not (tmp_path / "out").exists()


def test_all_missing_parts_are_listed(upstream_copy, tmp_path):
    root = upstream_copy()
    gone = ["tokenizer.json", "glm-4-voice-tokenizer/preprocessor_config.json", f"{WAV2VEC2}/pytorch_model.bin"]
    for name in gone:
        (root / name).unlink()
    with pytest.raises(ModelFormatError, match="not a complete upstream GPA checkpoint") as caught:
        convert(root, tmp_path / "model", ConvertOptions())
    for name in (*gone[:2], WAV2VEC2, "model.safetensors", "pytorch_model.bin"):
        assert name in caught.value.message
    assert not (tmp_path / "model").exists()


def test_sources_that_are_no_upstream_directory(tmp_path, converted_small_a, small_a):
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        convert(tmp_path / "none", tmp_path / "model", ConvertOptions())
    with pytest.raises(ModelNotFoundError, match="not a directory"):
        convert(small_a / "config.json", tmp_path / "model", ConvertOptions())
    with pytest.raises(ModelFormatError, match="already converted"):
        convert(converted_small_a, tmp_path / "model", ConvertOptions())


def _drop(path, checkpoints, key):
    tensors = tensors_of(path)
    path.unlink()
    checkpoints.save_safetensors(path, {name: tensor for name, tensor in tensors.items() if name != key})


def _change(path, checkpoints, key, change):
    tensors = tensors_of(path)
    tensors[key] = change(tensors.get(key))
    path.unlink()
    checkpoints.save_safetensors(path, tensors)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda r, c: _drop(r / "model.safetensors", c, "model.norm.weight"), "'model.norm.weight' is missing"),
        (
            lambda r, c: _change(r / "model.safetensors", c, "model.extra", lambda _: np.ones(2, np.float32)),
            "unexpected tensor 'model.extra'",
        ),
        (
            lambda r, c: _change(r / "glm-4-voice-tokenizer/model.safetensors", c, "conv1.bias", lambda t: t[:-1]),
            "'conv1.bias' must have shape (64,)",
        ),
        (
            lambda r, c: _change(r / "glm-4-voice-tokenizer/model.safetensors", c, "conv1.bias", lambda t: t * np.nan),
            "NaN",
        ),
        (lambda r, c: replace(r / "BiCodec/model.safetensors", b"\x10" * 100), "BiCodec/model.safetensors"),
        (lambda r, c: replace(r / "BiCodec/config.yaml", "a: ["), "config.yaml cannot be read"),
        (lambda r, c: replace(r / "BiCodec/config.yaml", "- 1"), "config.yaml"),
        (lambda r, c: replace(r / "BiCodec/config.yaml", "a: &x [1]\nb: [*x, *x]"), "aliases are not supported"),
        (lambda r, c: replace(r / "BiCodec/config.yaml", "a: !!python/object/apply:os.system [ls]"), "config.yaml"),
        (lambda r, c: replace(r / "config.json", "{"), "config.json cannot be read"),
        (lambda r, c: replace(r / "tokenizer.json", "{}"), "tokenizer.json"),
    ],
)
def test_damage_is_named_and_leaves_nothing(upstream_copy, tmp_path, checkpoints, damage, said):
    root = upstream_copy()
    damage(root, checkpoints)
    with pytest.raises(ModelFormatError) as caught:
        convert(root, tmp_path / "model", ConvertOptions())
    assert said in caught.value.message
    assert str(root) in caught.value.message
    assert [entry.name for entry in tmp_path.iterdir()] == ["upstream"]


def test_a_tokenizer_without_the_audio_tokens(upstream_copy, tmp_path):
    root = upstream_copy()
    content = json.loads((root / "tokenizer.json").read_text())
    content["added_tokens"] = [t for t in content["added_tokens"] if "bicodec_semantic_5" not in t["content"]]
    replace(root / "tokenizer.json", json.dumps(content))
    with pytest.raises(ModelFormatError, match=r"tokenizer\.json"):
        convert(root, tmp_path / "model", ConvertOptions())


# Destinations -------------------------------------------------------------------------------------------------------


def test_an_existing_model_needs_force(small_a, converted_small_a, tmp_path):
    destination = tmp_path / "model"
    shutil.copytree(converted_small_a, destination)
    (destination / "mine.txt").write_text("old")
    with pytest.raises(SettingsError, match="exists"):
        convert(small_a, destination, ConvertOptions())
    assert (destination / "mine.txt").exists()
    convert(small_a, destination, ConvertOptions(dtype="bfloat16", force=True))
    assert require_converted(destination).parts["lm"].dtype == "bfloat16"
    assert not (destination / "mine.txt").exists()
    assert only_the_model_is_there(destination)


def test_force_never_removes_the_source(upstream_copy, converted_small_a, tmp_path):
    root = upstream_copy()
    shutil.copy(converted_small_a / "gpa_mlx.json", tmp_path)  # the folder around it looks like a converted model
    for destination in (root, tmp_path):
        with pytest.raises(SettingsError, match="holds the source"):
            convert(root, destination, ConvertOptions(force=True))
    assert (root / "config.json").exists()


def test_a_destination_behind_a_link(small_a, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    convert(small_a, tmp_path / "link" / "new" / "model", ConvertOptions())
    assert (tmp_path / "disk/new/model/gpa_mlx.json").is_file()


def test_too_little_space_is_said_first_and_tried(small_a, tmp_path, monkeypatch):
    """What counts as free is a guess of the system, which may make room."""
    monkeypatch.setattr(free_space, "free_bytes", lambda place: 30_000_000)
    warning, *_ = stream_convert(small_a, tmp_path / "model", ConvertOptions())
    assert isinstance(warning, StepStarted)
    assert "only 30 MB are free" in warning.step
    assert (tmp_path / "model" / "gpa_mlx.json").is_file()


def test_the_space_asked_for_is_what_is_written(small_a, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(pipeline, "space_warning", lambda destination, needed, what: asked.append(needed))
    for number, options in enumerate((ConvertOptions(), ConvertOptions("bfloat16", 6))):
        manifest = convert(small_a, tmp_path / str(number), options)
        assert asked[number] - pipeline._MARGIN_BYTES == sum(info.size for info in manifest.files.values())


def test_a_full_disk_leaves_nothing(small_a, tmp_path, monkeypatch):
    calls = []
    original = os.fsync

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 12:
            raise OSError(28, "No space left on device")
        original(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GPAError, match="No space left on device"):
        convert(small_a, tmp_path / "model", ConvertOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interrupted", [True, False], ids=["interrupted", "closed"])
def test_an_interrupt_leaves_the_old_model(interrupted, small_a, converted_small_a, tmp_path):
    destination = tmp_path / "model"
    shutil.copytree(converted_small_a, destination)

    steps = stream_convert(small_a, destination, ConvertOptions("bfloat16", force=True))
    for step in steps:
        if step.part == "wav2vec2":
            break
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            steps.throw(KeyboardInterrupt())
    else:
        steps.close()
    assert require_converted(destination).parts["lm"].dtype == "float32"
    assert verify_files(destination) == []
    assert only_the_model_is_there(destination)


def test_killed_at_random_moments(small_a, tmp_path):
    destination = tmp_path / "model"
    root = Path(pipeline.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "convert"), str(root / "tui")])}
    command = [sys.executable, "-m", "gpa_mlx", "convert", str(small_a), "-o", str(destination), "--force"]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    whole_s = time.perf_counter() - start
    for _ in range(4):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.3, 1) * whole_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if destination.exists():
            assert verify_files(destination) == []
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert verify_files(destination) == []
    assert only_the_model_is_there(destination)


# Progress and memory ------------------------------------------------------------------------------------------------


def test_progress_counts_every_part_to_its_end(small_a, tmp_path):
    steps = list(stream_convert(small_a, tmp_path / "model", ConvertOptions()))
    parts = list(dict.fromkeys(step.part for step in steps))
    assert parts == ["lm", "glm_tokenizer", "wav2vec2", "bicodec"]
    for part in parts:
        done = [step.done_bytes for step in steps if step.part == part]
        totals = {step.total_bytes for step in steps if step.part == part}
        assert done == sorted(done)
        assert len(totals) == 1
        assert done[-1] == totals.pop()


def test_memory_is_bounded_by_a_few_tensors(tmp_path, checkpoints):
    count, size = 40, 1 << 20
    tensors = {f"wav2vec2.{number}": np.full((size // 1024, 256), number, np.float32) for number in range(count)}
    path = checkpoints.save_zip(tmp_path / "pytorch_model.bin", tensors)
    del tensors
    table = Table(tuple(WeightRule(str(number), (str(number),), np.negative) for number in range(count)))
    shapes = {str(number): (size // 1024, 256) for number in range(count)}
    slots = [Slot(name, "F32", shape, size) for name, shape in shapes.items()]
    part = Part("lm", open_checkpoint(path), table, shapes, Storage(), slots, {})

    mx.clear_cache()
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    tracemalloc.start()
    list(pipeline._convert_part(part, tmp_path, tmp_path))
    peak = tracemalloc.get_traced_memory()[1] + mx.get_peak_memory() - before
    tracemalloc.stop()
    assert peak < 8 * size
    written = mx.load(str(tmp_path / "model.safetensors"))
    assert all((written[str(number)] == -number).all() for number in range(count))


# The language model as mlx-lm sees it -------------------------------------------------------------------------------


def mlx_lm_logits(path: Path, ids: np.ndarray) -> np.ndarray:
    mlx_lm = pytest.importorskip("mlx_lm")
    model, tokenizer = mlx_lm.load(str(path))
    assert tokenizer.decode(tokenizer.encode("hello")) == "hello"
    return np.array(model(mx.array(ids[None]))[0, -1].astype(mx.float32))


def test_mlx_lm_opens_the_float32_model(converted_small_a, golden):
    data = golden("llm")
    logits = mlx_lm_logits(converted_small_a, data["stt_slt|prompt_ids"])
    np.testing.assert_allclose(logits, data["stt_slt|last_logits"], atol=1e-3)


def test_mlx_lm_generates_with_a_converted_model(converted_small_a):
    pytest.importorskip("mlx_lm")
    options = ["--model", converted_small_a, "--prompt", "hello", "--max-tokens", "2"]
    result = subprocess.run(
        [sys.executable, "-m", "mlx_lm", "generate", *options],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Generation: 2 tokens" in result.stdout


@pytest.mark.parametrize(("bits", "dtype"), [(4, "float32"), (6, "float32"), (8, "float32"), (4, "bfloat16")])
@pytest.mark.parametrize("untied", [False, True])
def test_mlx_lm_opens_a_quantised_model(upstream_copy, tmp_path, checkpoints, golden, bits, dtype, untied):
    root = upstream_copy()
    if untied:
        _untie(root, checkpoints)
    manifest = convert(root, tmp_path / "model", ConvertOptions(dtype, bits))
    assert manifest.parts["lm"].bits == bits
    data = golden("llm")
    logits = mlx_lm_logits(tmp_path / "model", data["stt_slt|prompt_ids"])
    exact = data["stt_slt|last_logits"]
    error = np.linalg.norm(logits - exact) / np.linalg.norm(exact)
    assert error < {4: 0.25, 6: 0.07, 8: 0.02}[bits]

    stored = mx.load(str(tmp_path / "model/model.safetensors"))
    scale_dtype = mx.float32 if dtype == "float32" else mx.bfloat16
    expected = {"model.embed_tokens": 8, "model.layers.0.mlp.down_proj": bits, "model.layers.2.self_attn.q_proj": bits}
    if untied:
        expected["lm_head"] = 8
    plain = mx.load(str(root / "model.safetensors"))
    for layer, layer_bits in expected.items():
        assert stored[f"{layer}.scales"].dtype == scale_dtype
        width = stored[f"{layer}.scales"].shape[-1] * 32
        assert stored[f"{layer}.weight"].shape[-1] * 32 == width * layer_bits
        restored = mx.dequantize(
            stored[f"{layer}.weight"], stored[f"{layer}.scales"], stored[f"{layer}.biases"], 32, layer_bits
        )
        weight = plain[f"{layer}.weight"]
        step = (weight.max() - weight.min()) / (2**layer_bits - 1)
        assert mx.abs(restored - weight).max() < step + 0.01 * mx.abs(weight).max()


def _untie(root, checkpoints):
    config = json.loads((root / "config.json").read_text())
    replace(root / "config.json", json.dumps({**config, "tie_word_embeddings": False}))
    path = root / "model.safetensors"
    _change(path, checkpoints, "lm_head.weight", lambda _: tensors_of(path)["model.embed_tokens.weight"])


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "BiCodec"])
def test_a_link_that_leads_out_of_the_source_is_not_followed(upstream_copy, tmp_path, name):
    source = upstream_copy()
    (source / name).rename(tmp_path / "private")
    (source / name).symlink_to(tmp_path / "private")
    with pytest.raises(ModelFormatError, match="a link that leads out of"):
        convert(source, tmp_path / "out", ConvertOptions())
    assert not (tmp_path / "out").exists()


def test_the_links_of_the_hub_cache_are_followed(upstream_copy, tmp_path):
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / ("0" * 40), tmp_path / "models--a--b" / "blobs"
    snapshot.parent.mkdir(parents=True)
    blobs.mkdir()
    upstream_copy().rename(snapshot)
    (snapshot / "model.safetensors").rename(blobs / "1234")
    (snapshot / "model.safetensors").symlink_to("../../blobs/1234")
    assert convert(snapshot, tmp_path / "out", ConvertOptions()).parts["lm"].tensors > 0
