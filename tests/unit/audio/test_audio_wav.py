"""Writing WAV files."""

from __future__ import annotations

import os
import stat

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.reader import WAV_SUBTYPES, write_wav
from gpa_mlx.errors import AudioFileError, SettingsError


def tone(samples=1600):
    return (0.5 * np.sin(np.arange(samples) * 0.1)).astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_what_is_written_is_read_back(tmp_path, subtype):
    path = tmp_path / "a.wav"
    write_wav(path, tone(), 16_000, subtype=subtype)
    samples, rate = soundfile.read(path)
    info = soundfile.info(path)
    assert (rate, info.subtype, info.format) == (16_000, subtype, "WAV")
    assert np.abs(samples - tone()).max() <= (2**-7 if subtype == "PCM_U8" else 2**-15)
    if subtype in ("FLOAT", "DOUBLE"):
        assert np.array_equal(samples, tone())


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_integer_formats_clip_and_never_wrap(tmp_path, subtype, dtype):
    path = tmp_path / "a.wav"
    loud = np.array([1.0, 1.5, 100.0, -1.0, -1.5, -100.0, 0.0], dtype=dtype)
    write_wav(path, loud, 16_000, subtype=subtype)
    read = soundfile.read(path)[0]
    assert (read[:3] > 0.97).all()
    assert (read[3:6] < -0.97).all()
    assert abs(read[6]) < 0.01


def test_float_formats_keep_what_is_beyond_full_scale(tmp_path):
    write_wav(tmp_path / "a.wav", np.array([2.0, -3.0]), 16_000, subtype="FLOAT")
    assert soundfile.read(tmp_path / "a.wav")[0].tolist() == [2.0, -3.0]


def test_channels(tmp_path):
    write_wav(tmp_path / "a.wav", np.stack([tone(), -tone()], axis=1), 44_100)
    assert soundfile.read(tmp_path / "a.wav")[0].shape == (1600, 2)


def test_the_same_samples_give_the_same_file_unless_the_format_stores_the_time(tmp_path):
    write_wav(tmp_path / "a.wav", tone(), 16_000)
    write_wav(tmp_path / "b.wav", tone(), 16_000)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_an_unknown_subtype_lists_the_choices(tmp_path):
    with pytest.raises(SettingsError, match="PCM_12") as caught:
        write_wav(tmp_path / "a.wav", tone(), 16_000, subtype="PCM_12")
    assert all(subtype in caught.value.hint for subtype in ("PCM_16", "PCM_24", "FLOAT"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
def test_every_listed_subtype_is_written_or_refused_with_its_name(tmp_path, subtype):
    path = tmp_path / "a.wav"
    problem = ""
    try:
        write_wav(path, tone(), 16_000, subtype=subtype)
    except AudioFileError as error:
        problem = error.message
    if problem:
        assert subtype in problem
        assert list(tmp_path.iterdir()) == []
    else:
        assert len(soundfile.read(path)[0]) >= 1600


def test_samples_that_are_not_finite(tmp_path):
    with pytest.raises(AudioFileError, match="not finite"):
        write_wav(tmp_path / "a.wav", np.array([0.0, np.nan]), 16_000)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_does_not_exist(tmp_path):
    path = tmp_path / "missing" / "a.wav"
    with pytest.raises(AudioFileError) as caught:
        write_wav(path, tone(), 16_000)
    assert str(path) in caught.value.message
    assert "No such file or directory" in caught.value.message
    assert not path.parent.exists()


def test_a_directory_is_not_replaced(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioFileError, match="not a regular file"):
        write_wav(tmp_path / "a.wav", tone(), 16_000)
    assert (tmp_path / "a.wav").is_dir()


@pytest.mark.parametrize("step", ["chmod", "replace"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, failure):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def fail(*arguments, **options):
        raise failure

    monkeypatch.setattr(type(path), step, fail)
    with pytest.raises((AudioFileError, KeyboardInterrupt)) as caught:
        write_wav(path, tone(), 16_000)
    monkeypatch.undo()
    if isinstance(caught.value, AudioFileError):
        assert "No space left on device" in caught.value.message
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_a_success_replaces_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    write_wav(path, tone(), 16_000)
    assert len(soundfile.read(path)[0]) == 1600
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write_wav(tmp_path / "link.wav", tone(), 16_000)
    assert (tmp_path / "link.wav").is_symlink()
    assert len(soundfile.read(tmp_path / "real.wav")[0]) == 1600


def test_the_longest_name_and_the_usual_permissions(tmp_path):
    path = tmp_path / ("n" * 251 + ".wav")
    mask = os.umask(0o022)
    try:
        write_wav(path, tone(), 16_000)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
