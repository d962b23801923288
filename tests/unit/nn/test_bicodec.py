"""BiCodec's config checks, scalar quantiser, resampling and windowed decoding, on sizes of their own."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import yaml
from mlx.utils import tree_flatten

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.nn.bicodec import wave_decoder
from gpa_mlx.nn.bicodec.autoencoder import BiCodec
from gpa_mlx.nn.bicodec.config import BiCodecArgs
from gpa_mlx.nn.bicodec.fsq import FiniteScalarQuantizer
from gpa_mlx.nn.bicodec.vocos import Downsample, Upsample
from gpa_mlx.runtime.backend import mx


@pytest.fixture(scope="module")
def config(small_a):
    return yaml.safe_load((small_a / "BiCodec" / "config.yaml").read_text(encoding="utf-8"))


def changed(config, section, **values):
    config = copy.deepcopy(config)
    (config["audio_tokenizer"][section] if section else config).update(values)
    return config


def test_the_recorded_config_is_read(config):
    args = BiCodecArgs.from_dict(config, "config.yaml")
    assert args.samples_per_code == 320
    assert args.speaker_encoder.codebook_size == 256
    assert args.mel.mel_fmax is None
    assert (args.speaker_encoder.ecapa_channels, args.speaker_encoder.ecapa_out_channels) == (512, 1536)


@pytest.mark.parametrize(
    ("section", "values", "key"),
    [
        (None, {"latent_hop_length": 300}, "latent_hop_length"),
        (None, {"ref_segment_duration": 0.01}, "ref_segment_duration"),
        (None, {"audio_tokenizer": []}, "audio_tokenizer"),
        (None, {"volume_normalize": None}, "volume_normalize"),
        ("encoder", {"vocos_dim": 0}, "encoder.vocos_dim"),
        ("encoder", {"out_channels": 47}, "encoder.out_channels"),
        ("encoder", {"sample_ratios": [1, 0]}, "encoder.sample_ratios"),
        ("quantizer", {"codebook_size": "many"}, "quantizer.codebook_size"),
        ("speaker_encoder", {"fsq_num_quantizers": 2}, "speaker_encoder.fsq_num_quantizers"),
        ("speaker_encoder", {"fsq_levels": [4, 1]}, "speaker_encoder.fsq_levels"),
        ("speaker_encoder", {"fsq_levels": [2] * 31}, "speaker_encoder.fsq_levels"),
        ("speaker_encoder", {"ecapa_scale": 7}, "speaker_encoder.ecapa_channels"),
        ("prenet", {"condition_dim": 41}, "prenet.condition_dim"),
        ("prenet", {"out_channels": 41}, "prenet.out_channels"),
        ("decoder", {"kernel_sizes": [16, 11, 8]}, "decoder.kernel_sizes"),
        ("decoder", {"kernel_sizes": [16, 10, 8, 4]}, "decoder.kernel_sizes"),
        ("decoder", {"kernel_sizes": [6, 11, 8, 4]}, "decoder.kernel_sizes"),
        ("decoder", {"channels": 15}, "decoder.channels"),
        ("decoder", {"d_out": 2}, "decoder.d_out"),
        ("mel_params", {"num_mels": 80}, "mel_params.num_mels"),
        ("mel_params", {"win_length": 2048}, "mel_params.win_length"),
    ],
)
def test_an_illegal_value_is_named(config, section, values, key):
    with pytest.raises(ModelFormatError, match=rf"config\.yaml: '?(audio_tokenizer\.)?{key}"):
        BiCodecArgs.from_dict(changed(config, section, **values), "config.yaml")


@pytest.mark.parametrize("section", ["mel_params", "encoder", "decoder", "quantizer", "speaker_encoder", "prenet"])
def test_a_missing_section_is_named(config, section):
    config = copy.deepcopy(config)
    del config["audio_tokenizer"][section]
    with pytest.raises(ModelFormatError, match=f"'audio_tokenizer.{section}' is missing"):
        BiCodecArgs.from_dict(config, "config.yaml")


@pytest.mark.parametrize("levels", [[4, 4, 4], [5, 3], [2, 7, 4], [8, 5, 5]])
def test_every_scalar_code_survives_decoding_and_encoding(levels):
    quantizer = FiniteScalarQuantizer(len(levels), levels)
    assert tree_flatten(quantizer.parameters()) == []
    codes = mx.arange(math.prod(levels), dtype=mx.int32)
    coordinates = np.array(quantizer.decode(codes))
    assert coordinates.shape == (len(codes), len(levels))
    assert coordinates.min() >= -1
    assert coordinates.max() <= 1
    # Undo the bound, whose argument is what an encoder would have to produce.
    half_range = (np.array(levels) - 1) * 1.001 / 2
    offset = np.where(np.array(levels) % 2 == 0, 0.5, 0.0)
    level = coordinates * (np.array(levels) // 2)
    inputs = np.arctanh((level + offset) / half_range) - np.arctanh(offset / half_range)
    assert np.array_equal(quantizer.encode(mx.array(inputs.astype(np.float32))), codes)


def test_the_first_coordinate_of_a_scalar_code_is_the_least_significant():
    quantizer = FiniteScalarQuantizer(3, [4, 5, 3])
    assert np.array_equal(quantizer.decode(mx.array([0, 1, 4, 20]))[:, 0], [-1, -0.5, -1, -1])
    assert np.array_equal(quantizer.decode(mx.array([0, 1, 4, 20]))[:, 1], [-1, -1, -0.5, -1])
    assert np.array_equal(quantizer.decode(mx.array([0, 1, 4, 20]))[:, 2], [-1, -1, -1, 0])
    assert quantizer.encode(mx.full((1, 3), -100.0)).item() == 0
    assert quantizer.encode(mx.full((1, 3), 100.0)).item() == 59


def test_resampling_by_one_triples():
    x = mx.array(np.arange(6.0, dtype=np.float32).reshape(1, 3, 2))
    assert np.array_equal(Downsample(2, 1)(x), 3 * x)
    assert np.array_equal(Upsample(2, 1)(x), 3 * x)


@pytest.mark.parametrize("ratio", [2, 3, 4, 5])
def test_resampling_adds_means_or_repeats_to_the_convolution(ratio):
    x = mx.array(np.random.default_rng(0).normal(size=(2, 11, 4)).astype(np.float32))
    down, up = Downsample(4, ratio), Upsample(4, ratio)
    for layer in (down, up):
        layer.conv.weight = mx.zeros_like(layer.conv.weight)
    frames = 11 // ratio
    means = np.array(x)[:, : frames * ratio].reshape(2, frames, ratio, 4).mean(axis=2)
    assert np.allclose(down(x), 2 * means, atol=1e-6)
    assert np.allclose(up(x), 3 * np.repeat(np.array(x), ratio, axis=1), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rates", [([8, 5, 4, 2], [16, 11, 8, 4]), ([3, 2], [9, 2]), ([1, 4], [5, 10])])
def test_decoding_in_windows_changes_nothing(config, monkeypatch, rates):
    config = changed(config, "decoder", rates=rates[0], kernel_sizes=rates[1])
    config["latent_hop_length"] = math.prod(rates[0])
    args = BiCodecArgs.from_dict(config, "config.yaml").decoder
    whole = wave_decoder.WaveGenerator(args)
    monkeypatch.setattr(wave_decoder, "_window_elements", lambda: 500)
    windowed = wave_decoder.WaveGenerator(args)
    windowed.update(whole.parameters())
    frames = mx.random.normal((2, 33, args.input_channel), key=mx.random.key(0))
    expected = np.array(whole(frames))
    assert expected.shape == (2, 33 * math.prod(rates[0]))
    assert expected.std() > 1e-3
    assert np.abs(np.array(windowed(frames)) - expected).max() <= 1e-5


def test_other_sizes_run_from_features_and_mel_to_samples(config):
    config = changed(config, "encoder", sample_ratios=[2, 3], out_channels=8)
    config = changed(
        config, "prenet", sample_ratios=[3, 2], input_channels=8, condition_dim=None, use_tanh_at_final=True
    )
    config = changed(config, "quantizer", input_dim=8)
    sizes = {"fsq_levels": [5, 4, 3], "latent_dim": 3, "token_num": 9, "ecapa_channels": 32, "ecapa_scale": 1}
    config = changed(config, "speaker_encoder", **sizes, ecapa_out_channels=48, perceiver_depth=1, perceiver_heads=2)
    args = BiCodecArgs.from_dict(config, "config.yaml")
    codec = BiCodec(args)
    names = [name for name, _ in tree_flatten(codec.parameters())]
    assert not any("quantizer" in name and "project" in name for name in names)
    assert not any(name.startswith("fsq") for name in names)
    codes = codec.semantic_encoder(mx.random.normal((2, 25, 48)))
    voices = codec.speaker_encoder(mx.random.uniform(shape=(2, 40, 128)))
    assert codes.shape == (2, 4)
    assert voices.shape == (2, 9)
    assert voices.max().item() < 60
    samples = codec.wave_decoder(codes, voices)
    assert args.samples_per_code == 1920
    assert samples.shape == (2, 4 * args.samples_per_code)
