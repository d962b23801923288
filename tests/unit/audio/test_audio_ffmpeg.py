"""Formats that another program decodes: with programs that only pretend, and with the real ffmpeg."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from gpa_mlx.audio.files import ffmpeg
from gpa_mlx.audio.files.reader import load_recording, open_recording
from gpa_mlx.audio.files.sound_file import NATIVE_SUFFIXES, announced_duration_s
from gpa_mlx.errors import AudioFileError

M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + b"\x11" * 500
REAL_FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(REAL_FFMPEG is None, reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    """The only place for temporary files; it is empty after every test."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def m4a(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(M4A)
    return path


@pytest.fixture
def decoded(tmp_path):
    """What a pretended program produces: 0.5 s, two channels, 44.1 kHz."""
    path = tmp_path / "decoded.wav"
    time_s = np.arange(22_050) / 44_100
    soundfile.write(path, np.stack([0.5 * np.sin(900 * time_s), 0 * time_s], axis=1), 44_100)
    return path


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a shell script of the given name on a PATH of its own; it notes its arguments, one per line."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name, script):
        path = folder / name
        log = tmp_path / f"{name}.log"
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{log}"\nfor last; do :; done\n{script}\n')
        path.chmod(0o755)
        return lambda: log.read_text().splitlines() if log.exists() else None

    return make


def element(name, content):
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


def matroska(samples, rate_hz, *, blocks=((0.0, 0, None),)):
    """What ffmpeg writes: blocks of float32 samples, each with a time, and which samples are in it."""
    samples = np.asarray(samples, "<f4").reshape(len(samples), -1)
    audio = element("b5", struct.pack(">d", rate_hz)) + element("9f", bytes([samples.shape[1]]))
    made = element("1a45dfa3", b"") + bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7
    made += element("1549a966", element("2ad7b1", (1_000_000).to_bytes(3, "big")))
    made += element("1654ae6b", element("ae", element("e1", audio)))
    for time_s, start, stop in blocks:
        block = b"\x81\0\0\x80" + samples[start:stop].tobytes()
        made += element("1f43b675", element("e7", round(1000 * time_s).to_bytes(4, "big")) + element("a3", block))
    return made


@pytest.fixture
def piped(tmp_path, decoded):
    """What a pretended ffmpeg writes to its standard output: the same."""
    samples, rate_hz = soundfile.read(decoded)
    (tmp_path / "piped.mka").write_bytes(matroska(samples, rate_hz))
    return tmp_path / "piped.mka"


def piping(piped):
    return f'/bin/cat "{piped}"'


def copying(decoded):
    return f'/bin/cp "{decoded}" "${{last#file:}}"'


def refused(path):
    with pytest.raises(AudioFileError) as caught:
        open_recording(path)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("name", ["afconvert", "ffmpeg"])
def test_either_program_decodes(program, m4a, decoded, piped, name):
    program(name, copying(decoded) if name == "afconvert" else piping(piped))
    with open_recording(m4a) as reader:
        assert (reader.name, reader.channels, reader.source_rate_hz) == (str(m4a), 2, 44_100)
        assert reader.duration_s == (pytest.approx(0.5) if name == "afconvert" else None)
        assert sum(map(len, reader)) == 8_000


def test_arguments_of_afconvert(program, m4a, decoded):
    arguments = program("afconvert", copying(decoded))
    open_recording(m4a).close()
    assert arguments()[:-1] == ["-f", "caff", "-d", "LEI16", str(m4a)]


REFUSES_FILMS = 'case "$5" in *.m4a) ;; *) echo "typ?" >&2; exit 1;; esac\n'
"""An `afconvert` that knows nothing but m4a."""


def test_what_afconvert_refuses_is_exported_by_quicktime_first(program, m4a, decoded, tmp_path):
    film = tmp_path / "film.mov"
    film.write_bytes(m4a.read_bytes())
    program("afconvert", REFUSES_FILMS + copying(decoded))
    arguments = program("avconvert", 'echo track > "$last"')
    with open_recording(film) as reader:
        assert sum(map(len, reader)) == 8_000
    given = arguments()
    assert given[:4] == ["--preset", "PresetAppleM4A", "--source", str(film)]
    assert given[4] == "--output"
    assert given[5].endswith(".m4a")
    assert not Path(given[5]).exists()


@pytest.mark.parametrize(
    ("script", "said"), [("echo 'no track' >&2; exit 1", "no track"), ("exit 0", "it wrote no file")]
)
def test_a_film_that_neither_reads(program, m4a, tmp_path, script, said):
    film = tmp_path / "film.mov"
    film.write_bytes(m4a.read_bytes())
    program("afconvert", REFUSES_FILMS)
    program("avconvert", script)
    words = refused(film)
    assert "afconvert says: typ?; avconvert says: " in words
    assert said in words


def test_arguments_of_ffmpeg(program, m4a, piped):
    arguments = program("ffmpeg", piping(piped))
    other = program("afconvert", "exit 1")
    open_recording(m4a).close()
    given = arguments()
    assert given[given.index("-i") + 1] == f"file:{m4a}"
    assert given[given.index("-protocol_whitelist") + 1] == "file,pipe"
    assert given[given.index("-map") + 1] == "0:a:0"
    assert given[-1] == "pipe:1"
    assert given.index("-protocol_whitelist") < given.index("-i")
    assert not {"-ac", "-ar"} & set(given)
    assert other() is None


@pytest.mark.parametrize(
    "name", ["-i.m4a", "http:x.m4a", "concat:a|b.m4a", "$(touch x).m4a", "a b;c'\".m4a", "%d.m4a", "-"]
)
def test_no_name_is_taken_for_anything_else(program, tmp_path, piped, monkeypatch, name):
    arguments = program("ffmpeg", piping(piped))
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(M4A)
    open_recording(name).close()
    assert f"file:{tmp_path / name}" in arguments()
    assert not (tmp_path / "x").exists()


def test_what_ffmpeg_cannot_decode_goes_to_afconvert(program, m4a, decoded):
    program("ffmpeg", "echo no such codec >&2; exit 1")
    program("afconvert", copying(decoded))
    assert len(load_recording(m4a)) == 8_000


def test_no_program(program, m4a):
    text = refused(m4a)
    for words in ("a.m4a", "afconvert", "brew install ffmpeg", "apt install ffmpeg"):
        assert words in text


def test_the_complaint_is_shortened(program, m4a):
    program("ffmpeg", f"echo first >&2; echo \"file:{m4a}: moov atom $(printf '%0400d' 7) x\" >&2; exit 1")
    text = refused(m4a)
    assert "ffmpeg says: moov atom 000" in text
    assert "first" not in text
    assert len(text) < 360 + len(str(m4a))


def test_every_complaint_is_told(program, m4a):
    program("afconvert", "echo bad >&2; exit 1")
    assert "ffmpeg reads more" in refused(m4a)
    program("ffmpeg", "exit 3")
    assert "ffmpeg says: exit status 3; afconvert says: bad" in refused(m4a)


@pytest.mark.parametrize(
    ("name", "script", "words"),
    [
        ("afconvert", "exit 0", "no file"),
        ("afconvert", 'echo no > "${last#file:}"', "cannot be read"),
        ("ffmpeg", "exit 0", "no samples"),
        ("ffmpeg", "echo no", "no samples"),
    ],
)
def test_a_program_that_lies(program, m4a, name, script, words):
    program(name, script)
    assert words in refused(m4a)


def test_damage_in_the_middle_is_told(program, m4a, piped, caplog):
    program("ffmpeg", f"echo channel element 3 is broken >&2; {piping(piped)}")
    with caplog.at_level(logging.WARNING, logger="gpa_mlx.audio"):
        load_recording(m4a)
    assert "channel element 3 is broken" in caplog.text


def test_a_gap_between_time_stamps_becomes_silence(program, m4a, piped):
    tone = np.full(16_000, 0.5)
    blocks = ((0.25, 0, 4_000), (0.5, 4_000, 8_000), (2.0, 8_000, None))
    piped.write_bytes(matroska(tone, 16_000, blocks=blocks))
    program("ffmpeg", piping(piped))
    heard = load_recording(m4a).first_channel != 0
    expected = np.concatenate([np.ones(8_000, bool), np.zeros(20_000, bool), np.ones(8_000, bool)])
    assert np.array_equal(heard, expected)


def test_stamps_that_go_back_lose_nothing(program, m4a, piped):
    blocks = ((5.0, 0, 4_000), (0.0, 4_000, 8_000), (0.25, 8_000, 12_000), (9_999.0, 12_000, None))
    piped.write_bytes(matroska(np.full(16_000, 0.5), 16_000, blocks=blocks))
    program("ffmpeg", piping(piped))
    assert load_recording(m4a).first_channel.tolist() == [0.5] * 16_000


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "limit", "words"),
    [("afconvert", "_AFCONVERT_TIMEOUT_S", "did not finish"), ("ffmpeg", "_STALL_S", "nothing for")],
)
def test_a_program_that_hangs_is_ended(program, m4a, tmp_path, monkeypatch, name, limit, words):
    program(name, f'echo $$ > "{tmp_path}/pid"; exec /bin/sleep 60')
    monkeypatch.setattr(ffmpeg, limit, 0.5)
    assert words in refused(m4a)
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_program(program, m4a, tmp_path):
    program("ffmpeg", f'echo $$ > "{tmp_path}/pid"; exec /bin/sleep 60')

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    started = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            open_recording(m4a)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.perf_counter() - started < 10
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_what_libsndfile_reads_needs_no_program(program, decoded):
    arguments = program("ffmpeg", "exit 1")
    open_recording(decoded).close()
    assert arguments() is None


def test_text_is_not_offered_to_a_program(program, tmp_path):
    arguments = program("ffmpeg", "exit 1")
    (tmp_path / "a.wav").write_text("hello " * 100)
    assert "not an audio file" in refused(tmp_path / "a.wav")
    assert arguments() is None


def test_a_pipe_is_kept_in_a_file_without_a_name(program, tmp_path, piped):
    arguments = program("ffmpeg", piping(piped))
    os.mkfifo(tmp_path / "a.m4a")
    writer = threading.Thread(target=(tmp_path / "a.m4a").write_bytes, args=(M4A,))
    writer.start()
    assert len(load_recording(tmp_path / "a.m4a")) == 8_000
    writer.join()
    assert any(argument.startswith("file:/dev/fd/") for argument in arguments())


@pytest.mark.parametrize("name", ["ffmpeg", "afconvert"])
def test_a_full_temporary_folder_is_no_damage(program, tmp_path, monkeypatch, m4a, name):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    if name == "ffmpeg":
        os.mkfifo(tmp_path / "p.m4a")
        writer = threading.Thread(target=(tmp_path / "p.m4a").write_bytes, args=(M4A,))
        writer.start()
        monkeypatch.setattr(ffmpeg, "_Whole", full)
        m4a = tmp_path / "p.m4a"
    else:
        program("afconvert", "exit 0")
        monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    text = refused(m4a)
    assert "No space left on device" in text
    assert "damaged" not in text
    assert "TMPDIR" in text


def test_names_of_recordings_do_not_overlap():
    assert not NATIVE_SUFFIXES & ffmpeg.FFMPEG_SUFFIXES


def test_announced_durations(decoded, m4a, tmp_path, monkeypatch):
    assert announced_duration_s(decoded) == pytest.approx(0.5)
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("PATH", "")
    for path in (m4a, tmp_path, tmp_path / "none", tmp_path / "pipe"):
        assert announced_duration_s(path) is None


# -- the real one ----------------------------------------------------------------------------------------------------


@pytest.fixture
def speech(golden_audio, tmp_path):
    """Two different channels at 44.1 kHz."""
    samples, rate = soundfile.read(golden_audio("slt"))
    left = soxr.resample(samples, rate, 44_100)
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.stack([left, np.roll(left, 9_000)], axis=1), 44_100)
    return path


@pytest.mark.slow
@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ["-c:a", "aac", "-b:a", "192k"]),
        ("lossless.m4a", ["-c:a", "alac"]),
        ("renamed.wav", ["-c:a", "aac", "-b:a", "192k", "-f", "mp4"]),
        ("a.aac", ["-c:a", "aac", "-b:a", "192k"]),
        ("a.mov", ["-c:a", "pcm_s16le"]),
        ("a.wma", ["-c:a", "wmav2", "-b:a", "192k"]),
        ("a.mka", ["-c:a", "flac"]),
    ],
)
def test_ffmpeg_gives_the_same_sound(speech, tmp_path, name, options):
    path = tmp_path / name
    made = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", str(speech), *options, str(path)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this ffmpeg cannot make {name}")
    expected = load_recording(speech)
    with open_recording(path) as reader:
        assert (reader.channels, reader.source_rate_hz) == (2, 44_100)
    ours = load_recording(path)
    assert ours.duration_s == pytest.approx(expected.duration_s, abs=0.1)  # codecs work in whole blocks
    for mine, theirs in (
        (ours.first_channel, expected.first_channel),
        (ours.channel_mean, expected.channel_mean),
    ):
        length = 1 << 17
        spectrum = np.fft.rfft(mine, length) * np.conj(np.fft.rfft(theirs, length))
        norm = np.sqrt((mine @ mine) * (theirs @ theirs))
        assert np.fft.irfft(spectrum).max() / norm > 0.98  # a raw stream keeps the encoder's delay


@needs_ffmpeg
@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.wav\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {secret.name}\n",
    ],
)
def test_ffmpeg_follows_no_playlist(speech, tmp_path, content):
    (tmp_path / "list.m4a").write_text(content.format(secret=speech))
    assert "cannot be decoded" in refused(tmp_path / "list.m4a")


@needs_ffmpeg
def test_ffmpeg_says_what_is_wrong(m4a):
    assert "ffmpeg says" in refused(m4a)
