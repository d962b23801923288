"""Preprocessing against the reference's recorded arrays."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from gpa_mlx.audio.dsp.loudness import normalize_loudness
from gpa_mlx.audio.dsp.mel import linear_mel, reference_clip, whisper_log_mel, zero_mean_unit_variance
from gpa_mlx.audio.files.reader import Recording, load_recording

FILES = ["slt", "rms", "cmn", "chirp", "stereo44k", "silence1s", "short01", "long34"]
WHISPER = {"n_mels": 128, "n_fft": 400, "hop_length": 160, "pad_multiple_samples": 1280, "max_samples": 480_000}
BICODEC = {
    "rate_hz": 16_000,
    "n_fft": 1024,
    "win_length": 640,
    "hop_length": 320,
    "f_min_hz": 10.0,
    "f_max_hz": None,
    "n_mels": 128,
}


@pytest.fixture(scope="module")
def arrays(golden):
    return golden("preprocess")


@pytest.fixture
def recording(golden_audio, long34):
    def load(audio_id) -> Recording:
        return load_recording((long34, 16_000) if audio_id == "long34" else golden_audio(audio_id))

    return load


def sha1(array):
    assert array.dtype == np.float32
    return hashlib.sha1(array.tobytes()).hexdigest()


def bicodec_wave(recording):
    return normalize_loudness(recording.first_channel).astype(np.float32)


def clip_of(recording):
    return reference_clip(bicodec_wave(recording), rate_hz=16_000, seconds=6, hop_length=320)


def glm_wave(audio_id, recording, golden_audio):
    if audio_id != "stereo44k":
        return recording.channel_mean.astype(np.float32)
    # The reference's command line forgets to resample here: its features are those of 44.1 kHz samples taken for 16.
    import soundfile

    return soundfile.read(golden_audio(audio_id))[0].mean(axis=1).astype(np.float32)


def test_every_recorded_array_is_compared(arrays):
    compared = {"bicodec_wav", "bicodec_wav_head", "bicodec_wav_tail", "ref_clip_head", "ref_clip_tail", "logmel"}
    compared |= {"logmel_mask", "logmel_first", "logmel_last", "bicodec_mel", "bicodec_mel_time_mean", "w2v_input"}
    compared |= {"soxr_mono16k_wav"}
    server_engine_only = {"engine_wav", "engine_bicodec_wav"}
    assert {key.split("|")[1] for key in arrays} == compared | server_engine_only


@pytest.mark.parametrize("audio_id", FILES)
def test_the_bicodec_waveform_is_bit_exact(recording, arrays, golden_meta, audio_id):
    wave = bicodec_wave(recording(audio_id))
    assert sha1(wave) == golden_meta["files"][audio_id]["bicodec_wav"]["sha1_float32"]
    assert np.array_equal(wave[:256], arrays[f"{audio_id}|bicodec_wav_head"])
    assert np.array_equal(wave[-256:], arrays[f"{audio_id}|bicodec_wav_tail"])
    if f"{audio_id}|bicodec_wav" in arrays:
        assert np.array_equal(wave, arrays[f"{audio_id}|bicodec_wav"])


@pytest.mark.parametrize("audio_id", FILES)
def test_the_speaker_reference_clip_is_bit_exact(recording, arrays, golden_meta, audio_id):
    clip = clip_of(recording(audio_id))
    assert sha1(clip) == golden_meta["files"][audio_id]["ref_clip"]["sha1_float32"]
    assert np.array_equal(clip[:256], arrays[f"{audio_id}|ref_clip_head"])
    assert np.array_equal(clip[-256:], arrays[f"{audio_id}|ref_clip_tail"])


@pytest.mark.parametrize("audio_id", FILES)
def test_the_speaker_mel_equals_the_reference(recording, arrays, audio_id):
    mel = linear_mel(clip_of(recording(audio_id)), **BICODEC)
    assert mel.dtype == np.float32
    assert mel.shape == (301, 128)
    assert np.abs(mel.mean(axis=0) - arrays[f"{audio_id}|bicodec_mel_time_mean"]).max() <= 1e-6
    if f"{audio_id}|bicodec_mel" in arrays:
        assert np.abs(mel.T - arrays[f"{audio_id}|bicodec_mel"]).max() <= 1e-6


@pytest.mark.parametrize("audio_id", FILES)
def test_the_log_mel_and_its_mask_equal_the_reference(recording, arrays, golden_meta, golden_audio, audio_id):
    samples = glm_wave(audio_id, recording(audio_id), golden_audio)[: WHISPER["max_samples"]]
    mel = whisper_log_mel(samples, **WHISPER)
    facts = golden_meta["files"][audio_id]["glm"]
    assert mel.frames.dtype == np.float32
    assert mel.frames.shape == (facts["n_mel_frames"], 128)
    assert mel.valid_frames == facts["valid_mel_frames"]
    assert np.abs(mel.frames[0] - arrays[f"{audio_id}|logmel_first"]).max() <= 5e-5
    assert np.abs(mel.frames[-1] - arrays[f"{audio_id}|logmel_last"]).max() <= 5e-5
    if f"{audio_id}|logmel" in arrays:
        assert np.abs(mel.frames.T - arrays[f"{audio_id}|logmel"]).max() <= 5e-5
        mask = np.arange(len(mel.frames)) < mel.valid_frames
        assert np.array_equal(mask, arrays[f"{audio_id}|logmel_mask"].astype(bool))


@pytest.mark.parametrize("audio_id", ["slt", "short01"])
def test_the_wav2vec2_input_equals_the_reference(recording, arrays, audio_id):
    ours = zero_mean_unit_variance(bicodec_wave(recording(audio_id)))
    assert ours.dtype == np.float32
    assert np.abs(ours - arrays[f"{audio_id}|w2v_input"]).max() <= 1e-6


def test_the_channel_mean_is_resampled_like_channel_0(recording, arrays):
    ours = recording("stereo44k").channel_mean.astype(np.float32)
    assert np.array_equal(ours, arrays["stereo44k|soxr_mono16k_wav"])
