"""BiCodec against the recorded outputs of the reference, loaded through the converter."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mlx.utils import tree_flatten

from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.encoder import SemanticEncoder
from gpa_mlx.nn.bicodec.speaker import SpeakerEncoder
from gpa_mlx.nn.bicodec.wave_decoder import WaveDecoder
from gpa_mlx.runtime.backend import mx

FILES = ["slt", "rms", "cmn", "chirp", "stereo44k", "silence1s", "short01"]
CASES = [
    ("slt", "slt"),
    ("cmn", "cmn"),
    ("chirp", "chirp"),
    ("cmn", "rms"),
    ("slt", "stereo44k"),
    ("short01", "short01"),
    ("silence1s", "rms"),
]


@pytest.fixture(scope="module")
def stored(converted_small_a):
    """Sizes and tensors of the converted file."""
    folder = converted_small_a / "bicodec"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return BiCodecArgs.from_dict(config, "config.json"), mx.load(str(folder / "model.safetensors"))


@pytest.fixture(scope="module")
def codec(stored):
    args, tensors = stored
    codec = BiCodec(args)
    codec.load_weights(list(tensors.items()), strict=True)
    return codec


@pytest.fixture(scope="module")
def encoded(golden):
    return golden("bicodec_encode")


@pytest.fixture(scope="module")
def decoded(golden):
    return golden("bicodec_decode")


def batch(array):
    return mx.array(array[None])


def assert_close(ours, reference, tolerance):
    """Compare one item of a batch with a recorded array, relative to the spread of the latter."""
    ours = np.array(ours)
    assert ours.shape == reference.shape
    assert np.abs(ours - reference).max() <= tolerance * reference.std()


def assert_codes(ours, reference, margin):
    differs = np.array(ours) != reference
    assert not np.any(differs & (margin > 1e-4))
    assert differs.mean() <= 0.005


def test_semantic_latents_equal_the_reference(codec, encoded):
    z = codec.semantic_encoder.encoder(batch(encoded["slt|mix"]))
    assert_close(z[0].T, encoded["slt|z"], 1e-4)
    assert_close(codec.quantizer.project(z)[0].T, encoded["slt|z_e"], 1e-4)


def test_semantic_codes_equal_the_reference(codec, encoded):
    codes = codec.semantic_encoder(batch(encoded["slt|mix"]))
    assert codes.dtype == mx.int32
    assert_codes(codes[0], encoded["slt|semantic_tokens"], encoded["slt|semantic_margin"])


@pytest.mark.parametrize("audio_id", FILES)
def test_the_nearest_code_is_the_reference_s(codec, encoded, audio_id):
    codes = codec.quantizer.nearest(batch(encoded[f"{audio_id}|z_e"].T))
    assert_codes(codes[0], encoded[f"{audio_id}|semantic_tokens"], encoded[f"{audio_id}|semantic_margin"])


def test_speaker_features_equal_the_reference(codec, encoded, golden):
    features = codec.ecapa(batch(golden("preprocess")["slt|bicodec_mel"].T))
    assert_close(features[0, :, ::32].T, encoded["slt|ecapa_latent_every32ch"], 1e-4)
    assert_close(features[0].mean(axis=0), encoded["slt|ecapa_latent_time_mean"], 1e-4)
    latents = codec.perceiver(features)
    assert_close(latents[0], encoded["slt|perceiver_out"], 2e-3)
    assert np.abs(np.array(codec.fsq.bound(latents)[0]) - encoded["slt|fsq_bound"]).max() <= 2e-3


def test_global_codes_equal_the_reference(codec, encoded, golden):
    codes = codec.speaker_encoder(batch(golden("preprocess")["slt|bicodec_mel"].T))
    assert codes.dtype == mx.int32
    differs = np.array(codes[0]) != encoded["slt|global_tokens"]
    assert not np.any(differs & (encoded["slt|global_margin"] > 1e-4))


@pytest.mark.parametrize("audio_id", [*FILES, "long34"])
def test_speaker_quantiser_and_vector_equal_the_reference(codec, encoded, audio_id):
    latents = batch(encoded[f"{audio_id}|perceiver_out"])
    tokens = encoded[f"{audio_id}|global_tokens"]
    assert np.abs(np.array(codec.fsq.bound(latents)[0]) - encoded[f"{audio_id}|fsq_bound"]).max() <= 1e-4
    differs = np.array(codec.fsq.encode(latents)[0]) != tokens
    assert not np.any(differs & (encoded[f"{audio_id}|global_margin"] > 1e-4))
    assert_close(codec.wave_decoder.speaker_vector(batch(tokens))[0], encoded[f"{audio_id}|d_vector"], 1e-4)


@pytest.mark.parametrize(("semantic", "speaker"), CASES)
def test_waveforms_equal_the_reference(codec, encoded, decoded, semantic, speaker):
    codes = encoded[f"{semantic}|semantic_tokens"]
    wave = codec.wave_decoder(batch(codes), batch(encoded[f"{speaker}|global_tokens"]))
    assert wave.shape == (1, 320 * len(codes))
    assert wave.dtype == mx.float32
    assert np.abs(np.array(wave[0]) - decoded[f"sem={semantic},glob={speaker}|wav"]).max() <= 1e-4


@pytest.mark.parametrize(("semantic", "speaker"), [("slt", "slt"), ("cmn", "rms")])
def test_prenet_equals_the_reference(codec, encoded, decoded, semantic, speaker):
    case = f"sem={semantic},glob={speaker}"
    z = codec.quantizer.decode(batch(encoded[f"{semantic}|semantic_tokens"]))
    assert_close(z[0].T, decoded[f"{case}|z_q"], 1e-4)
    assert_close(codec.prenet(z, batch(decoded[f"{case}|d_vector"]))[0].T, decoded[f"{case}|prenet_out"], 1e-4)


def test_every_stage_of_the_decoder_equals_the_reference(codec, encoded, decoded):
    case = "sem=slt,glob=slt"
    codes, speaker = batch(encoded["slt|semantic_tokens"]), batch(decoded[f"{case}|d_vector"])
    z = codec.quantizer.decode(codes)
    assert_close(codec.prenet.linear_pre(z)[0], decoded[f"{case}|prenet_linear_pre"], 1e-4)
    assert_close(codec.prenet.upsample(z)[0], decoded[f"{case}|prenet_after_sampling"], 1e-4)
    frames = codec.wave_decoder.frames(codes, speaker)
    assert_close(frames[0].T, decoded[f"{case}|decoder_in"], 1e-4)
    stages = list(codec.wave_generator.stages(frames))
    assert_close(stages[0][0].T, decoded[f"{case}|decoder_stage0"], 1e-4)
    for number, stage in enumerate([*stages[1:], codec.wave_generator.snake(stages[-1])], start=1):
        assert_close(stage[0, :64].T, decoded[f"{case}|decoder_stage{number}_first64"], 1e-4)


def test_items_of_a_batch_do_not_influence_each_other(codec, encoded):
    codes = [encoded[f"{audio_id}|semantic_tokens"][:40] for audio_id in ("slt", "rms")]
    speakers = [encoded[f"{audio_id}|global_tokens"] for audio_id in ("cmn", "slt")]
    together = np.array(codec.wave_decoder(mx.array(np.stack(codes)), mx.array(np.stack(speakers))))
    for wave, one, speaker in zip(together, codes, speakers, strict=True):
        assert np.abs(wave - np.array(codec.wave_decoder(batch(one), batch(speaker))[0])).max() <= 1e-5


@pytest.mark.parametrize("part", [SemanticEncoder, SpeakerEncoder, WaveDecoder])
def test_a_part_alone_needs_exactly_the_tensors_of_its_prefixes(stored, part):
    args, tensors = stored
    expected = {name: value.shape for name, value in tree_flatten(part(args).parameters())}
    assert {name: value.shape for name, value in tensors.items() if name.startswith(part.PREFIXES)} == expected


def test_a_part_alone_computes_what_the_whole_computes(stored, codec, encoded):
    args, tensors = stored
    decoder = WaveDecoder(args)
    decoder.load_weights([(name, value) for name, value in tensors.items() if name.startswith(WaveDecoder.PREFIXES)])
    codes, speaker = batch(encoded["short01|semantic_tokens"]), batch(encoded["short01|global_tokens"])
    assert np.array_equal(np.array(decoder(codes, speaker)), np.array(codec.wave_decoder(codes, speaker)))


def test_every_parameter_of_the_decoder_learns(stored, codec, encoded):
    decoder = WaveDecoder(stored[0])
    codes, speaker = batch(encoded["short01|semantic_tokens"]), batch(encoded["short01|global_tokens"])

    def loss(parameters):
        decoder.update(parameters)
        return mx.sum(decoder(codes, speaker) ** 2)

    gradients = dict(tree_flatten(mx.grad(loss)(codec.wave_decoder.parameters())))
    encoder_only = ("quantizer.in_project", "fsq.project_in")
    for name, gradient in gradients.items():
        values = np.array(gradient)
        assert np.isfinite(values).all(), name
        assert np.any(values != 0) or name.startswith(encoder_only), name
