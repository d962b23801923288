"""`gpa-mlx train demo` without what it needs, and the recording of natural voices."""

from __future__ import annotations

import pytest

from gpa_mlx.recipes.demo.recordings import teaching
from gpa_mlx.recipes.demo.teachers import kokoro


def test_a_missing_synthesiser_is_named(gpa_mlx, tmp_path):
    result = gpa_mlx("train", "demo", "--kokoro", tmp_path, "--out", tmp_path / "out")
    assert result.code != 0
    assert "kokoro.onnx cannot be read" in result.err or "needs onnxruntime" in result.err
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
