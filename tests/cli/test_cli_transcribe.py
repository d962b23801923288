"""`gpa-mlx transcribe`."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from gpa_mlx.errors import AudioFileError, ModelFormatError
from gpa_mlx.types import Segment, Timings, TranscriptionChunk


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_file_is_its_text_alone(gpa_mlx, engine):
    assert gpa_mlx("transcribe", "a.wav", "--model", "m") == (0, "first words second\n", "")


def test_several_files_are_named(gpa_mlx, engine):
    result = gpa_mlx("transcribe", "a.wav", "b.wav", "--model", "m")
    assert result == (0, "a.wav: first words second\nb.wav: first words second\n", "")


def test_json_is_one_object_per_line(gpa_mlx, engine):
    result = gpa_mlx("transcribe", "a.wav", "b.wav", "--model", "m", "--json")
    first, second = lines(result.out)
    assert first["timings"].pop("real_time_factor") == 0.25
    assert first["timings"].pop("processing_s") == 0.75
    assert first == {
        "file": "a.wav",
        "text": "first words second",
        "segments": [
            {"start": 0.0, "end": 1.0, "text": "first words", "confidence": None, "doubtful": False},
            {"start": 2.0, "end": 3.0, "text": "second", "confidence": None, "doubtful": False},
        ],
        "finish_reason": "stop",
        "timings": {
            "read_s": 0.0,
            "encode_s": 0.75,
            "prefill_s": 0.0,
            "generate_s": 0.0,
            "decode_s": 0.0,
            "first_output_s": 0.0,
            "audio_s": 3.0,
            "prompt_tokens": 0,
            "generated_tokens": 0,
        },
    }
    assert second["file"] == "b.wav"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_failing_file_does_not_stop_the_others(gpa_mlx, engine, options):
    engine.failures = {"b.wav": AudioFileError("b is bad."), "c.wav": AudioFileError("c is bad.")}
    result = gpa_mlx("transcribe", "a.wav", "b.wav", "c.wav", "d.wav", "--model", "m", *options)
    assert result.code == 4
    assert result.err == "error: b is bad.\nerror: c is bad.\n"
    lines = result.out.splitlines()
    if options:
        assert json.loads(lines[1]) == {"file": "b.wav", "error": "b is bad.", "hint": ""}
        lines = [line for line in lines if "error" not in json.loads(line)]
    assert len(lines) == 2
    assert "a.wav" in lines[0]
    assert "d.wav" in lines[1]


def test_a_broken_model_stops_at_once(gpa_mlx, engine):
    engine.failures = {"a.wav": ModelFormatError("bad model.")}
    assert gpa_mlx("transcribe", "a.wav", "b.wav", "--model", "m") == (3, "", "error: bad model.\n")


@pytest.mark.parametrize(
    ("reason", "words"), [("length", "--max-tokens"), ("loop", "repeat"), ("no_speech", "--no-vad")]
)
def test_an_incomplete_result_is_explained(gpa_mlx, engine, reason, words):
    engine.finish_reason = reason
    result = gpa_mlx("transcribe", "a.wav", "--model", "m")
    assert result.code == 0
    assert result.err.startswith("note: ")
    assert words in result.err


def test_options_reach_the_engine(gpa_mlx, engine):
    gpa_mlx("transcribe", "a.wav", "--model", "m", "--max-tokens", 9, "--no-constrain")
    options = engine.calls[0][1]
    assert (options.max_tokens, options.constrain, options.temperature) == (9, False, 0.0)
    gpa_mlx("transcribe", "a.wav", "--model", "m")
    assert engine.calls[1][1] == engine.default_options("transcribe")


def test_a_terminal_sees_the_text_as_it_comes(gpa_mlx, engine, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = gpa_mlx("transcribe", "a.wav", "b.wav", "--model", "m")
    assert result == (0, "a.wav: first words\nsecond\nb.wav: first words\nsecond\n", "")


def test_what_is_heard_again_begins_a_new_line(gpa_mlx, engine, monkeypatch):
    def stream(*_, **__):
        yield TranscriptionChunk(text="on and on", start_s=0.0)
        segment = Segment(start_s=0.0, end_s=1.0, text="on we go", doubtful=True)
        yield TranscriptionChunk(text="on we go", start_s=0.0, restarts=True, segment=segment)
        yield TranscriptionChunk(text="", start_s=1.0, finish_reason="stop", timings=Timings())

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(engine, "stream_transcribe", stream)
    assert gpa_mlx("transcribe", "a.wav", "--model", "m").out == "on and on ...\non we go\n"


def test_text_outside_the_terminal_s_alphabet_is_kept(gpa_mlx, engine, monkeypatch):
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    document = json.loads(gpa_mlx("transcribe", "你好.wav", "--model", "m", "--json").out)
    assert document["file"] == "你好.wav"


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many"])
def test_max_tokens_must_be_a_positive_integer(gpa_mlx, engine, value):
    assert gpa_mlx("transcribe", "a.wav", "--model", "m", "--max-tokens", value).code == 2
    assert not engine.calls


def test_golden_text(gpa_mlx, converted_small_a, golden_audio, golden_meta):
    result = gpa_mlx(
        *("transcribe", golden_audio("slt"), golden_audio("rms"), "--model", converted_small_a),
        *("--no-vad", "--no-constrain", "--max-tokens", 64, "--json"),
    )
    assert result.code == 0
    documents = lines(result.out)
    assert [document["text"] for document in documents] == [
        golden_meta["e2e"][f"stt/{name}"]["text"] for name in ("slt", "rms")
    ]


@pytest.mark.parametrize(
    ("model", "person", "told"), [("demo", True, True), ("demo", False, False), ("m", True, False)]
)
def test_a_person_is_told_what_the_demo_model_can_do(gpa_mlx, engine, tmp_path, monkeypatch, model, person, told):
    from gpa_mlx.cli import inputs

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return person

    monkeypatch.setattr(inputs, "sys", SimpleNamespace(stderr=Terminal()))
    (tmp_path / "a.wav").touch()
    result = gpa_mlx("transcribe", tmp_path / "a.wav", "--model", model)
    assert result.code == 0
    assert ("twenty words" in result.err) == told


def test_help_lists_the_voice_activity_detectors(gpa_mlx):
    assert "--vad [energy|silero]" in gpa_mlx("transcribe", "--help").out


def test_the_detector_goes_to_the_engine(gpa_mlx, engine, monkeypatch):
    chosen, stream = [], engine.stream_transcribe

    def noted(audio, *, vad, **options):
        chosen.append(vad)
        return stream(audio, vad=vad, **options)

    monkeypatch.setattr(engine, "stream_transcribe", noted)
    for options in ((), ("--no-vad",), ("--vad", "energy")):
        assert gpa_mlx("transcribe", "a.wav", "--model", "m", *options).code == 0
    assert chosen == [True, False, "energy"]
    assert gpa_mlx("transcribe", "a.wav", "--model", "m", "--vad", "energy", "--no-vad").code == 2


def test_a_detector_that_is_not_installed_is_reported_before_a_model_is_read(gpa_mlx, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = gpa_mlx("transcribe", "a.wav", "--model", "absent", "--vad", "silero")
    assert result.code == 2
    assert "pip install 'gpa-mlx[silero]'" in result.err
