"""WAV audio that is written while it is generated."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files import incremental_wav
from gpa_mlx.audio.files.incremental_wav import GROWING_SUBTYPES, IncrementalWavWriter, WavStreamWriter
from gpa_mlx.audio.files.reader import load_recording, write_wav
from gpa_mlx.errors import AudioFileError, SettingsError

RATE_HZ = 16_000
FLOATS = ("FLOAT", "DOUBLE")


def noise(samples, seed=0):
    """Samples of which some are beyond full scale."""
    return np.random.default_rng(seed).normal(0, 0.5, samples).astype(np.float32)


def pieces(samples):
    """Cut into pieces of odd, even and no length."""
    return np.split(samples, [1, 1, 4, 9, 1000, 1001])


def without_time(content, subtype):
    """Bytes of a WAV file; the time of day in the `PEAK` chunk of float files is blanked."""
    return content[:60] + bytes(4) + content[64:] if subtype in FLOATS else content


def written(path, samples, subtype):
    write_wav(path, samples, RATE_HZ, subtype=subtype)
    return without_time(path.read_bytes(), subtype)


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
def test_after_every_piece_the_file_is_the_one_write_wav_makes(tmp_path, subtype):
    samples = noise(2001)
    count = 0
    with IncrementalWavWriter(tmp_path / "a.wav", RATE_HZ, subtype) as wav:
        for piece in pieces(samples):
            wav.append(piece)
            count += len(piece)
            content = (tmp_path / "a.wav").read_bytes()
            assert without_time(content, subtype) == written(tmp_path / "b.wav", samples[:count], subtype)
            assert (wav.samples, wav.duration_s) == (count, count / RATE_HZ)


def test_silence_has_no_peak(tmp_path):
    with IncrementalWavWriter(tmp_path / "a.wav", RATE_HZ, "FLOAT") as wav:
        wav.append(np.zeros(10, dtype=np.float32))
        wav.append(np.zeros(10, dtype=np.float32))
    content = without_time((tmp_path / "a.wav").read_bytes(), "FLOAT")
    assert content == written(tmp_path / "b.wav", np.zeros(20, dtype=np.float32), "FLOAT")


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
def test_readers_can_come_between_any_two_writes(tmp_path, monkeypatch, subtype):
    path = tmp_path / "a.wav"
    lengths = []
    real = os.pwrite

    def short_write(descriptor, content, offset):
        done = real(descriptor, bytes(content[:1001]), offset)
        lengths.append(len(soundfile.read(path)[0]))
        return done

    monkeypatch.setattr(incremental_wav.os, "pwrite", short_write)
    with IncrementalWavWriter(path, RATE_HZ, subtype) as wav:
        for piece in pieces(noise(2001)):
            wav.append(piece)
    assert len(lengths) > 10
    assert sorted(lengths) == lengths
    assert set(lengths) <= {1, 4, 9, 1000, 1001, 2001}


def test_an_old_file_stays_until_there_is_sound(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with IncrementalWavWriter(path, RATE_HZ) as wav:
        wav.append(noise(0))
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"old"
    with IncrementalWavWriter(path, RATE_HZ) as wav:
        wav.append(noise(10))
    assert len(soundfile.read(path)[0]) == 10
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    with IncrementalWavWriter(tmp_path / "link.wav", RATE_HZ) as wav:
        wav.append(noise(10))
        wav.append(noise(10))
    assert (tmp_path / "link.wav").is_symlink()
    assert len(soundfile.read(tmp_path / "real.wav")[0]) == 20


@pytest.mark.parametrize("place", ["missing/a.wav", "folder"])
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(tmp_path, place):
    (tmp_path / "folder").mkdir()
    with pytest.raises(AudioFileError) as caught:
        IncrementalWavWriter(tmp_path / place, RATE_HZ)
    assert str(tmp_path / place) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "make", [lambda: IncrementalWavWriter("a.wav", RATE_HZ, "ULAW"), lambda: WavStreamWriter(io.BytesIO(), 1, "")]
)
def test_formats_that_cannot_grow_are_refused_with_the_choices(make):
    with pytest.raises(SettingsError) as caught:
        make()
    assert all(subtype in caught.value.hint for subtype in GROWING_SUBTYPES)


@pytest.mark.parametrize("earlier", [0, 10])
def test_samples_that_are_not_finite_leave_the_file_alone(tmp_path, earlier):
    with IncrementalWavWriter(tmp_path / "a.wav", RATE_HZ) as wav:
        wav.append(noise(earlier))
        with pytest.raises(AudioFileError, match="not finite"):
            wav.append(np.array([0.0, np.nan], dtype=np.float32))
        wav.append(noise(5))
    assert len(soundfile.read(tmp_path / "a.wav")[0]) == earlier + 5


def test_a_closed_file_takes_nothing(tmp_path):
    wav = IncrementalWavWriter(tmp_path / "a.wav", RATE_HZ)
    wav.close()
    wav.close()
    with pytest.raises(ValueError, match="closed"):
        wav.append(noise(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
def test_more_than_4_gib_is_refused_and_exactly_4_gib_is_not(tmp_path, monkeypatch, subtype):
    # Sizes near 4 GiB, but a file of a few samples: nothing in between is written.
    path = tmp_path / "a.wav"
    monkeypatch.setattr(incremental_wav, "_write_at", lambda descriptor, content, offset: None)
    with IncrementalWavWriter(path, RATE_HZ, subtype) as wav:
        wav.append(noise(3))
        wav._samples = wav._layout.max_samples - 4
        wav.append(noise(4))
        assert wav._layout.end(wav.samples) - 8 <= 0xFFFFFFFF
        assert wav._layout.end(wav.samples + 1) > 0xFFFFFFFF
        with pytest.raises(AudioFileError, match="4 GiB"):
            wav.append(noise(1))


@pytest.mark.parametrize("room", [0, 7, 100])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interruption_leaves_what_was_complete(tmp_path, monkeypatch, room, failure):
    path = tmp_path / "a.wav"
    wav = IncrementalWavWriter(path, RATE_HZ, "PCM_24")
    wav.append(noise(1))
    wav.append(noise(16_000, seed=1))
    real, budget = os.pwrite, [room]

    def limited(descriptor, content, offset):
        if offset and not budget[0]:
            raise failure
        done = real(descriptor, bytes(content[: budget[0] if offset else None]), offset)
        budget[0] -= done if offset else 0
        return done

    monkeypatch.setattr(incremental_wav.os, "pwrite", limited)
    with pytest.raises((AudioFileError, KeyboardInterrupt)) as caught:
        wav.append(noise(1000))
    monkeypatch.undo()
    if isinstance(caught.value, AudioFileError):
        assert "No space left on device" in caught.value.message
        assert "1.0 s" in caught.value.message
        assert "space" in caught.value.hint
    whole = np.concatenate([noise(1), noise(16_000, seed=1), noise(3, seed=2)])
    assert path.read_bytes() == written(tmp_path / "b.wav", whole[:-3], "PCM_24")
    wav.append(whole[-3:])
    wav.close()
    assert path.read_bytes() == written(tmp_path / "b.wav", whole, "PCM_24")


def test_a_limit_on_file_sizes_of_the_system(tmp_path):
    code = """
import resource, sys
import numpy as np
from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.errors import AudioFileError
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
with IncrementalWavWriter(sys.argv[1], 16_000) as wav:
    try:
        while True:
            wav.append(np.zeros(1000, dtype=np.float32))
    except AudioFileError as error:
        print(wav.samples, error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.wav")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("4000 ")
    assert "File too large" in result.stdout
    assert len(soundfile.read(tmp_path / "a.wav")[0]) == 4000


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
@pytest.mark.parametrize("keep", [0, 1, 2, 1001, 2001])
@pytest.mark.parametrize("writer", ["growing", "write_wav"])
def test_a_file_goes_on_where_it_is_told(tmp_path, subtype, keep, writer):
    path = tmp_path / "a.wav"
    old, new = noise(2001), noise(500, seed=1) / 2
    if writer == "growing":
        with IncrementalWavWriter(path, RATE_HZ, subtype) as wav:
            for piece in pieces(old):
                wav.append(piece)
    else:
        write_wav(path, old, RATE_HZ, subtype=subtype)
    with IncrementalWavWriter.resume(path, keep) as wav:
        assert (wav.sample_rate, wav.samples) == (RATE_HZ, keep)
        assert without_time(path.read_bytes(), subtype) == written(tmp_path / "b.wav", old[:keep], subtype)
        wav.append(new)
    whole = np.concatenate([old[:keep], new])
    assert without_time(path.read_bytes(), subtype) == written(tmp_path / "b.wav", whole, subtype)


def test_a_file_whose_last_piece_was_not_announced_goes_on_before_it(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, noise(100), RATE_HZ)
    with path.open("ab") as file:
        file.write(b"a crash came before the header")
    with pytest.raises(AudioFileError, match="holds 100 samples"):
        IncrementalWavWriter.resume(path, 101)
    with IncrementalWavWriter.resume(path, 100) as wav:
        wav.append(noise(50, seed=1))
    assert path.read_bytes() == written(tmp_path / "b.wav", np.concatenate([noise(100), noise(50, seed=1)]), "PCM_16")


def test_samples_that_a_crash_took_cannot_be_kept(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, noise(100), RATE_HZ)
    os.truncate(path, 44 + 2 * 60)
    with pytest.raises(AudioFileError, match="holds 60 samples, of which 61"):
        IncrementalWavWriter.resume(path, 61)
    with IncrementalWavWriter.resume(path, 60) as wav:
        wav.append(noise(1))
    assert len(soundfile.read(path)[0]) == 61


def stereo(path):
    write_wav(path, np.zeros((10, 2)), RATE_HZ)


def other_format(path):
    write_wav(path, np.zeros(10), RATE_HZ, subtype="ULAW")


def other_chunk(path):
    write_wav(path, np.zeros(10), RATE_HZ, subtype="FLOAT")
    path.write_bytes(path.read_bytes().replace(b"PEAK", b"LIST"))


def without_rate(path):
    write_wav(path, np.zeros(10), RATE_HZ)
    path.write_bytes(path.read_bytes().replace(RATE_HZ.to_bytes(4, "little"), bytes(4)).replace(b"\0\x7d", b"\0\0"))


def cut_off(path):
    write_wav(path, np.zeros(10), RATE_HZ, subtype="FLOAT")
    os.truncate(path, 79)


def flac(path):
    soundfile.write(path, np.zeros(10), RATE_HZ, format="FLAC")


def streamed(path):
    with path.open("wb") as file:
        WavStreamWriter(file, RATE_HZ, "FLOAT").append(noise(100))


@pytest.mark.parametrize(
    "make", [lambda path: path.touch(), stereo, other_format, other_chunk, without_rate, cut_off, flac, streamed]
)
def test_other_files_are_refused_and_left_alone(tmp_path, make):
    path = tmp_path / "a.wav"
    make(path)
    content = path.read_bytes()
    with pytest.raises(AudioFileError, match=r"a\.wav is not a WAV file that can be continued"):
        IncrementalWavWriter.resume(path, 0)
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["missing.wav", "."])
def test_what_is_no_file_cannot_be_continued(tmp_path, place):
    with pytest.raises(AudioFileError, match="cannot be continued"):
        IncrementalWavWriter.resume(tmp_path / place, 0)


@pytest.mark.parametrize("keep", [-1, 11])
def test_no_more_is_kept_than_there_is(tmp_path, keep):
    write_wav(tmp_path / "a.wav", noise(10), RATE_HZ)
    content = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(AudioFileError, match=f"holds 10 samples, of which {keep}"):
        IncrementalWavWriter.resume(tmp_path / "a.wav", keep)
    assert (tmp_path / "a.wav").read_bytes() == content


def test_refusals_leave_no_file_open(tmp_path):
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112
    flac(tmp_path / "a.wav")
    before = len(os.listdir(folder))  # noqa: PTH208
    for _ in range(10):
        with pytest.raises(AudioFileError):
            IncrementalWavWriter.resume(tmp_path / "a.wav", 0)
    assert len(os.listdir(folder)) == before  # noqa: PTH208


@pytest.mark.parametrize("subtype", GROWING_SUBTYPES)
def test_a_stream_is_read_to_its_end(tmp_path, subtype):
    samples = noise(16_000)
    out = io.BytesIO()
    stream = WavStreamWriter(out, RATE_HZ, subtype)
    assert out.getvalue() == b""
    for piece in pieces(samples):
        stream.append(piece)
    assert stream.duration_s == 1.0
    read, rate = soundfile.read(io.BytesIO(out.getvalue()), dtype="float32")
    write_wav(tmp_path / "b.wav", samples, RATE_HZ, subtype=subtype)
    assert rate == RATE_HZ
    assert np.array_equal(read, soundfile.read(tmp_path / "b.wav", dtype="float32")[0])
    (tmp_path / "a.wav").write_bytes(out.getvalue())
    assert load_recording(tmp_path / "a.wav").duration_s == 1.0


def test_a_stream_states_no_sizes():
    out = io.BytesIO()
    WavStreamWriter(out, RATE_HZ).append(noise(1))
    assert out.getvalue()[4:8] == out.getvalue()[40:44] == b"\xff" * 4


def test_a_stream_is_flushed_after_every_piece():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb") as writer:
        stream = WavStreamWriter(writer, RATE_HZ)
        stream.append(noise(10))
        assert len(reader.read(1000)) == 44 + 20
        stream.append(noise(10))
        assert len(reader.read(1000)) == 20


def test_a_reader_that_goes_away_is_no_error_of_ours():
    reading, writing = os.pipe()
    writer = os.fdopen(writing, "wb")
    stream = WavStreamWriter(writer, RATE_HZ)
    stream.append(noise(10))
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        stream.append(noise(10))
    with pytest.raises(BrokenPipeError):
        writer.close()


class FullDisk(io.BytesIO):
    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_behind_a_stream():
    with pytest.raises(AudioFileError, match="No space left on device") as caught:
        WavStreamWriter(FullDisk(), RATE_HZ).append(noise(10))
    assert "space" in caught.value.hint


def test_a_stream_takes_finite_samples_only():
    out = io.BytesIO()
    with pytest.raises(AudioFileError, match="not finite"):
        WavStreamWriter(out, RATE_HZ).append(np.array([np.inf], dtype=np.float32))
    assert out.getvalue() == b""
