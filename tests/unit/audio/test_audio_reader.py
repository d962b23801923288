"""Reading recordings: formats, rates, channels, blocks, limits."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.files.reader import (
    MIN_SAMPLES,
    Recording,
    load_recording,
    open_recording,
    require_min_length,
)
from gpa_mlx.errors import AudioFileError, InputTooLongError
from tests.support.examples import examples

LOSSLESS = {
    "PCM_U8": 2**-7,
    "PCM_16": 2**-15,
    "PCM_24": 2**-23,
    "PCM_32": 2**-23,
    "FLOAT": 1e-7,
    "DOUBLE": 1e-12,
}


def melody(seconds=1.0, rate=16_000, channels=1):
    time_s = np.arange(round(seconds * rate)) / rate
    tones = [0.3 * np.sin(2 * np.pi * (300 + 100 * channel) * time_s) for channel in range(channels)]
    return np.stack(tones, axis=1) * np.hanning(len(time_s))[:, None]


def encoded(samples, rate=16_000, *, kind="WAV", subtype="PCM_16"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def correlation(left, right):
    return float(left @ right / np.sqrt((left @ left) * (right @ right)))


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", LOSSLESS)
def test_every_wav_sample_format(tmp_path, subtype):
    path = tmp_path / "a.wav"
    samples = melody()
    soundfile.write(path, samples, 16_000, subtype=subtype)
    ours = load_recording(path)
    assert ours.first_channel.dtype == np.float64
    assert np.abs(ours.first_channel - samples[:, 0]).max() <= LOSSLESS[subtype]
    assert ours.channel_mean is ours.first_channel


@pytest.mark.parametrize(
    ("kind", "subtype", "suffix"),
    [
        ("FLAC", "PCM_16", "flac"),
        ("FLAC", "PCM_24", "flac"),
        ("OGG", "VORBIS", "ogg"),
        ("OGG", "OPUS", "opus"),
        ("MP3", "MPEG_LAYER_III", "mp3"),
        ("AIFF", "PCM_16", "aiff"),
        ("CAF", "PCM_16", "caf"),
        ("W64", "PCM_16", "w64"),
        ("RF64", "PCM_16", "wav"),
        ("AU", "PCM_16", "au"),
        ("WAV", "ULAW", "wav"),
        ("WAV", "IMA_ADPCM", "wav"),
        ("WAV", "PCM_16", "raw"),  # soundfile takes this name for headerless samples
        ("WAV", "PCM_16", ""),
    ],
)
def test_every_container(tmp_path, kind, subtype, suffix):
    path = tmp_path / f"recording.{suffix}"
    samples = melody(2.0, 48_000)
    path.write_bytes(encoded(samples, 48_000, kind=kind, subtype=subtype))
    ours = load_recording(path).first_channel
    expected = soxr.resample(samples[:, 0], 48_000, 16_000, quality="VHQ")
    length = min(len(ours), len(expected))
    assert abs(len(ours) - len(expected)) <= 16_000 * 0.05  # codecs work in whole blocks
    assert correlation(ours[:length], expected[:length]) > 0.99


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate_and_channel_count_equals_the_one_shot_reference(tmp_path, rate, channels):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(0.7, rate, channels), rate, subtype="FLOAT")
    read = soundfile.read(path, always_2d=True)[0]
    ours = load_recording(path)
    for track, expected in ((ours.first_channel, read[:, 0]), (ours.channel_mean, read.mean(axis=1))):
        assert np.array_equal(track, soxr.resample(expected, rate, 16_000, quality="VHQ"))


def test_mp3_decoded_in_blocks_equals_mp3_decoded_at_once(tmp_path):
    """Repositioning between blocks would empty the decoder's bit reservoir."""
    path = tmp_path / "a.mp3"
    noise = 0.1 * np.random.default_rng(0).standard_normal((16_000 * 8, 1))
    path.write_bytes(encoded(melody(8.0) + noise, kind="MP3", subtype="MPEG_LAYER_III"))
    assert np.abs(load_recording(path).first_channel - soundfile.read(path)[0]).max() < 1e-6


# -- streaming -------------------------------------------------------------------------------------------------------


def test_a_reader_describes_the_recording(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(2.5, 44_100, 2), 44_100)
    with open_recording(path) as reader:
        assert (reader.name, reader.source_rate_hz, reader.channels) == (str(path), 44_100, 2)
        assert reader.duration_s == 2.5
        assert reader.position_s == 0.0
        blocks = list(reader)
        assert reader.position_s == 2.5
    assert len(blocks) > 3
    assert all(len(block) > 0 for block in blocks)
    assert all(len(block.first_channel) == len(block.channel_mean) for block in blocks)
    assert np.array_equal(Recording.join(blocks).channel_mean, load_recording(path).channel_mean)


def test_a_closed_reader_yields_nothing_more(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(3.0), 16_000)
    with open_recording(path) as reader:
        assert len(next(iter(reader))) > 0
    assert list(reader) == []


def test_the_rest_of_a_recording_can_be_read_later(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(3.0), 16_000)
    with open_recording(path) as reader:
        blocks = [next(iter(reader)), *reader]
    assert np.array_equal(Recording.join(blocks).first_channel, load_recording(path).first_channel)


# -- arrays ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_any_float_dtype(dtype):
    samples = melody(0.5)[:, 0].astype(dtype)
    ours = load_recording((samples, 16_000)).first_channel
    assert ours.dtype == np.float64
    assert np.array_equal(ours, samples.astype(np.float64))


@pytest.mark.parametrize(("dtype", "subtype"), [(np.int16, "PCM_16"), (np.int32, "PCM_32"), (np.uint8, "PCM_U8")])
def test_integers_are_scaled_like_the_same_integers_in_a_file(tmp_path, dtype, subtype):
    info = np.iinfo(dtype)
    samples = np.array([info.min, info.max, 0, 1, info.max // 2, info.max // 3], dtype=dtype)
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(0.1)[: len(samples)], 16_000, subtype=subtype)
    header = path.read_bytes()
    path.write_bytes(header[: header.index(b"data") + 8] + samples.tobytes())
    assert np.array_equal(load_recording((samples, 16_000)).first_channel, load_recording(path).first_channel)


def test_an_array_with_channels_and_a_numpy_rate():
    samples = melody(0.5, 44_100, 3)
    ours = load_recording((np.asfortranarray(samples), np.int64(44_100)))
    assert np.array_equal(ours.first_channel, soxr.resample(samples[:, 0], 44_100, 16_000, quality="VHQ"))
    assert np.array_equal(ours.channel_mean, soxr.resample(samples.mean(axis=1), 44_100, 16_000, quality="VHQ"))


def test_a_loaded_array_is_a_copy():
    samples = melody(0.1)[:, 0].copy()
    load_recording((samples, 16_000)).first_channel[:] = 7
    assert samples.max() < 1


@pytest.mark.parametrize(
    ("samples", "rate", "problem"),
    [
        (np.zeros((2, 3, 4)), 16_000, "shape"),
        (np.float64(0.5), 16_000, "shape"),
        (np.zeros((2, 48_000)), 16_000, "48000 channels"),
        (np.zeros(0), 16_000, "no samples"),
        (np.zeros((100, 0)), 16_000, "no samples"),
        (np.zeros(100, dtype=np.int64), 16_000, "int64"),
        (np.zeros(100, dtype=complex), 16_000, "complex128"),
        (np.zeros(100, dtype=bool), 16_000, "bool"),
        (np.array(["a"]), 16_000, "dtype"),
        (np.zeros(100), 0, "0 Hz"),
        (np.zeros(100), -16_000, "-16000 Hz"),
        (np.zeros(100), 999, "999 Hz"),
        (np.zeros(100), 768_001, "768001 Hz"),
        (np.zeros(100), 16_000.5, "integer rate"),
        (np.zeros(100), None, "integer rate"),
        (16_000, np.zeros(100), "integer rate"),
        ([[0.0], [0.0, 1.0]], 16_000, "numpy array"),
    ],
)
def test_arrays_that_cannot_be_used(samples, rate, problem):
    with pytest.raises(AudioFileError, match=problem) as caught:
        open_recording((samples, rate))
    assert caught.value.hint


@pytest.mark.parametrize("audio", [np.zeros(100), (np.zeros(100),), None, 7])
def test_neither_a_file_nor_a_pair(audio):
    with pytest.raises(AudioFileError, match="a file or a pair"):
        open_recording(audio)


# -- bad files -------------------------------------------------------------------------------------------------------


def refused(path):
    with pytest.raises(AudioFileError) as caught:
        load_recording(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return str(caught.value)


def test_missing_directory_and_empty(tmp_path):
    assert "does not exist" in refused(tmp_path / "missing.wav")
    assert "is a directory" in refused(tmp_path)
    (tmp_path / "empty.wav").touch()
    assert "is empty" in refused(tmp_path / "empty.wav")


def test_an_impossible_name():
    with pytest.raises(AudioFileError, match="cannot be read"):
        open_recording("a\0b.wav")


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "secret.wav"
    path.write_bytes(encoded(melody()))

    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", denied)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("content", [b"hello, I am text\n" * 100, bytes(5000), b"\xff" * 5000, b"R", b"RIFF"])
def test_not_audio(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert "not an audio file" in refused(path)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0"),
        ("renamed.wav", b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0"),
        ("a.mov", b"\0\0\0\x08wide\0\0\0\0mdat"),
        ("a.aac", b"\xff\xf1\x50\x80\x02\x1f\xfc"),
        ("a.webm", b"\x1aE\xdf\xa3"),
        ("a.wma", b"0&\xb2u\x8ef\xcf\x11"),
    ],
)
def test_containers_that_other_programs_can_convert(tmp_path, monkeypatch, name, head):
    monkeypatch.setenv("PATH", "")
    path = tmp_path / name
    path.write_bytes(head + b"\x11" * 500)
    text = refused(path)
    assert "afconvert" in text
    assert "ffmpeg" in text


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_16")])
def test_a_file_without_samples(tmp_path, kind, subtype):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(np.zeros(0), kind=kind, subtype=subtype))
    assert "no samples" in refused(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize(("channel", "place"), [(0, 20_000), (1, 20_000), (1, 31_999)])
def test_samples_that_are_not_numbers_cost_nothing_else(tmp_path, caplog, bad, channel, place):
    samples = melody(2.0, channels=2)
    samples[place, channel] = bad
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 16_000, subtype="DOUBLE")
    ours = load_recording(path)
    samples[place, channel] = 0.0
    assert np.array_equal(ours.first_channel, samples[:, 0])
    assert np.array_equal(ours.channel_mean, samples.mean(axis=1))
    assert f"1 of 64000, the first at {place / 16_000:.3f} s" in caplog.text
    assert len(caplog.records) == 1


def test_nothing_but_samples_that_are_not_numbers(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full((20_000, 2), np.nan), 16_000, subtype="FLOAT")
    assert "nothing but" in refused(path)


def test_rates_nobody_records_at(tmp_path):
    path = tmp_path / "a.wav"
    for rate in (500, 800_000):
        soundfile.write(path, melody(0.1), rate)
        assert f"{rate} Hz" in refused(path)


@pytest.mark.parametrize(
    ("kind", "subtype", "keep"),
    [("WAV", "PCM_16", 0.5), ("WAV", "FLOAT", 0.9), ("MP3", "MPEG_LAYER_III", 0.5), ("FLAC", "PCM_16", 0.6)],
)
def test_a_file_that_is_cut_off_is_used_as_far_as_it_goes(tmp_path, caplog, kind, subtype, keep):
    content = encoded(
        melody(4.0) + 0.01 * np.random.default_rng(0).standard_normal((64_000, 1)), kind=kind, subtype=subtype
    )
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    whole = load_recording(path).first_channel
    assert not caplog.records
    path.write_bytes(content[: int(len(content) * keep)])
    with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
        part = load_recording(path).first_channel
    assert 0.5 * keep * len(whole) < len(part) <= keep * len(whole) + 2000
    assert np.abs(part[:-2000] - whole[: len(part) - 2000]).max() < 1e-6
    assert str(path) in caplog.text


def test_a_wav_written_to_a_pipe_is_not_cut_off(tmp_path, caplog):
    """Programs that stream cannot know the size and leave the largest there."""
    content = bytearray(encoded(melody()))
    content[4:8] = content[40:44] = b"\xff" * 4
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert len(load_recording(path)) == 16_000
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")]
)
def test_a_file_that_is_cut_off_before_the_first_sample(tmp_path, kind, subtype):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(melody(), kind=kind, subtype=subtype)[:170])
    refused(path)


@pytest.mark.slow
@examples(30)
@given(
    kind=st.sampled_from([("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("AIFF", "PCM_24")]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    keep=st.integers(0, 6000),
)
def test_damaged_files_are_read_or_refused(tmp_path_factory, kind, changes, keep):
    content = bytearray(encoded(melody(0.2), kind=kind[0], subtype=kind[1])[:keep])
    for place, value in changes:
        if place < len(content):
            content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    path.write_bytes(content)
    try:
        recording = load_recording(path, max_duration_s=60)
    except (AudioFileError, InputTooLongError):
        return
    assert len(recording) > 0
    assert np.isfinite(recording.first_channel).all()


# -- limits ----------------------------------------------------------------------------------------------------------


def test_too_long_is_known_before_reading(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(2.0), 16_000)
    monkeypatch.setattr("gpa_mlx.audio.files.reader.RecordingReader.__iter__", lambda self: pytest.fail("was read"))
    with pytest.raises(InputTooLongError, match=r"2\.0 s long; at most 1 s") as caught:
        load_recording(path, max_duration_s=1)
    assert "segments" in caught.value.hint


def test_too_long_is_noticed_while_reading_when_the_header_does_not_tell(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, melody(20.0), 16_000)
    monkeypatch.setattr("gpa_mlx.audio.files.reader.RecordingReader.duration_s", None)
    with pytest.raises(InputTooLongError, match="goes on after 1 s"):
        load_recording(path, max_duration_s=1)


@pytest.mark.parametrize("rate", [16_000, 44_100, 11_025])
def test_exactly_the_limit_is_allowed(rate):
    assert len(load_recording((np.zeros(rate * 2), rate), max_duration_s=2)) == 32_000


def test_silence_and_a_hundredth_of_a_second_are_recordings():
    assert not load_recording((np.zeros(16_000), 16_000)).first_channel.any()
    assert len(load_recording((np.zeros(160), 16_000))) == 160


def test_a_single_sample_that_resamples_to_nothing():
    with pytest.raises(AudioFileError, match="no samples"):
        load_recording((np.zeros(1), 96_000))


def test_the_minimum_of_the_semantic_tokenizer():
    require_min_length(load_recording((np.zeros(MIN_SAMPLES), 16_000)), "It")
    with pytest.raises(AudioFileError, match=r"The clip is 0\.010 s long; at least 0\.025 s"):
        require_min_length(load_recording((np.zeros(160), 16_000)), "The clip")


def test_slices_of_a_recording_share_their_single_track():
    mono = load_recording((melody(0.1)[:, 0], 16_000))[100:200]
    assert mono.first_channel is mono.channel_mean
    assert len(mono) == 100
    stereo = load_recording((melody(0.1, channels=2), 16_000))[100:200]
    assert stereo.first_channel is not stereo.channel_mean
    assert mono.duration_s == 100 / 16_000
