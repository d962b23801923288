"""wav2vec2 features and the semantic and global codes of whole files, loaded through the converter."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.runtime.backend import mx
from gpa_mlx.tokenizers.bicodec import bicodec_waveform

FILES = ["slt", "rms", "cmn", "chirp", "stereo44k", "silence1s", "short01"]


@pytest.fixture(scope="module")
def parts(converted_small_a):
    return GPAModel(converted_small_a)


@pytest.fixture(scope="module")
def features(parts):
    return parts.semantic._features


def relative_error(ours, reference):
    return float(np.abs(np.array(ours) - reference).max() / reference.std())


def test_the_convolutional_front_end_equals_the_reference(features, golden):
    ours = features.conv_features(mx.array(golden("preprocess")["slt|w2v_input"][None]))
    assert relative_error(ours[0].T, golden("bicodec_encode")["slt|w2v_conv"]) <= 1e-4


def test_hidden_states_and_their_mean_equal_the_reference(features, golden):
    samples = mx.array(golden("preprocess")["slt|w2v_input"][None])
    states = features.hidden_states(samples)
    for index in (0, 1, 11, 14, 16):
        assert relative_error(states[index][0], golden("bicodec_encode")[f"slt|w2v_hidden{index}"]) <= 1e-4
    assert relative_error(features(samples)[0], golden("bicodec_encode")["slt|mix"]) <= 1e-4


def test_only_the_layers_that_are_read_exist(features):
    assert len(features.layers) == 16


def codes_of(parts, path_or_audio):
    wave = bicodec_waveform(load_recording(path_or_audio).first_channel, parts.bicodec_args)
    return parts.semantic.encode(wave), parts.speaker.encode(wave)


def assert_codes(ours, reference, margin):
    differs = np.asarray(ours) != reference
    assert not np.any(differs & (margin > 1e-4)), np.flatnonzero(differs)
    assert differs.mean() <= 0.005 or differs.sum() <= 1


@pytest.mark.parametrize("audio_id", FILES)
def test_codes_of_a_file_equal_the_reference(parts, golden, golden_audio, audio_id):
    recorded = golden("bicodec_encode")
    semantic, global_tokens = codes_of(parts, golden_audio(audio_id))
    assert_codes(semantic, recorded[f"{audio_id}|semantic_tokens"], recorded[f"{audio_id}|semantic_margin"])
    assert_codes(global_tokens, recorded[f"{audio_id}|global_tokens"], recorded[f"{audio_id}|global_margin"])


def test_codes_of_a_34_s_recording_equal_the_reference(parts, golden, long34):
    recorded = golden("bicodec_encode")
    semantic, global_tokens = codes_of(parts, (long34, 16_000))
    assert_codes(semantic, recorded["long34|semantic_tokens"], recorded["long34|semantic_margin"])
    assert_codes(global_tokens, recorded["long34|global_tokens"], recorded["long34|global_margin"])


def test_a_voice_needs_neither_wav2vec2_nor_the_language_model(converted_small_a, golden_audio):
    import gpa_mlx

    with gpa_mlx.load(converted_small_a) as gpa:
        gpa.make_voice(golden_audio("slt"), name="slt")
        assert gpa.parts_loaded == ("speaker encoder",)
