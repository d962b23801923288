"""The chunks of WAV files, the digest of their samples, and the INFO list."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from gpa_mlx.audio.files.incremental_wav import GROWING_SUBTYPES, IncrementalWavWriter
from gpa_mlx.audio.files.wav import write_wav
from gpa_mlx.audio.files.wav_info import append_info, read_wav
from gpa_mlx.errors import AudioFileError
from tests.support.examples import examples

INFO = {"ISFT": "a program", "ICMT": "what it says, 你好"}
QUICK = examples(60)


def noise(samples=1001):
    return np.random.default_rng(1).uniform(-0.5, 0.5, samples).astype(np.float32)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, noise(), 16_000)
    return path


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
@pytest.mark.parametrize("samples", [1, 1000, 1001])
def test_a_list_is_read_back_and_the_samples_stay(tmp_path, subtype, samples):
    path = tmp_path / "a.wav"
    write_wav(path, noise(samples), 16_000, subtype=subtype)
    before, (sound, _) = path.read_bytes(), soundfile.read(path)
    plain = read_wav(path)
    append_info(path, INFO)
    content = read_wav(path)
    np.testing.assert_array_equal(soundfile.read(path)[0], sound)
    assert content.info == INFO
    assert content.chunks == (*plain.chunks, "INFO")
    assert (content.data_sha256, content.frames, content.is_whole) == (plain.data_sha256, samples, True)
    assert (content.sample_rate, content.channels, content.subtype) == (16_000, 1, subtype)
    assert path.read_bytes()[8 : len(before)] == before[8:]
    with soundfile.SoundFile(path) as file:
        assert file.comment == INFO["ICMT"]
        assert file.software == INFO["ISFT"]


def test_the_digest_is_that_of_the_samples(wav):
    expected = hashlib.sha256((soundfile.read(wav, dtype="int16")[0]).astype("<i2").tobytes()).hexdigest()
    assert read_wav(wav).data_sha256 == expected


def test_every_sample_of_a_long_file_counts(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, noise(1_500_000), 16_000)
    content = path.read_bytes()
    assert read_wav(path).data_sha256 == hashlib.sha256(content[44:]).hexdigest()


def test_what_is_behind_the_end_goes_and_the_byte_between_is_0(tmp_path):
    path = tmp_path / "a.wav"
    whole = riff(FMT, chunk(b"data", b"123"))
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(whole) - 9) + whole[8:-1] + b"x" * 5000)
    append_info(path, INFO)
    content = read_wav(path)
    assert (content.chunks, content.info, content.is_whole) == (("fmt ", "data", "INFO"), INFO, True)
    assert path.read_bytes()[len(whole) - 4 : len(whole) + 4] == b"123\0LIST"


def test_a_grown_file_is_continued_before_its_list(wav):
    append_info(wav, INFO)
    with IncrementalWavWriter.resume(wav, 500) as growing:
        growing.append(noise(200))
    content = read_wav(wav)
    assert (content.frames, content.info, content.is_whole) == (700, {}, True)


@pytest.mark.parametrize("written", [0, 1, 8, 20])
def test_a_crash_leaves_the_samples_and_is_made_good(wav, monkeypatch, written):
    calls = []

    def dying(descriptor, content, offset):
        calls.append(bytes(content))
        raise SystemExit

    sound, before = soundfile.read(wav)[0], wav.read_bytes()
    monkeypatch.setattr("os.pwrite", dying)
    with pytest.raises(SystemExit):
        append_info(wav, INFO)
    monkeypatch.undo()
    wav.write_bytes(before + calls[0][:written])
    np.testing.assert_array_equal(soundfile.read(wav)[0], sound)
    assert read_wav(wav).info == {}
    append_info(wav, INFO)
    assert read_wav(wav).info == INFO
    assert read_wav(wav).is_whole


def test_the_size_in_the_header_is_written_last(wav, monkeypatch):
    offsets = []
    pwrite = os.pwrite
    monkeypatch.setattr("os.pwrite", lambda file, data, at: offsets.append(at) or pwrite(file, data, at))
    append_info(wav, INFO)
    assert offsets[-1] == 0
    assert min(offsets[:-1]) > 44


def test_a_full_disk_leaves_the_file_as_it_was(wav, monkeypatch):
    def full(descriptor, content, offset):
        raise OSError(28, "No space left on device")

    before = wav.read_bytes()
    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(AudioFileError, match="No space left"):
        append_info(wav, INFO)
    assert wav.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a WAV file"),
        (b"RIFF\0\0", "is not a WAV file"),
        (b"fLaC" + bytes(40), "it is a FLAC file"),
        (b"OggS" + bytes(40), "it is an Ogg file"),
        (b"RF64\xff\xff\xff\xffWAVE" + bytes(40), "it is an RF64 file"),
        (bytes(4) + b"ftypM4A " + bytes(40), "it is an MPEG-4 file"),
        (riff(), "without samples"),
        (riff(FMT), "without samples"),
        (riff(chunk(b"data", b"1234")), "without samples"),
        (riff(chunk(b"fmt ", b"12"), chunk(b"data", b"1234")), "without samples"),
    ],
)
def test_what_is_no_wav_file_is_named(tmp_path, content, words):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=words):
        read_wav(path)


@pytest.mark.parametrize("name", ["missing.wav", ".", "a\0b", "a" * 300])
def test_no_file(tmp_path, name):
    with pytest.raises(AudioFileError):
        read_wav(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"RF64" + bytes(40), "RF64"),
        (riff(FMT, chunk(b"data", b"12"))[:-1], "cut short"),
        (struct.pack("<4sI4s", b"RIFF", 0xFFFF_FFFF, b"WAVE") + FMT + chunk(b"data", b"12"), "cut short"),
    ],
)
def test_what_cannot_be_tagged_is_refused_and_left_alone(tmp_path, content, words):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=words):
        append_info(path, INFO)
    assert path.read_bytes() == content


def test_a_file_of_4_gib_has_no_room(tmp_path):
    path = tmp_path / "a.wav"
    size = 0xFFFF_FFFF - 9
    try:
        with path.open("wb") as file:
            file.write(struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + FMT + struct.pack("<4sI", b"data", size - 36))
            file.truncate(8 + size)  # takes no room where files may have holes
    except OSError:
        pytest.skip("this file system has no large files")
    with pytest.raises(AudioFileError, match="at most 4 GiB"):
        append_info(path, INFO)
    assert path.stat().st_size == 8 + size


def test_a_stream_s_open_sizes_mean_to_the_end(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(
        struct.pack("<4sI4s", b"RIFF", 0xFFFF_FFFF, b"WAVE")
        + FMT
        + struct.pack("<4sI", b"data", 0xFFFF_FFFF)
        + b"123456"
    )
    content = read_wav(path)
    assert (content.frames, content.is_whole) == (3, False)


def test_a_file_of_nothing_but_chunks_is_read_quickly(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(FMT, chunk(b"data", b"12"), *[chunk(b"junk", b"")] * 200_000))
    assert len(read_wav(path).chunks) == 1000


texts = st.dictionaries(
    st.text("ABCISFTM", min_size=4, max_size=4), st.text(st.characters(exclude_characters="\0", codec="utf-8"))
)
others = st.lists(st.tuples(st.sampled_from([b"junk", b"id3 ", b"LIST", b"bext", b"fact"]), st.binary(max_size=40)))


@QUICK
@given(info=texts, before=others, between=others, after=others, data=st.binary(max_size=101))
def test_any_order_of_chunks(tmp_path, info, before, between, after, data):
    def made(chunks):
        return b"".join(chunk(name, content) for name, content in chunks if content[:4] != b"INFO")

    path = tmp_path / "a.wav"
    path.write_bytes(riff(made(before), FMT, made(between), chunk(b"data", data), made(after)))
    plain = read_wav(path)
    assert plain.data_sha256 == hashlib.sha256(data).hexdigest()
    append_info(path, info)
    content = read_wav(path)
    assert content.info == info
    assert content.is_whole
    assert (content.data_sha256, content.chunks[:-1]) == (plain.data_sha256, plain.chunks)


@QUICK
@given(cut=st.integers(0, 500), changes=st.lists(st.tuples(st.integers(0, 499), st.integers(0, 255)), max_size=8))
def test_damaged_files_are_described_or_refused(tmp_path, cut, changes):
    path = tmp_path / "a.wav"
    write_wav(path, noise(100), 16_000)
    append_info(path, INFO)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    path.write_bytes(content[: len(content) - cut % len(content)])
    for action in (read_wav, lambda path: append_info(path, INFO)):
        with contextlib.suppress(AudioFileError):
            action(path)


@QUICK
@given(content=st.binary(max_size=200))
def test_any_bytes(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + content[:4].ljust(4, b"\xff") + b"WAVE" + content[4:])
    with contextlib.suppress(AudioFileError):
        read_wav(path)
