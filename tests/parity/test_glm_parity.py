"""The GLM tokenizer against the reference: hidden states and codes, loaded through the converter."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import InputTooLongError
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.transformer import Visibility
from gpa_mlx.runtime.backend import mx

MARGIN = 1e-4


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


@pytest.fixture(scope="module")
def network(parts):
    return parts.glm._network


@pytest.fixture(scope="module")
def slt_input(golden):
    features = golden("preprocess")
    return mx.array(features["slt|logmel"].T[None]), mx.array(features["slt|logmel_mask"][None].astype(bool))


def relative_error(ours, reference):
    return float(np.abs(np.array(ours) - reference).max() / reference.std())


def assert_codes(ours, reference, margin):
    differs = np.asarray(ours) != reference
    assert not np.any(differs & (margin > MARGIN)), np.flatnonzero(differs)
    assert differs.mean() <= 0.005


def test_the_input_of_the_first_layer_equals_the_reference(network, slt_input, golden):
    assert relative_error(network.embed(slt_input[0])[0], golden("glm")["slt|embed"]) <= 1e-4


def test_every_layer_equals_the_reference(network, slt_input, golden):
    log_mel, valid = slt_input
    x, visibility = network.embed(log_mel), Visibility.of(valid[:, ::2], 200)
    for number, layer in enumerate(network.layers):
        x = layer(x, visibility)
        assert relative_error(x[0], golden("glm")[f"slt|hidden_layer{number}"]) <= 1e-4


def test_the_quantiser_input_equals_the_reference(network, slt_input, golden):
    assert relative_error(network.hidden(*slt_input)[0], golden("glm")["slt|pre_quant"]) <= 1e-4


@pytest.mark.parametrize("audio_id", ["slt", "rms", "cmn", "chirp", "silence1s", "short01"])
def test_codes_of_a_file_equal_the_reference(parts, golden, golden_audio, audio_id):
    wave = load_recording(golden_audio(audio_id)).channel_mean.astype(np.float32)
    recorded = golden("glm")
    assert_codes(parts.glm.encode(wave), recorded[f"{audio_id}|tokens"], recorded[f"{audio_id}|margin_rel"])


def test_a_44_khz_stereo_file_is_resampled_first(parts, golden, golden_audio):
    wave = load_recording(golden_audio("stereo44k")).channel_mean.astype(np.float32)
    assert parts.glm.encode(wave).tolist() == golden("glm")["stereo44k|soxr_mono16k_tokens"].tolist()


def test_thirty_seconds_equal_the_reference_and_more_is_refused(parts, golden, long34):
    wave = long34.astype(np.float32)
    recorded = golden("glm")
    codes = parts.glm.encode(wave[: parts.glm.max_samples])
    assert_codes(codes, recorded["long34|tokens"], recorded["long34|margin_rel"])
    with pytest.raises(InputTooLongError):
        parts.glm.encode(wave)


def test_codes_of_finished_blocks_never_change(parts, long34):
    """Block-causal convolutions and attention: what follows a finished 4 s block does not alter its codes."""
    wave = long34.astype(np.float32)
    block_samples = 4 * 16_000
    # The log-mel floor depends on the clip's maximum, so both clips must contain it.
    loudest = int(np.argmax(np.abs(wave[: 16 * 16_000])))
    blocks = loudest // block_samples + 1
    whole = parts.glm.encode(wave[: 16 * 16_000])
    # One extra block after the loudest place keeps the last STFT frame of the compared part identical.
    part = parts.glm.encode(wave[: (blocks + 1) * block_samples])
    assert part[: blocks * 50].tolist() == whole[: blocks * 50].tolist()


def test_configs_with_other_blocks_pooling_and_convolutions_run(small_a):
    from gpa_mlx.nn.whisper_vq import WhisperVQ, WhisperVQArgs

    config = json.loads((small_a / "glm-4-voice-tokenizer" / "config.json").read_text())
    for change in (
        {"quantize_causal_block_size": None},
        {"quantize_causal_block_size": 52},
        {"pooling_type": "max"},
        {"encoder_causal_convolution": False},
        {"pooling_position": 2},
    ):
        args = WhisperVQArgs.from_dict(config | change, "config.json")
        codes = WhisperVQ(args)(mx.random.normal((1, 40, args.num_mel_bins)), mx.ones((1, 40), dtype=mx.bool_))
        assert codes.shape == (1, 5)
