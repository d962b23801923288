"""`gpa-mlx transcribe`: which recordings it reads, and how it says how far it is."""

from __future__ import annotations

import json
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from gpa_mlx.cli import progress as progress_module
from gpa_mlx.cli.progress import Progress
from gpa_mlx.errors import AudioFileError
from tests.cli.conftest import touch

# -- recordings ------------------------------------------------------------------------------------------------------


def heard(result):
    return [json.loads(line)["file"] for line in result.out.splitlines()]


def test_patterns_that_the_shell_left(transcribe):
    touch("talks/b.wav", "talks/a.wav", "talks/deep/c.wav", "talks/.hidden.wav", "talks/d.txt", "talks/e.wav/x")
    assert heard(transcribe("talks/*.wav", "--json")) == ["talks/a.wav", "talks/b.wav"]
    assert heard(transcribe("talks/**/[ac].wav", "--json")) == ["talks/a.wav", "talks/deep/c.wav"]


def test_a_name_that_looks_like_a_pattern_is_a_name(transcribe):
    touch("a[1].wav", "a1.wav")
    assert heard(transcribe("a[1].wav", "--json")) == ["a[1].wav"]


def test_a_pattern_that_matches_nothing(transcribe, engine):
    result = transcribe("a.wav", "*.flac")
    assert (result.code, result.out) == (4, "a.wav: first words second\n")
    assert "'*.flac'" in result.err
    engine.calls.clear()
    assert transcribe("*.flac").code == 4
    assert engine.calls == []


@pytest.mark.parametrize("recursive", ["-r", "--recursive"])
def test_folders(transcribe, tree, recursive):
    names = ("rec/b.WAV", "rec/a.m4a", "rec/z/a.mp3", "rec/notes.txt", "rec/.c.wav", "rec/.old/d.wav", "rec/wav")
    touch(*names)
    found = ["rec/a.m4a", "rec/b.WAV", "rec/z/a.mp3"]
    assert heard(transcribe(recursive, "rec", "--json")) == found
    assert heard(transcribe(recursive, "x.bin", "r*", "rec/b.WAV", "--json")) == ["x.bin", *found]
    assert transcribe(recursive, "rec", "-o", "out").code == 0
    assert [name for name in tree() if name.startswith("out/")] == ["out/a.txt", "out/b.txt", "out/z", "out/z/a.txt"]


def test_a_folder_without_recursive(transcribe, engine):
    touch("rec/a.wav")
    result = transcribe("rec")
    assert (result.code, result.out, engine.calls) == (4, "", [])
    assert "is a directory" in result.err
    assert "-r" in result.err


def test_a_folder_without_recordings(transcribe, engine):
    touch("rec/a.txt")
    result = transcribe("-r", "rec")
    assert (result.code, engine.calls) == (4, [])
    assert "holds no recordings" in result.err


def test_a_recording_named_twice_is_read_once(transcribe):
    touch("a.wav")
    assert heard(transcribe("a.wav", "./a.wav", "*.wav", "--json")) == ["a.wav"]


# -- standard input --------------------------------------------------------------------------------------------------


@pytest.fixture
def spool(tmp_path_factory, monkeypatch):
    """The only place for temporary files; it is empty after every test."""
    folder = tmp_path_factory.mktemp("spool")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def reading(engine, spool):
    """Let the engine look at what it is given: its content and who may read it."""
    seen = []
    transcribe, stream = engine.transcribe, engine.stream_transcribe

    def look(method):
        def called(audio, **options):
            file = Path(audio)
            seen.append((file.read_bytes(), stat.S_IMODE(file.stat().st_mode)))
            return method(audio, **options)

        return called

    engine.transcribe, engine.stream_transcribe = look(transcribe), look(stream)
    return seen


def test_standard_input(transcribe, reading):
    result = transcribe("-", "--json", stdin=b"RIFF\0\xff")
    assert json.loads(result.out)["file"] == "-"
    assert reading == [(b"RIFF\0\xff", 0o600)]


def test_standard_input_to_files(transcribe, reading, tree):
    touch("a.wav")
    assert transcribe("a.wav", "-", "-", "-f", "srt", "-o", "out", stdin=b"RIFF").code == 0
    assert [content for content, _ in reading] == [b"", b"RIFF"]
    assert tree() == ["a.wav", "out", "out/a.srt", "out/stdin.srt"]


@pytest.mark.parametrize("error", [AudioFileError("bad."), KeyboardInterrupt(), ZeroDivisionError()])
def test_standard_input_is_forgotten_after_a_failure(transcribe, engine, spool, error):
    engine.failures = {"stream_transcribe": error}
    assert transcribe("-", stdin=b"RIFF").code != 0


def test_messages_about_standard_input_name_it(gpa_mlx, converted_small_a, spool):
    for content in (b"", b"hello"):
        result = gpa_mlx("transcribe", "-", "--model", converted_small_a, stdin=content)
        assert (result.code, result.out) == (4, "")
        assert result.err.startswith("error: standard input is ")


# -- progress --------------------------------------------------------------------------------------------------------


def test_progress_says_how_long_it_will_take(monkeypatch):
    now = iter([100.0, 110.0, 160.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(now))
    lines = []
    progress = Progress(lines.append, "transcribing a.wav", 4000.0)
    progress.reach(0.0)
    progress.reach(1000.0)
    assert lines == [
        "transcribing a.wav: 0:00 of 1:06:40",
        "transcribing a.wav: 16:40 of 1:06:40, 0:30 left",
    ]


def test_progress_without_a_duration():
    lines = []
    Progress(lines.append, "x", None).reach(61.0)
    assert lines == ["x: 1:01"]


def test_a_terminal_sees_the_progress(transcribe, engine, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    result = transcribe("a.wav", "--json")
    assert json.loads(result.out)["text"] == "first words second"
    assert "transcribing a.wav" in result.err
