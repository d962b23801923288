"""`gpa-mlx history`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from gpa_mlx.errors import GPAError
from gpa_mlx.history import History
from gpa_mlx.testing import FakeEngine


@pytest.fixture
def history(monkeypatch, tmp_path):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    return History()


@pytest.fixture
def fake(monkeypatch):
    fake = FakeEngine()
    monkeypatch.setattr("gpa_mlx.engine.gpa.load", lambda path, **options: fake)
    return fake


def recorded(history, text=None, error=None):
    with history.begin("desk microphone") as journal:
        journal.append(np.full(16_000, 0.25, np.float32))
        entry = journal.finish()
        if error is not None:
            entry = journal.failed(error)
        return entry if text is None else journal.recognised(text)


def test_an_empty_history(gpa_mlx, history):
    assert gpa_mlx("history", "list") == (0, "", "")
    assert gpa_mlx("history", "show", "last").code == 1


def test_listing(gpa_mlx, history):
    recorded(history, "word " * 30)
    recorded(history, error="No model.")
    recorded(history)
    lines = gpa_mlx("history", "list").out.splitlines()
    assert sorted(line.split(maxsplit=2)[2] for line in lines) == [
        "failed      No model.",
        "recognised  " + ("word " * 30)[:57] + "...",
        "recorded",
    ]
    documents = [json.loads(line) for line in gpa_mlx("history", "list", "--json").out.splitlines()]
    assert {document["state"] for document in documents} == {"recorded", "recognised", "failed"}


def test_showing(gpa_mlx, history):
    entry = recorded(history, "some words")
    result = gpa_mlx("history", "show", "last")
    assert (result.code, result.out) == (0, "some words\n")
    assert "desk microphone" in result.err
    assert json.loads(gpa_mlx("history", "show", entry.name[-4:], "--json").out)["text"] == "some words"


def test_retrying_one(gpa_mlx, history, fake, tmp_path):
    entry = recorded(history, error="No model.")
    (tmp_path / "words").write_text("world => World\n")
    result = gpa_mlx("history", "retry", entry.name, "--model", "demo", "--words", tmp_path / "words")
    assert (result.code, result.out) == (0, "hello World\n")
    assert 'heard "world", wrote "World"' in result.err
    assert history.get("last").text == "hello World"
    assert fake.live_samples == 16_000


def test_retrying_what_has_no_text(gpa_mlx, history, fake):
    recorded(history, "done")
    recorded(history)
    recorded(history, error="No model.")
    result = gpa_mlx("history", "retry", "--all", "--model", "demo", "--json")
    assert [json.loads(line)["text"] for line in result.out.splitlines()] == ["hello world"] * 2
    assert sorted(entry.text for entry in history.entries()) == ["done", "hello world", "hello world"]
    again = gpa_mlx("history", "retry", "--all", "--model", "demo")
    assert (again.code, again.out) == (0, "")
    assert "everything has its text" in again.err


def test_retrying_nothing_or_too_much(gpa_mlx, history):
    assert gpa_mlx("history", "retry", "--model", "demo").code == 2
    assert gpa_mlx("history", "retry", "last", "--all", "--model", "demo").code == 2


def test_a_retry_that_fails(gpa_mlx, history, fake):
    entry = recorded(history)
    fake.failures["stream_transcribe_live"] = GPAError("Broken.")
    result = gpa_mlx("history", "retry", "last", "--model", "demo")
    assert (result.code, result.out) == (1, "")
    assert entry.name in result.err
    assert history.get("last").error == "Broken."


def test_silence(gpa_mlx, history, fake):
    recorded(history)
    fake.texts = ()
    result = gpa_mlx("history", "retry", "last", "--model", "demo")
    assert (result.code, result.out) == (0, "")
    assert "no speech" in result.err


def test_playing(gpa_mlx, history, monkeypatch):
    recorded(history)
    played = []

    class Player:
        def __init__(self, rate, *, expected_s, device):
            played.append((rate, expected_s, device.name))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def feed(self, samples):
            played.append(len(samples))

        def finish(self):
            played.append("end")

    monkeypatch.setattr("gpa_mlx.audio.devices.playback.Player", Player)
    assert gpa_mlx("history", "play", "last", "--device", "Speakers").code == 0
    assert played[0] == (16_000, 1.0, "Speakers")
    assert sum(played[1:-1]) == 16_000
    assert played[-1] == "end"


def test_saying_it_in_another_voice(gpa_mlx, history, tmp_path):
    recorded(history, "three off")
    out = tmp_path / "out.wav"
    result = gpa_mlx("history", "speak", "last", "--voice", "slt", "--model", "demo", "-o", out)
    assert result.code == 0, result.err
    assert soundfile.info(out).duration > 0.3


def test_what_has_no_text_cannot_be_said(gpa_mlx, history, tmp_path):
    entry = recorded(history)
    result = gpa_mlx("history", "speak", "last", "--voice", "slt", "--model", "demo", "-o", tmp_path / "out.wav")
    assert result.code == 1
    assert f"history retry {entry.name}" in result.err


def test_deleting(gpa_mlx, history):
    entries = [recorded(history), recorded(history)]
    with history.hold(entries[0]):
        result = gpa_mlx("history", "delete", entries[0].name)
        assert result.code == 1
        assert "in use" in result.err
    assert gpa_mlx("history", "delete", *(entry.name for entry in entries), entries[0].name).code == 0
    assert history.entries() == ()


def test_pruning(gpa_mlx, history):
    entry = recorded(history)
    assert json.loads(gpa_mlx("history", "prune", "--json").out) == {"deleted": []}
    assert "nothing is too old" in gpa_mlx("history", "prune").err
    assert json.loads(gpa_mlx("history", "prune", "--max-mb", "0", "--json").out) == {"deleted": [entry.name]}
    recorded(history)
    assert "deleted" in gpa_mlx("history", "prune", "--max-days", "0").err
    assert history.entries() == ()


def test_options_that_would_do_nothing_are_refused_here_too(gpa_mlx, history):
    recorded(history, "three off")
    result = gpa_mlx("history", "speak", "last", "--voice", "slt", "--model", "demo", "--play", "--subtype", "FLOAT")
    assert result.code == 2
    assert "--subtype" in result.err
