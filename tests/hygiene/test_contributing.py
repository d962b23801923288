"""The worked examples of CONTRIBUTING do what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.markdown import ROOT, blocks


def example(about: str) -> dict[str, Any]:
    """Run the Python that stands under the heading that ends in `about`, and return its names."""
    (block,) = (
        block
        for block in blocks(ROOT / "CONTRIBUTING.md")
        if block.language == "python" and block.heading.endswith(about)
    )
    names: dict[str, Any] = {}
    exec(compile(block.text, f"CONTRIBUTING.md: {about}", "exec"), names)
    return names


def test_a_model_family(tmp_path: Path):
    from gpa_mlx.model.demo import demo_model
    from gpa_mlx.model.registry import FAMILIES, open_model

    family = example("model family")["LISTENING_GPA"]
    model = Path(shutil.copytree(demo_model(), tmp_path / "model"))
    manifest = json.loads((model / "gpa_mlx.json").read_text(encoding="utf-8"))
    (model / "gpa_mlx.json").write_text(json.dumps({**manifest, "architecture": family.name}), encoding="utf-8")
    opened = open_model(model, families={**FAMILIES, family.name: family})
    assert opened.transcription is not None
    assert opened.speech is None


def test_a_language_rule(monkeypatch: pytest.MonkeyPatch):
    from gpa_mlx.text.normalization import english, normalizer

    assert normalizer.normalize_text("∠ 30°") == "∠ thirty degrees"
    with_rule = english.Grammar(
        letters=english.GRAMMAR.letters,
        digits=english.GRAMMAR.digits,
        signs=(example("language rule")["angle"], *english.GRAMMAR.signs),
    )
    monkeypatch.setattr(normalizer, "_grammar", lambda *, chinese: with_rule)
    assert normalizer.normalize_text("∠ 30°") == "an angle of thirty degrees"


def test_a_transcript_format():
    from gpa_mlx.types import Segment

    segments = [Segment(start_s=0.5, end_s=2.0, text="three off"), Segment(start_s=61.25, end_s=63.0, text=" go\n")]
    assert example("transcript format")["lyrics"](segments, None) == "[00:00.50]three off\n[01:01.25]go\n"


def test_a_voice_activity_detector(monkeypatch: pytest.MonkeyPatch):
    from gpa_mlx.audio.vad import registry

    factory: Callable[..., Any] = example("voice activity detector")["_any_sound"]
    monkeypatch.setattr(registry, "DETECTORS", {**registry.DETECTORS, "any-sound": factory})
    detector = registry.make_detector("any-sound")
    assert detector is not None
    frames = np.zeros((3, detector.frame_samples))
    frames[1, 5] = 0.1
    assert detector.push(frames).tolist() == [False, True, False]
    assert detector.flush().tolist() == []


def test_a_command():
    sample = ROOT / "gpa_mlx/data/demo/samples/slt-three-off.wav"
    result = CliRunner().invoke(example("command")["length"], [str(sample)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{sample}: 1.52 s\n"
