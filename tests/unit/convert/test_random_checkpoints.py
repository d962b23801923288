"""Checkpoints of the family that differ from the recorded one: they convert, run, and compute the right thing.

The checkpoints are tiny and random (`tests/support/random_checkpoint.py`). What they should compute comes from mlx-lm,
from transformers where it is installed, and from numpy networks that are themselves checked against the recordings.
"""

from __future__ import annotations

import importlib
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from gpa_mlx.audio.dsp.mel import linear_mel, reference_clip, whisper_log_mel
from gpa_mlx.engine.gpa import load
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.wav2vec2 import Wav2Vec2, Wav2Vec2Args
from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs
from gpa_mlx.runtime.backend import mx
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions
from gpa_mlx_convert.pipeline import ConvertOptions, convert

pytestmark = pytest.mark.slow  # not part of `make fast`

sys.path.append(str(Path(__file__).parents[2] / "support"))
specs = importlib.import_module("checkpoint_specs")
tensors = importlib.import_module("checkpoint_tensors")
checkpoints = importlib.import_module("random_checkpoint")
oracle = importlib.import_module("numpy_networks")

GLM, CODEC = "glm-4-voice-tokenizer", "BiCodec"
WAV2VEC2 = "BiCodec/wav2vec2-large-xlsr-53"
GREEDY = GenerationOptions(max_tokens=4)
SEED = 3  # with it no mix answers with the stop token at once

MIXES = {
    "as-published": (),
    "mix-1": ("untied-head", "bf16-lm", "half-encoders", "other-glm", "other-wav2vec2", "other-speaker"),
    "mix-2": ("sharded-lm", "whole-glm", "wav2vec2-safetensors", "other-decoder", "other-vocabulary"),
    "mix-3": ("parametrized-weight-norm", "centred-glm", "other-frame-rate", "mel-buffers"),
}
every_mix = pytest.mark.parametrize("mix", MIXES)


def spec_of(mix):
    return specs.varied(specs.TINY, MIXES[mix])


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Write and convert a mix of variants once: `source, converted = build("mix-1")`."""
    built = {}

    def get(mix):
        if mix not in built:
            folder = tmp_path_factory.mktemp(mix)
            source = checkpoints.write_checkpoint(folder / "source", spec_of(mix), seed=SEED)
            convert(source, folder / "converted", ConvertOptions())
            built[mix] = (source, folder / "converted")
        return built[mix]

    return get


@pytest.fixture(scope="module")
def wave(golden_audio):
    """1.1 s of sound, float32 at 16 kHz: three GLM blocks of 25 positions."""
    return soundfile.read(golden_audio("slt"), dtype="float32")[0]


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_codec(source):
    return yaml.safe_load((source / CODEC / "config.yaml").read_text(encoding="utf-8"))["audio_tokenizer"]


def test_the_mixes_hold_every_variant():
    assert {variant for mix in MIXES.values() for variant in mix} == set(specs.VARIANTS)


# -- the generator ----------------------------------------------------------------------------------------------------


def test_the_full_size_has_the_published_ids():
    tokens = specs.FULL.added_tokens()
    firsts = ["<|endoftext|>", "<|glm_semantic_0|>", "<|bicodec_global_0|>", "<|bicodec_semantic_0|>"]
    ids = [specs.FULL.base_tokens + tokens.index(token) for token in firsts]
    assert ids == [151643, 151727, 168111, 172207]
    assert specs.FULL.base_tokens + len(tokens) == 180399 <= specs.FULL.vocab_size


@pytest.mark.parametrize(
    ("file", "listing"),
    [
        ("model.safetensors", tensors.lm_tensors),
        (f"{GLM}/model.safetensors", tensors.glm_tensors),
        (f"{CODEC}/model.safetensors", tensors.bicodec_tensors),
    ],
)
def test_with_the_recorded_config_the_recorded_tensors_are_listed(small_a, file, listing):
    spec = specs.Spec(
        lm=read_json(small_a / "config.json"),
        glm=read_json(small_a / GLM / "config.json"),
        wav2vec2=read_json(small_a / WAV2VEC2 / "config.json"),
        bicodec={"audio_tokenizer": read_codec(small_a)},
        base_tokens=600,
        vocabulary_padding=64,
    )
    with (small_a / file).open("rb") as stream:
        header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
    recorded = {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    assert {tensor.name: tensor.shape for tensor in listing(spec)} == recorded


def test_the_same_seed_gives_the_same_file(tmp_path):
    listed = list(tensors.glm_tensors(specs.TINY))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        checkpoints.write_safetensors(tmp_path / name, listed, seed)
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same
    assert first != other


# -- every mix runs ----------------------------------------------------------------------------------------------------


@every_mix
def test_every_mix_converts_and_runs_all_tasks(build, wave, mix):
    spec = spec_of(mix)
    speaker = spec.codec["speaker_encoder"]
    audio = (wave, SAMPLE_RATE_HZ)
    with load(build(mix)[1]) as gpa:
        tokens = gpa.tokenize(audio)
        voice = gpa.make_voice(audio, name="noise")
        heard = gpa.transcribe(audio, options=GREEDY, vad=False)
        spoken = [
            gpa.speak("the tiny model", voice=voice, options=GREEDY),
            gpa.convert_voice(audio, voice=voice, options=GREEDY),
        ]
    hop = 320 * math.prod(spec.codec["prenet"]["sample_ratios"])
    samples_per_code = 320 * spec.glm["pooling_kernel_size"]
    assert len(tokens.glm) == -(-len(wave) // samples_per_code)
    assert tokens.glm.max() < spec.glm["quantize_vocab_size"]
    assert tokens.semantic.max() < spec.codec["quantizer"]["codebook_size"]
    assert len(tokens.global_tokens) == len(voice.global_tokens) == speaker["token_num"]
    assert max(voice.global_tokens) < np.prod(speaker["fsq_levels"])
    assert heard.finish_reason in ("stop", "length")
    assert heard.timings.generated_tokens >= 1
    for speech in spoken:
        assert len(speech.audio) == hop * len(speech.codes) > 0
        assert np.isfinite(speech.audio).all()
        assert speech.audio.std() > 1e-4


def test_the_layout_follows_the_tokenizer(build):
    spec = spec_of("mix-2")
    layout = GPAModel(build("mix-2")[1]).layout
    tokens = spec.added_tokens()
    assert layout.glm.first_id == spec.base_tokens + tokens.index("<|audio_0|>")
    assert layout.glm.size == spec.glm["quantize_vocab_size"]
    assert layout.global_.first_id == layout.glm.first_id + layout.glm.size
    assert layout.text_ranges == ((0, spec.base_tokens),)


# -- language model ---------------------------------------------------------------------------------------------------


@every_mix
def test_the_language_model_equals_mlx_lm_on_the_upstream_files(build, mix):
    from mlx_lm.models.qwen3 import Model, ModelArgs

    source, converted = build(mix)
    reference = Model(ModelArgs.from_dict(read_json(source / "config.json")))
    weights = {}
    for file in source.glob("model*.safetensors"):
        weights.update({name: tensor.astype(mx.float32) for name, tensor in mx.load(str(file)).items()})
    reference.load_weights(list(weights.items()), strict=True)

    parts = GPAModel(converted)
    ids = mx.array(np.random.default_rng(0).integers(0, parts.lm_args.vocab_size, (1, 40)))
    ours, theirs = np.array(parts.language_model(ids)), np.array(reference(ids))
    assert theirs.std() > 1  # the logits say something
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


# -- audio networks ---------------------------------------------------------------------------------------------------


def test_the_numpy_networks_equal_the_recordings(small_a, golden):
    pre, encoded, decoded = golden("preprocess"), golden("bicodec_encode"), golden("bicodec_decode")
    glm = oracle.load_tensors(small_a / GLM / "model.safetensors")
    codec, config = oracle.load_tensors(small_a / CODEC / "model.safetensors"), read_codec(small_a)
    valid = int(pre["slt|logmel_mask"].sum())
    hidden = oracle.glm_hidden(glm, read_json(small_a / GLM / "config.json"), pre["slt|logmel"].T, valid)
    assert oracle.glm_codes(glm, hidden).tolist() == golden("glm")["slt|tokens"].tolist()
    semantic = oracle.semantic_codes(codec, config, encoded["slt|mix"])
    assert semantic.tolist() == encoded["slt|semantic_tokens"].tolist()
    speaker = oracle.global_codes(codec, config, pre["slt|bicodec_mel"].T)
    assert speaker.tolist() == encoded["slt|global_tokens"].ravel().tolist()
    sound = oracle.waveform(codec, config, semantic, speaker)
    np.testing.assert_allclose(sound, decoded["sem=slt,glob=slt|wav"], atol=1e-5)


@every_mix
def test_the_glm_tokenizer_equals_the_numpy_network(build, wave, mix):
    source, converted = build(mix)
    config = read_json(source / GLM / "config.json")
    mel = whisper_log_mel(
        wave,
        n_mels=config["num_mel_bins"],
        pad_multiple_samples=320 * config["pooling_kernel_size"],
        max_samples=30 * SAMPLE_RATE_HZ,
    )
    weights = oracle.load_tensors(source / GLM / "model.safetensors")
    expected = oracle.glm_hidden(weights, config, mel.frames, mel.valid_frames)

    network = WhisperVQ(WhisperVQArgs.from_dict(config, "config.json"))
    network.load_weights(str(converted / "glm_tokenizer" / "model.safetensors"), strict=True)
    valid = np.arange(len(mel.frames)) < mel.valid_frames
    hidden = np.array(network.hidden(mx.array(mel.frames[None]), mx.array(valid[None]))[0])
    np.testing.assert_allclose(hidden[: len(expected)], expected, atol=1e-4 * expected.std())
    assert GPAModel(converted).glm.encode(wave).tolist() == oracle.glm_codes(weights, expected).tolist()


@every_mix
def test_wav2vec2_equals_transformers(build, wave, mix):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source, converted = build(mix)
    reference = transformers.Wav2Vec2Model.from_pretrained(source / WAV2VEC2, dtype=torch.float32).eval()
    samples = ((wave - wave.mean()) / wave.std())[None]
    with torch.no_grad():
        states = reference(torch.from_numpy(samples), output_hidden_states=True).hidden_states
    expected = np.mean([states[index].numpy() for index in (11, 14, 16)], axis=0)

    network = Wav2Vec2(Wav2Vec2Args.from_dict(read_json(source / WAV2VEC2 / "config.json"), "config.json"))
    network.load_weights(str(converted / "wav2vec2" / "model.safetensors"), strict=True)
    np.testing.assert_allclose(np.array(network(mx.array(samples))), expected, atol=1e-4 * expected.std())


@every_mix
def test_semantic_codes_equal_the_numpy_network(build, mix):
    source, converted = build(mix)
    config = read_codec(source)
    features = np.random.default_rng(0).standard_normal((120, config["encoder"]["input_channels"]))
    expected = oracle.semantic_codes(oracle.load_tensors(source / CODEC / "model.safetensors"), config, features)
    assert len(set(expected.tolist())) > 5
    codec = BiCodec(GPAModel(converted).bicodec_args)
    codec.load_weights(str(converted / "bicodec" / "model.safetensors"), strict=True)
    codes = codec.semantic_encoder(mx.array(features.astype(np.float32)[None]))
    assert np.array(codes[0]).tolist() == expected.tolist()


@every_mix
def test_speaker_codes_equal_the_numpy_network(build, wave, mix):
    source, converted = build(mix)
    config = read_codec(source)
    mel = config["mel_params"]
    parts = GPAModel(converted)
    args = parts.bicodec_args
    clip = reference_clip(wave, rate_hz=16_000, seconds=args.ref_segment_duration, hop_length=args.latent_hop_length)
    frames = linear_mel(
        clip,
        rate_hz=mel["sample_rate"],
        n_fft=mel["n_fft"],
        win_length=mel["win_length"],
        hop_length=mel["hop_length"],
        f_min_hz=mel["mel_fmin"],
        f_max_hz=mel["mel_fmax"],
        n_mels=mel["num_mels"],
    )
    expected = oracle.global_codes(oracle.load_tensors(source / CODEC / "model.safetensors"), config, frames)
    assert len(set(expected.tolist())) > 2
    assert parts.speaker.encode(wave).tolist() == expected.tolist()


@every_mix
def test_the_waveform_equals_the_numpy_network(build, mix):
    source, converted = build(mix)
    config = read_codec(source)
    rng = np.random.default_rng(0)
    semantic = rng.integers(0, config["quantizer"]["codebook_size"], 12)
    speaker = config["speaker_encoder"]
    voice = rng.integers(0, np.prod(speaker["fsq_levels"]), speaker["token_num"])
    weights = oracle.load_tensors(source / CODEC / "model.safetensors")
    expected = oracle.waveform(weights, config, semantic, voice)
    ours = load(converted).detokenize(semantic.tolist(), voice.tolist())
    assert 0.01 < expected.std() < 1
    np.testing.assert_allclose(ours, expected, atol=1e-4)
