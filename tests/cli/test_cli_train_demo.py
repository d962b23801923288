"""`gpa-mlx train demo` without what it needs, and the recording of natural voices."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.evaluation import everyday_run
from gpa_mlx.recipes.demo.evaluation.everyday import Measured
from gpa_mlx.recipes.demo.evaluation.quality_targets import Target
from gpa_mlx.recipes.demo.recordings import teaching
from gpa_mlx.recipes.demo.teachers import kokoro


def test_a_missing_synthesiser_is_named(gpa_mlx, tmp_path):
    result = gpa_mlx("train", "demo", "--kokoro", tmp_path, "--out", tmp_path / "out")
    assert result.code != 0
    assert "kokoro.onnx cannot be read" in result.err or "need onnxruntime" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("finished", [True, False])
def test_a_file_stop_ends_the_recording(gpa_mlx, tmp_path, monkeypatch, finished):
    asked = []

    def record(folder, teacher, takes, *, should_stop, report):
        asked.append((folder, takes, should_stop()))
        report("train: take 1 of 2")
        return finished

    monkeypatch.setattr(kokoro, "Kokoro", lambda folder: None)
    monkeypatch.setattr(teaching, "record_both_splits", record)
    out = tmp_path / "out"
    if not finished:
        out.mkdir()
        (out / "STOP").touch()
    result = gpa_mlx("train", "demo", "--kokoro", tmp_path, "--out", out, "--takes", "2")
    assert result.code == 0
    assert asked == [(out / "recordings", 2, not finished)]
    assert ("recorded" if finished else "the same command goes on") in result.err


def test_figures_are_told_and_kept_when_they_are_known(gpa_mlx, tmp_path, monkeypatch):
    def stream(model, voices, sources, *, most, report):
        assert sources.people == tmp_path
        assert len(voices) >= 4
        yield Measured(target=Target(name="digits", figure=0.5, bound=0.9, sense="at least"), clips=most)
        raise GPAError("The judge fell asleep.", hint="Wake it.")

    monkeypatch.setattr(everyday_run, "stream_everyday", stream)
    out = tmp_path / "figures.json"
    result = gpa_mlx("train", "judge", "--model", "demo", "--people", tmp_path, "--most", "7", "--out", out)
    assert result.code != 0
    assert "| digits | at least 90% | 50.0% | 7 | missed |" in result.out
    assert "The judge fell asleep." in result.err
    (kept,) = json.loads(out.read_text(encoding="utf-8"))
    assert (kept["target"]["name"], kept["clips"], kept["met"]) == ("digits", 7, False)


def test_either_recording_or_hearing(gpa_mlx, tmp_path):
    result = gpa_mlx("train", "demo", "--kokoro", tmp_path, "--people", tmp_path, "--out", tmp_path / "out")
    assert result.code == 2
    assert "Give either" in result.err
