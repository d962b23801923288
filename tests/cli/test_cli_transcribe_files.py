"""`gpa-mlx transcribe`: the files it writes."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpa_mlx.errors import AudioFileError, ModelFormatError
from gpa_mlx.types import Segment, TranscriptionChunk
from tests.cli.conftest import TWO_SEGMENTS, touch

SRT = "1\n00:00:00,000 --> 00:00:01,000\nfirst words\n\n2\n00:00:02,000 --> 00:00:03,000\nsecond\n\n"
TXT = "first words\nsecond\n"
TSV = "start\tend\ttext\n0\t1000\tfirst words\n2000\t3000\tsecond\n"


def refused(result, engine, *words):
    """The user is told before anything has happened."""
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert [word for word in words if word not in result.err] == []
    assert engine.calls == []


# -- formats and outputs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "content"), [("txt", TXT), ("srt", SRT), ("tsv", TSV)])
def test_a_format_without_output_goes_to_standard_output(transcribe, tree, kind, content):
    assert transcribe("a.wav", "-f", kind) == (0, content, "")
    assert tree() == []


def test_output_in_a_format_is_utf_8_whatever_the_terminal(transcribe, engine, monkeypatch):
    segment = Segment(start_s=0, end_s=1, text="你好😀")
    chunks = [TranscriptionChunk(text="", start_s=0, segment=segment, finish_reason="stop")]
    engine.stream_transcribe = lambda *_, **__: (chunk for chunk in chunks)
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    assert json.loads(transcribe("a.wav", "-f", "json").out)["text"] == "你好😀"


def test_one_file_in_one_format(transcribe, tree):
    result = transcribe("a.wav", "-o", "talk.srt")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("talk.srt: 0:03 of audio in 0.75 s (RTF 0.25)")
    assert tree() == ["talk.srt"]
    assert Path("talk.srt").read_bytes() == SRT.encode()


def test_the_format_given_beats_the_extension(transcribe):
    transcribe("a.wav", "-o", "talk.txt", "-f", "tsv")
    assert Path("talk.txt").read_text() == TSV


def test_several_formats_and_recordings_go_to_a_folder(transcribe, tree):
    assert transcribe("x/a.wav", "b.mp3", "-f", "srt,TSV", "-f", "json", "-f", "srt", "-o", "new/out").code == 0
    names = [f"new/out/{name}.{kind}" for name in "ab" for kind in ("json", "srt", "tsv")]
    assert tree() == ["new", "new/out", *names]
    document = json.loads(Path("new/out/a.json").read_text())
    assert document["segments"][1] == {
        "start": 2.0,
        "end": 3.0,
        "text": "second",
        "confidence": None,
        "doubtful": False,
    }


@pytest.mark.parametrize("output", ["out", "out/", "out.d", "sub.srt/"])
def test_one_recording_goes_to_a_folder_too(transcribe, output):
    transcribe("talk.one.wav", "-o", output)
    assert Path(output, "talk.one.txt").read_text() == TXT


def test_an_existing_folder_is_a_folder_whatever_its_name(transcribe):
    Path("out.srt").mkdir()
    transcribe("a.wav", "-o", "out.srt")
    assert Path("out.srt/a.txt").exists()


def test_json_lines_and_files_together(transcribe):
    result = transcribe("a.wav", "b.wav", "--json", "-o", "out")
    assert [json.loads(line)["file"] for line in result.out.splitlines()] == ["a.wav", "b.wav"]
    assert Path("out/b.txt").read_text() == TXT


def test_lines_are_broken_and_cues_are_split(transcribe):
    result = transcribe("a.wav", "-f", "srt", "--max-line-width", 6, "--max-line-count", 1)
    assert result.out.split("\n")[:7] == [
        *("1", "00:00:00,000 --> 00:00:00,500", "first", ""),
        *("2", "00:00:00,500 --> 00:00:01,000", "words"),
    ]


def test_older_files_are_replaced_and_links_followed(transcribe, tree):
    Path("real.srt").write_text("old")
    Path("a.srt").symlink_to("real.srt")
    transcribe("a.wav", "-f", "srt", "-o", ".")
    assert Path("real.srt").read_text() == SRT
    assert Path("a.srt").is_symlink()
    assert tree() == ["a.srt", "real.srt"]


def test_a_write_that_fails_keeps_the_old_file(transcribe, tree, monkeypatch):
    touch("b.txt")
    Path("a.txt").write_text("old")

    replace = Path.replace

    def full(self, target):
        if Path(target).name == "a.txt":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    result = transcribe("a.wav", "b.wav", "-o", ".")
    assert result.code == 1
    assert "a.txt cannot be written: No space left on device." in result.err
    assert Path("a.txt").read_text() == "old"
    assert Path("b.txt").read_text() == TXT
    assert tree() == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.wav", "-f", "srt,vtt"], ["one format", "-o"]),
        (["a.wav", "b.wav", "-f", "srt"], ["one recording", "-o"]),
        (["a.wav", "--json", "-f", "srt"], ["-o"]),
        (["a.wav", "b.wav", "-o", "all.srt"], ["all.srt", "2 to write", "folder"]),
        (["a.wav", "-f", "srt,vtt", "-o", "all.srt"], ["all.srt", "2 to write"]),
        (["a.wav", "-o", ""], ["no file"]),
        (["a.wav", "-o", "notes.docx"], ["notes.docx", "-f", "/"]),
        (["a.wav", "-f", "txt,json", "--max-line-width", "20"], ["subtitles"]),
        (["a.wav", "--skip-existing"], ["-o"]),
        (["a.wav", "-f", "docx"], ["'docx'", "srt"]),
        (["a.wav", "-f", "srt,"], ["''"]),
        (["a.wav", "--max-line-count", "2"], ["width"]),
        (["a.wav", "--max-line-width", "0"], ["max-line-width"]),
    ],
)
def test_contradictions_are_told_before_any_work(transcribe, engine, tree, arguments, words):
    refused(transcribe(*arguments), engine, *words)
    assert tree() == []


def test_an_existing_file_of_unknown_format(transcribe, engine):
    touch("notes.bin")
    refused(transcribe("a.wav", "-o", "notes.bin"), engine, "notes.bin", "-f")
    assert transcribe("a.wav", "-o", "notes.bin", "-f", "txt").code == 0
    assert Path("notes.bin").read_text() == TXT


@pytest.mark.parametrize("link", [False, True])
def test_a_recording_is_never_written_over(transcribe, engine, link):
    Path("a.txt").write_bytes(b"really audio")
    if link:
        os.link("a.txt", "talk.srt")
    output = "talk.srt" if link else "."
    refused(transcribe("a.txt", "-o", output), engine, "is a recording: a.txt")
    assert Path("a.txt").read_bytes() == b"really audio"


@pytest.mark.parametrize("output", ["file/out", "/dev/null/out"])
def test_a_folder_that_cannot_be_made(transcribe, engine, output):
    touch("file")
    result = transcribe("a.wav", "-o", output)
    assert (result.code, engine.calls) == (1, [])
    assert "cannot be written" in result.err


def test_an_output_that_is_no_file(transcribe, engine):
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind("a.srt")
        result = transcribe("a.wav", "-o", "a.srt")
    assert (result.code, engine.calls) == (1, [])
    assert "not a regular file" in result.err


def test_a_pipe_with_a_name_is_written_to(transcribe, engine):
    os.mkfifo("a.srt")
    with ThreadPoolExecutor() as pool:
        read = pool.submit(Path("a.srt").read_text)
        assert transcribe("a.wav", "-o", "a.srt").code == 0
        assert read.result(20).startswith("1\n00:00:00,000 --> 00:00:01,000\nfirst words\n")
    assert stat.S_ISFIFO(Path("a.srt").stat().st_mode)


def test_a_device_is_written_to(transcribe, engine):
    assert transcribe("a.wav", "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


def test_a_descriptor_goes_on_where_it_is(transcribe, engine):
    """As `3>> notes.txt` opens it: what is there already must survive, through a link too."""
    Path("notes.txt").write_text("kept\n")
    with Path("notes.txt").open("ab") as notes:
        Path("link").symlink_to(f"/dev/fd/{notes.fileno()}")
        assert transcribe("a.wav", "-o", f"/dev/fd/{notes.fileno()}").code == 0
        assert transcribe("a.wav", "-o", "link").code == 0
    assert Path("notes.txt").read_text() == "kept\n" + "first words\nsecond\n" * 2


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/proc/self/fd/1"])
def test_standard_output_by_its_names(transcribe, engine, name):
    assert transcribe("a.wav", "-o", name).out == "first words second\n"
    assert transcribe("a.wav", "-o", name, "-f", "txt").out == "first words\nsecond\n"
    assert len(transcribe("a.wav", "b.wav", "-o", name).out.splitlines()) == 2


def test_what_means_nothing_stops_nothing(transcribe, engine, monkeypatch):
    for name in ("talks/a.wav", "talks/secret/b.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        touch(name)
    scandir = os.scandir

    def guarded(path="."):
        if os.fspath(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    result = transcribe("-r", "talks", "none*.wav", "https://example.org/a.mp3", "c.wav", "--json")
    assert result.code == 4
    documents = [json.loads(line) for line in result.out.splitlines()]
    assert {document["file"] for document in documents if "error" in document} == {
        "talks",
        "none*.wav",
        "https://example.org/a.mp3",
    }
    assert [document["file"] for document in documents if "error" not in document] == ["talks/a.wav", "c.wav"]
    assert "talks/secret cannot be searched: Permission denied." in result.err
    assert "curl -LO 'https://example.org/a.mp3'" in result.err


def test_equal_names_keep_what_tells_them_apart(transcribe, engine, tree):
    for folder in ("x", "y"):
        Path(folder).mkdir()
    names = ["a.wav", "a.mp3", "b.wav", "x/c.wav", "y/c.wav", "A.wav", "a.wav.flac"]
    for name in names:
        touch(name)
    assert transcribe(*names, "-o", "out/").code == 0
    assert [name for name in tree() if name.startswith("out/") and name.endswith(".txt")] == [
        "out/A.wav-6.txt",
        "out/a.mp3.txt",
        "out/a.wav-1.txt",
        "out/a.wav.flac.txt",
        "out/b.txt",
        "out/x/c.wav.txt",
        "out/y/c.wav.txt",
    ]


def test_a_file_of_another_suffix(transcribe, engine, tree):
    assert transcribe("a.wav", "-o", "notes.md").code == 0
    assert Path("notes.md").read_text() == "first words\nsecond\n"
    assert transcribe("a.wav", "-o", "notes.sub", "-f", "srt").code == 0
    assert Path("notes.sub").read_text().startswith("1\n")
    result = transcribe("a.wav", "-o", "notes.docx")
    assert (result.code, Path("notes.docx").exists()) == (2, False)
    assert "Give it with -f" in result.err


def test_existing_texts_are_skipped(transcribe, engine):
    Path("out").mkdir()
    Path("out/a.txt").write_text("mine")
    result = transcribe("a.wav", "b.wav", "-o", "out", "--skip-existing")
    assert result.code == 0
    assert Path("out/a.txt").read_text() == "mine"
    assert Path("out/b.txt").read_text() == "first words\nsecond\n"
    assert "out/a.txt: there already, skipped" in result.err
    assert transcribe("a.wav", "--skip-existing").code == 2


class Breaks:
    """Transcribes a segment and fails then."""

    def __init__(self, error):
        self._error = error

    def __call__(self, *arguments, **options):
        yield TranscriptionChunk(text="first words", start_s=0.0, segment=TWO_SEGMENTS[0])
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AudioFileError("samples that are not numbers"), 4, "samples that are not numbers"),
        (OSError(5, "Input/output error"), 1, "a.wav failed: Input/output error."),
        (MemoryError(), 1, "There is not enough memory for a.wav."),
        (RuntimeError("[malloc_or_wait] Unable to allocate"), 1, "There is not enough memory for a.wav."),
        (ValueError("surprise"), 1, "unexpected ValueError: surprise"),
    ],
)
def test_what_fails_on_the_way_keeps_its_text(transcribe, engine, monkeypatch, error, code, message):
    monkeypatch.setattr(engine, "stream_transcribe", Breaks(error))
    result = transcribe("a.wav", "-o", "out", "-f", "txt,srt")
    assert result.code == code
    assert message in result.err
    assert "stopped in a.wav at 0:01, where the text in out/a.txt, out/a.srt ends." in result.err
    assert Path("out/a.txt").read_text() == "first words\n"
    assert transcribe("a.wav").out == "first words\n"
    document = json.loads(transcribe("a.wav", "--json").out)
    assert (document["text"], message in document["error"]) == ("first words", True)
    transcribe("a.wav", "-o", "new", "--skip-existing")
    assert [path.name for path in Path("new").iterdir()] == ["a.partial.txt"]


def test_a_text_that_cannot_be_written_is_shown(transcribe, engine, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gpa_mlx.store.text_output.write_atomically", full)
    result = transcribe("a.wav", "-o", "out")
    assert (result.code, result.out) == (1, "first words second\n")
    assert "No space left on device" in result.err


def test_a_name_like_an_option_gets_a_hint(transcribe, engine):
    touch("-x.wav")
    result = transcribe("-x.wav")
    assert result.code == 2
    assert "./-x.wav" in result.err


def test_no_folder_is_made_for_a_model_that_is_missing(gpa_mlx, tmp_path, tree):
    assert gpa_mlx("transcribe", "a.wav", "-o", tmp_path / "out", "--model", tmp_path / "none").code == 3
    assert tree() == []


def test_silence_is_an_empty_file(transcribe, engine):
    engine.finish_reason = "no_speech"
    chunks = [TranscriptionChunk(text="", start_s=3.0, finish_reason="no_speech")]
    engine.stream_transcribe = lambda *_, **__: (chunk for chunk in chunks)
    result = transcribe("a.wav", "-o", "a.vtt")
    assert "no speech was heard in a.wav" in result.err
    assert Path("a.vtt").read_text() == "WEBVTT\n\n"


def test_a_failing_recording_does_not_stop_the_others(transcribe, engine, tree):
    engine.failures = {"a.wav": AudioFileError("a is bad.")}
    result = transcribe("a.wav", "b.wav", "-o", "out")
    assert result.code == 4
    assert result.err.startswith("error: a is bad.\nout/b.txt: ")
    assert tree() == ["out", "out/b.txt"]


def test_a_broken_model_stops_at_once(transcribe, engine):
    engine.failures = {"a.wav": ModelFormatError("bad model.")}
    assert transcribe("a.wav", "b.wav", "-o", "out") == (3, "", "error: bad model.\n")


def test_a_target_that_cannot_be_written_stops_no_other_recording(transcribe, engine):
    for name in ("b.wav", "c.wav"):
        touch(name)
    Path("out/b.txt").mkdir(parents=True)
    os.link("c.wav", "out/c.txt")
    result = transcribe("a.wav", "b.wav", "c.wav", "-o", "out")
    assert result.code == 1
    assert Path("out/a.txt").read_text() == TXT
    assert "out/c.txt is a recording: c.wav" in result.err
    assert "out/b.txt is not a regular file" in result.err
    assert len(engine.calls) == 1
    document = [json.loads(line) for line in transcribe("b.wav", "a.wav", "-o", "out", "--json").out.splitlines()]
    assert ["error" in one for one in document] == [True, False]


# -- interrupts ------------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(engine):
    """Let the recording of the given name be interrupted after its first segment, or before."""
    stream = engine.stream_transcribe

    def arrange(name, *, segments=1):
        def stop(audio, **options):
            for chunk in stream(audio, **options):
                if audio.name == name and chunk.start_s >= 2.0 * segments:
                    raise KeyboardInterrupt
                yield chunk

        engine.stream_transcribe = stop

    return arrange


def test_an_interrupt_keeps_what_is_done(transcribe, interrupted, tree):
    interrupted("b.wav")
    result = transcribe("a.wav", "b.wav", "c d.wav", "-f", "srt,txt", "-o", "out")
    assert result.code == 130
    first, *rest = result.err.split("\n", 1)[1].splitlines()
    assert first == "note: stopped in b.wav at 0:01, where the text in out/b.srt, out/b.txt ends."
    assert rest == ["note: to go on, run it again with b.wav 'c d.wav'; those before are done.", "", "interrupted"]
    assert Path("out/a.txt").read_text() == TXT
    assert Path("out/b.txt").read_text() == "first words\n"
    assert tree() == ["out", "out/a.srt", "out/a.txt", "out/b.srt", "out/b.txt"]


def test_an_interrupt_at_the_beginning_keeps_the_old_file(transcribe, interrupted):
    Path("a.txt").write_text("old")
    interrupted("a.wav", segments=0)
    result = transcribe("a.wav", "-o", "a.txt")
    assert result.code == 130
    assert "stopped at the beginning of a.wav; nothing of it is written." in result.err
    assert Path("a.txt").read_text() == "old"


def test_an_interrupt_keeps_what_goes_to_standard_output(transcribe, interrupted):
    interrupted("a.wav")
    result = transcribe("a.wav", "-f", "txt")
    assert (result.code, result.out) == (130, "first words\n")


def test_an_interrupt_ends_the_run_even_when_nothing_can_be_written(transcribe, interrupted, engine, monkeypatch):
    interrupted("a.wav")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    result = transcribe("a.wav", "b.wav", "-o", "out")
    assert result.code == 130
    assert "No space left" in result.err
    assert len(engine.calls) == 1


def test_many_names_are_not_all_repeated(transcribe, interrupted):
    interrupted("0.wav")
    result = transcribe(*(f"{number}.wav" for number in range(20)), "-o", "out")
    assert "7.wav and 12 more" in result.err


def test_files_of_the_real_engine(gpa_mlx, converted_small_a, golden_audio, golden_meta, tmp_path):
    result = gpa_mlx(
        *("transcribe", golden_audio("slt"), "--model", converted_small_a, "-f", "json,srt", "-o", tmp_path),
        *("--no-vad", "--no-constrain", "--max-tokens", 64),
    )
    assert result.code == 0
    document = json.loads((tmp_path / "slt.json").read_text())
    assert document["text"] == golden_meta["e2e"]["stt/slt"]["text"]
    (segment,) = document["segments"]
    assert segment["start"] == 0.0
    assert (tmp_path / "slt.srt").read_text().startswith("1\n00:00:00,000 --> 00:00:0")
