"""Opening converted models: lazily, strictly, and with errors that name what is wrong."""

from __future__ import annotations

import json
import shutil

import pytest

import gpa_mlx
from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import GenerationOptions
from gpa_mlx_convert.pipeline import ConvertOptions, convert


@pytest.fixture
def model(converted_small_a, tmp_path):
    """A copy that a test may damage; sizes in the manifest are forgotten, so that the loader itself must notice."""
    copy = tmp_path / "model"
    shutil.copytree(converted_small_a, copy)
    return copy


def forget_size(model, name):
    path = model / "gpa_mlx.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name]["size"] = (model / name).stat().st_size
    path.write_text(json.dumps(manifest))


def rewrite(model, change, part="glm_tokenizer"):
    name = f"{part}/model.safetensors"
    tensors = mx.load(str(model / name))
    change(tensors)
    mx.eval(list(tensors.values()))
    mx.save_safetensors(str(model / "new.safetensors"), tensors)
    (model / "new.safetensors").replace(model / name)
    forget_size(model, name)


def test_opening_reads_no_weights(converted_small_a):
    parts = GPAModel(converted_small_a)
    assert parts.loaded == []


def test_a_missing_directory(tmp_path):
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        gpa_mlx.load(tmp_path / "nowhere")


def test_an_upstream_directory_is_told_to_be_converted(small_a):
    with pytest.raises(ModelFormatError) as caught:
        gpa_mlx.load(small_a)
    assert "gpa-mlx convert" in caught.value.hint


def test_a_missing_tensor_is_named(model):
    rewrite(model, lambda tensors: tensors.pop("layers.1.fc1.bias"))
    with pytest.raises(ModelFormatError, match=r"glm_tokenizer.*'layers\.1\.fc1\.bias' is missing"):
        _ = GPAModel(model).glm


def test_an_extra_tensor_is_named(model):
    rewrite(model, lambda tensors: tensors.update(surplus=mx.zeros((2,))))
    with pytest.raises(ModelFormatError, match="'surplus' is not expected"):
        _ = GPAModel(model).glm


def test_a_wrong_shape_is_named(model):
    rewrite(model, lambda tensors: tensors.update({"conv1.bias": mx.zeros((3,))}))
    with pytest.raises(ModelFormatError, match=r"'conv1\.bias' has shape \(3,\), the config asks for \(64,\)"):
        _ = GPAModel(model).glm


def test_a_truncated_file_is_named(model):
    name = "bicodec/model.safetensors"
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelFormatError, match="bicodec"):
        _ = GPAModel(model).vocoder
    forget_size(model, name)
    with pytest.raises(ModelFormatError, match="bicodec"):
        _ = GPAModel(model).vocoder


def test_a_tokenizer_without_audio_tokens(model):
    path = model / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if "bicodec" not in t["content"]]
    path.write_text(json.dumps(tokenizer))
    forget_size(model, "tokenizer.json")
    with pytest.raises(ModelFormatError, match=r"tokenizer\.json"):
        GPAModel(model)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"d_model": "x"}'])
def test_a_broken_config_is_named(model, content):
    (model / "glm_tokenizer" / "config.json").write_text(content)
    forget_size(model, "glm_tokenizer/config.json")
    with pytest.raises(ModelFormatError, match="glm_tokenizer"):
        GPAModel(model)


def test_closing_frees_the_parts_and_they_come_back(converted_small_a, golden_audio):
    gpa = gpa_mlx.load(converted_small_a)
    before = gpa.make_voice(golden_audio("slt"), name="slt")
    gpa.close()
    assert gpa.parts_loaded == ()
    assert gpa.make_voice(golden_audio("slt"), name="slt") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [ConvertOptions(dtype="bfloat16"), ConvertOptions(lm_bits=8), ConvertOptions(lm_bits=4)]
)
def test_smaller_language_models_run_all_tasks(small_a, tmp_path, golden_audio, options):
    convert(small_a, tmp_path / "model", options)
    with gpa_mlx.load(tmp_path / "model") as gpa:
        voice = gpa.make_voice(golden_audio("rms"), name="rms")
        sampling = GenerationOptions(max_tokens=12, temperature=0.8, seed=1)
        speech = gpa.speak("Hello.", voice=voice, options=sampling)
        assert len(speech.audio) == 320 * len(speech.codes) > 0
        assert len(gpa.convert_voice(golden_audio("slt"), voice=voice, options=sampling).codes) > 0
        assert gpa.transcribe(golden_audio("slt")).finish_reason == "stop"


@pytest.mark.slow
def test_an_8_bit_head_differs_little_from_the_float_one(small_a, converted_small_a, tmp_path, golden):
    convert(small_a, tmp_path / "model", ConvertOptions(lm_bits=8))
    ids = mx.array(golden("llm")["stt_slt|prompt_ids"])[None]
    exact, quantised = GPAModel(converted_small_a), GPAModel(tmp_path / "model")
    for head in ("speech_head", "text_head", "full_head"):
        a = getattr(exact, head)(exact.language_model.model(ids)[:, -1])
        b = getattr(quantised, head)(quantised.language_model.model(ids)[:, -1])
        assert float(mx.abs(a - b).max()) < 0.05 * float(a.max() - a.min())


def test_speech_defaults_are_the_reference_s_unless_the_manifest_says_otherwise(model):
    with gpa_mlx.load(model) as gpa:
        assert gpa.default_options("speak") == GenerationOptions(temperature=0.2, repetition_penalty=1.2)
        assert gpa.max_passage_chars == 200
    manifest = json.loads((model / "gpa_mlx.json").read_text())
    (model / "gpa_mlx.json").write_text(
        json.dumps(manifest | {"speech_repetition_penalty": 1.0, "speech_max_chars": 20})
    )
    with gpa_mlx.load(model) as gpa:
        for task in ("speak", "vc"):
            assert gpa.default_options(task) == GenerationOptions(temperature=0.2, repetition_penalty=1.0)
        assert gpa.max_passage_chars == 20
        assert gpa.default_options("transcribe") == GenerationOptions()
