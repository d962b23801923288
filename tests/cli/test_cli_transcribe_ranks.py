"""`transcribe` as one of several processes: together they write what one writes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import touch


def run_as(monkeypatch, rank: int, size: int) -> None:
    monkeypatch.setenv("MLX_RANK", str(rank))
    monkeypatch.setenv("MLX_WORLD_SIZE", str(size))
    monkeypatch.delenv("MLX_HOSTFILE", raising=False)


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_files_of_two_processes_are_those_of_one(transcribe, monkeypatch):
    names = ["a.wav", "b/f.wav", "c.wav", "d.wav", "e.wav"]
    touch(*names)
    assert transcribe(*names, "-o", "one/", "-f", "txt,srt").code == 0
    for rank in range(2):
        run_as(monkeypatch, rank, 2)
        assert transcribe(*names, "-o", "two/", "-f", "txt,srt").code == 0
    assert contents("two") == contents("one")
    assert len(contents("one")) == 10


def test_lines_of_all_processes_are_those_of_one(transcribe, monkeypatch):
    names = ["a.wav", "b.wav", "c.wav"]
    touch(*names)
    one = transcribe(*names, "--json").out.splitlines()
    several = []
    for rank in range(3):
        run_as(monkeypatch, rank, 3)
        several += transcribe(*names, "--json").out.splitlines()
        several_lines = transcribe(*names).out
        assert several_lines.startswith(f"{names[rank]}:"), "named as in the whole list"
    files = [[json.loads(line)["file"] for line in lines] for lines in (one, several)]
    assert files[0] == files[1]


def test_what_means_nothing_is_said_once_and_an_idle_process_is_well(transcribe, engine, monkeypatch):
    touch("a.wav")
    outcomes = []
    for rank in range(3):
        run_as(monkeypatch, rank, 3)
        outcomes.append(transcribe("a.wav", "x*.wav"))
    assert ["x*.wav" in outcome.err for outcome in outcomes] == [True, False, False]
    assert [outcome.code == 0 for outcome in outcomes] == [False, True, True]
    assert len([call for call in engine.calls if call.method == "transcribe"]) <= 1
