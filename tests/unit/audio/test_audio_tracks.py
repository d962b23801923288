"""Time stamps and audio tracks of videos, made and read with the real ffmpeg."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading

import numpy as np
import pytest
import soundfile

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.files.sound_file import FileSource
from gpa_mlx.errors import AudioFileError
from gpa_mlx.types import AudioFile
from tests.unit.audio.test_audio_lengths import encoded, tone

pytestmark = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None, reason="ffmpeg is not installed"
)
VIDEO = ("-f", "lavfi", "-i", "color=s=64x64:r=5:d=4")


@pytest.fixture
def make(tmp_path):
    """Return what makes a file with ffmpeg."""

    def run(name, *arguments):
        path = tmp_path / name
        command = ["ffmpeg", "-y", "-loglevel", "error", *map(str, arguments), str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip(f"this ffmpeg cannot make {name}")
        return path

    return run


@pytest.fixture
def beeps(tmp_path):
    """Three bursts a second for two seconds, in noise that is hardly there: to the gate that is speech."""
    time_s = np.arange(32_000) / 16_000
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(time_s))
    path = tmp_path / "beeps.wav"
    soundfile.write(path, noise + 0.4 * np.sin(4_000 * time_s) * (time_s % 0.33 < 0.2), 16_000)
    return path


def onset_s(path):
    return int(np.argmax(np.abs(load_recording(path).first_channel) > 0.1)) / 16_000


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts"])
def test_a_late_audio_track_is_late(make, beeps, name):
    video = "mpeg2video" if name.endswith("ts") else "mpeg4"
    maps = ("-map", "0:v", "-map", "1:a", "-c:v", video, "-r", "25", "-c:a", "aac")
    path = make(name, *VIDEO, "-itsoffset", "1.5", "-i", beeps, *maps)
    assert onset_s(path) == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("name", ["a.mka", "a.m4a", "a.ts"])
def test_a_gap_in_the_time_stamps_is_silence(make, beeps, name):
    path = make(name, "-i", beeps, "-af", "asetpts=if(gt(T\\,0.9)\\,PTS+12/TB\\,PTS)", "-c:a", "aac")
    samples = load_recording(path).first_channel
    assert len(samples) / 16_000 == pytest.approx(14.0, abs=0.2)
    assert not np.any(np.abs(samples[16_000 * 2 : 16_000 * 12]) > 1e-3)


@pytest.mark.slow
def test_the_track_with_speech_is_read_and_named(make, beeps, caplog):
    silence = ("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=2")
    maps = ("-map", "0:a", "-map", "1:a", "-disposition:a:0", "default", "-metadata:s:a:1", "language=deu")
    path = make("a.mka", *silence, "-i", beeps, *maps, "-c:a", "flac")
    with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
        assert np.abs(load_recording(path).first_channel).max() > 0.1
    assert "2 audio tracks: 1 (default), 2 (deu)" in caplog.text
    assert "Track 2 is read, the first with speech" in caplog.text
    assert not load_recording(AudioFile(str(path), track=1)).first_channel.any()
    with pytest.raises(AudioFileError, match="no track 3"):
        load_recording(AudioFile(str(path), track=3))


def test_the_default_track_goes_before_the_first(make, beeps, tmp_path):
    soundfile.write(tmp_path / "high.wav", tone(1.0, 3_000), 16_000)
    maps = ("-map", "0:a", "-map", "1:a", "-disposition:a:0", "0", "-disposition:a:1", "default")
    path = make("a.mka", "-i", tmp_path / "high.wav", "-i", beeps, *maps, "-c:a", "flac")
    assert len(load_recording(path)) == 32_000


def test_a_video_without_sound_says_so(make):
    with pytest.raises(AudioFileError, match=r"no sound: it is a video without an audio track"):
        load_recording(make("a.mp4", *VIDEO, "-c:v", "mpeg4"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.mp4", "a.wv", "a.tta", "a.caf"])
def test_a_pipe_is_read_like_a_file(make, beeps, tmp_path, name):
    path = make(name, "-i", beeps, "-c:a", {"a.mp4": "aac", "a.wv": "wavpack", "a.tta": "tta", "a.caf": "alac"}[name])
    expected = load_recording(path).first_channel
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(path.read_bytes(),))
    writer.start()
    assert np.array_equal(load_recording(tmp_path / "pipe").first_channel, expected)
    writer.join()


def test_a_flac_that_is_damaged_in_the_middle_goes_on(tmp_path, caplog):
    noise = 0.1 * np.random.default_rng(0).standard_normal(64_000)
    content = bytearray(encoded(noise, kind="FLAC"))
    middle = len(content) // 2
    content[middle : middle + 800] = bytes(800)
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
        samples = load_recording(path).first_channel
    assert abs(len(samples) - 64_000) < 8_200
    assert np.abs(samples[-8_000:] - noise[-8_000:]).max() < 2**-14
    assert "damaged after" in caplog.text


def test_a_flac_that_is_cut_in_half_is_called_cut_off(tmp_path, caplog):
    noise = 0.1 * np.random.default_rng(0).standard_normal(64_000)
    content = encoded(noise, kind="FLAC")
    path = tmp_path / "a.flac"
    path.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
        samples = load_recording(path).first_channel
    assert 20_000 < len(samples) < 36_000
    assert f"cut off: {len(samples) / 16_000:.1f} of 4.0 s" in caplog.text


def test_messages_use_the_given_name(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"no sound" * 40)
    with pytest.raises(AudioFileError, match=r"^standard input is not an audio file"):
        FileSource(path, name="standard input")
