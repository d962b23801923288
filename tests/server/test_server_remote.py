"""`transcribe --server`: what a server does is what this process would do, and what goes wrong is said in words."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gpa_mlx.cli.commands import cli
from gpa_mlx.cli.program import run
from gpa_mlx.engine import remote
from gpa_mlx.engine.remote import RemoteTranscriber
from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.model.demo import demo_samples
from gpa_mlx.server.options import ServerOptions
from gpa_mlx.testing import FakeEngine
from gpa_mlx.transcripts.chunk_documents import chunk_document, chunk_of
from gpa_mlx.types import GenerationOptions, Segment, Timings, TranscriptionChunk
from tests.server.conftest import running

SAMPLES = [str(sample.file) for sample in demo_samples()[:3]]


@pytest.fixture
def transcribe(capsys, monkeypatch, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """Run `gpa-mlx transcribe` in an empty folder."""
    for name in ("GPA_MLX_MODEL", "GPA_MLX_SERVER", "GPA_MLX_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(cli, ["transcribe", *map(str, arguments)])
        return code, *capsys.readouterr()

    return invoke


@pytest.fixture
def no_model(monkeypatch) -> None:
    """Fail when a model is loaded in this process."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("gpa_mlx.jobs.models.open_model", refuse)


def without_times(out: str) -> list[dict]:
    documents = [json.loads(line) for line in out.splitlines()]
    return [{name: value for name, value in each.items() if name != "timings"} for each in documents]


def test_lines_objects_and_files_are_those_of_a_model_of_its_own(transcribe, address, tmp_path, monkeypatch):
    own_lines = transcribe(*SAMPLES, "--model", "demo")[1]
    own_objects = transcribe(*SAMPLES, "--model", "demo", "--json")[1]
    assert transcribe(*SAMPLES, "--model", "demo", "-o", "own/", "-f", "srt,vtt,json,tsv,txt")[0] == 0
    monkeypatch.setattr("gpa_mlx.jobs.models.open_model", None)
    code, lines, err = transcribe(*SAMPLES, "--server", address)
    assert (code, lines) == (0, own_lines), err
    assert without_times(transcribe(*SAMPLES, "--server", f"{address}/v1/", "--json")[1]) == without_times(own_objects)
    assert transcribe(*SAMPLES, "--server", address, "-o", "served/", "-f", "srt,vtt,json,tsv,txt")[0] == 0
    own = sorted(path.name for path in Path("own").iterdir())
    assert len(own) == 15
    assert own == sorted(path.name for path in Path("served").iterdir())
    for name in own:
        assert (tmp_path / "own" / name).read_bytes() == (tmp_path / "served" / name).read_bytes()


def test_a_file_that_is_none_fails_alone_with_its_exit_code(transcribe, address, no_model, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    code, out, err = transcribe("bad.wav", SAMPLES[0], "--server", address)
    assert code == 4
    assert "three off" in out
    assert "bad.wav" in err


def test_a_model_that_is_not_served_is_refused(transcribe, address, no_model):
    code, _, err = transcribe(SAMPLES[0], "--server", address, "--model", "other")
    assert code == 3
    assert "'demo', not 'other'" in err


@pytest.mark.parametrize(
    "options", [("--max-tokens", "3"), ("--no-constrain",), ("--track", "1"), ("--channels", "separate")]
)
def test_what_a_server_does_not_heed_is_refused(transcribe, address, no_model, options):
    code, _, err = transcribe(SAMPLES[0], "--server", address, *options)
    assert code == 2
    assert options[0] in err


def test_nobody_who_answers_is_told_at_once(transcribe, no_model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, _, err = transcribe(SAMPLES[0], "--server", f"http://127.0.0.1:{port}")
    assert code == 1
    assert "No server answers" in err
    assert "gpa-mlx serve" in err


def test_what_is_no_address_is_refused():
    for wrong in ("127.0.0.1:8765", "ftp://host", "http://", "http://host:port"):
        with pytest.raises(SettingsError, match="no address"):
            RemoteTranscriber(wrong)


def test_auto_uses_the_server_of_this_machine_if_it_has_the_model(transcribe, address, monkeypatch):
    own = transcribe(SAMPLES[0], "--model", "demo")[1]
    opened: list[object] = []
    from gpa_mlx.jobs import models

    open_model = models.open_model

    def counting(*arguments: object) -> object:
        opened.append(arguments)
        return open_model(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(models, "open_model", counting)
    monkeypatch.setattr(remote, "USUAL_ADDRESS", address)
    monkeypatch.setenv("GPA_MLX_SERVER", "auto")
    assert transcribe(SAMPLES[0], "--model", "demo")[:2] == (0, own)
    assert not opened
    assert transcribe(SAMPLES[0], "--model", "demo", "--max-tokens", "100")[:2] == (0, own)
    assert len(opened) == 1, "an option that no server heeds"
    monkeypatch.setattr(remote, "USUAL_ADDRESS", "http://127.0.0.1:9")
    assert transcribe(SAMPLES[0], "--model", "demo")[:2] == (0, own)
    assert len(opened) == 2


def test_a_key_is_sent_and_its_lack_is_said(transcribe, no_model, engine, monkeypatch):
    with running(engine, ServerOptions(port=0, api_key="secret")) as where:
        code, _, err = transcribe(SAMPLES[0], "--server", where)
        assert code == 2
        assert "key" in err
        monkeypatch.setenv("GPA_MLX_API_KEY", "secret")
        code, _, err = transcribe(SAMPLES[0], "--server", where)
        assert code == 0, err


def test_all_that_an_engine_says_arrives():
    segments = (Segment(start_s=0.5, end_s=1.0, text="wörds\n", confidence=0.5, doubtful=True),)
    engine = FakeEngine(texts=segments, path=demo_samples()[0].file.parents[1] / "model")
    audio = demo_samples()[0].file
    with running(engine, ServerOptions(port=0)) as where:
        got = list(RemoteTranscriber(where).stream_transcribe(audio))
    said = list(engine.stream_transcribe(audio))
    assert [chunk.segment for chunk in got] == [chunk.segment for chunk in said]
    assert [chunk.text for chunk in got] == [chunk.text for chunk in said]
    assert got[-1].finish_reason == said[-1].finish_reason


def test_chunks_survive_their_documents():
    chunk = TranscriptionChunk(
        text="a",
        start_s=1.5,
        restarts=True,
        segment=Segment(start_s=1.5, end_s=2, text="a b", finish_reason="loop", confidence=0.25, channel="left"),
        finish_reason="stop",
        timings=Timings(read_s=1, generated_tokens=3),
        empty_reason="silent",
    )
    document = json.loads(json.dumps(chunk_document(chunk)))
    assert chunk_of(document) == chunk
    assert chunk_of(document | {"newer": 1}) == chunk
    bare = TranscriptionChunk(text="", start_s=0.0)
    assert chunk_of(chunk_document(bare)) == bare
    for wrong in ({}, {"text": "a", "start_s": 0, "segment": 5}, {"text": "a", "start_s": 0, "segment": {"text": "a"}}):
        with pytest.raises(ValueError, match="no chunk"):
            chunk_of(wrong)


@contextlib.contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve these answers to POSTs, one after the other; yield the address and what was posted."""
    left, posted = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, content = left.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", posted
        finally:
            server.shutdown()
            thread.join()


def events(*documents: object) -> bytes:
    return b": ping\n\n" + b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in documents)


WORDS = {"type": "transcript.chunk", "chunk": {"text": "hi", "start_s": 0.0}}
END = {"type": "transcript.chunk", "chunk": {"text": "", "start_s": 1.0, "finish_reason": "stop"}}
BUSY = json.dumps({"error": {"message": "Full.", "code": "too_many_requests"}}).encode()


@pytest.fixture
def clip(tmp_path) -> Path:
    """A file that nobody reads."""
    path = tmp_path / 'a "name" é.wav'
    path.write_bytes(b"RIFF" * 1000)
    return path


def test_a_busy_server_is_asked_again(clip):
    with answering((429, {"Retry-After": "0"}, BUSY), (200, {}, events(WORDS, END))) as (where, posted):
        chunks = list(RemoteTranscriber(where).stream_transcribe(clip, options=GenerationOptions(temperature=0.5)))
    assert [chunk.text for chunk in chunks] == ["hi", ""]
    assert len(posted) == 2
    assert clip.read_bytes() in posted[1]
    assert b'name="temperature"\r\n\r\n0.5' in posted[1]
    assert posted[1].count(b'"') % 2 == 0, "the name of the file is one word"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {}, events(WORDS)), "broke off"),
        ((200, {}, events(WORDS) + b"data: {broken"), "broke off"),
        ((200, {}, events(WORDS, {"error": {"message": "It is damaged.", "code": "invalid_audio"}})), "damaged"),
        ((429, {}, BUSY), "Full"),
        ((500, {}, b"<html>"), "status 500"),
    ],
)
def test_what_breaks_is_an_error_and_never_an_end(clip, answer, says):
    with answering(answer) as (where, _), pytest.raises(GPAError, match=says):
        list(RemoteTranscriber(where).stream_transcribe(clip))
