"""How long the stretches are that a model hears in one go."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.synthesis.conversion import convert_recording
from gpa_mlx.types import GenerationOptions


@pytest.fixture
def short_winded(converted_small_a, tmp_path):
    """The golden model, told to hear at most 3 s."""
    for file in converted_small_a.iterdir():
        (tmp_path / file.name).symlink_to(file)
    manifest = json.loads((converted_small_a / "gpa_mlx.json").read_text())
    (tmp_path / "gpa_mlx.json").unlink()
    (tmp_path / "gpa_mlx.json").write_text(json.dumps(manifest | {"max_segment_s": 3.0}))
    with gpa_mlx.load(tmp_path) as model:
        yield model


@pytest.fixture(scope="module")
def speech():
    time_s = np.arange(8 * 16_000) / 16_000
    return np.random.default_rng(0).normal(0, 0.1, len(time_s)) * (np.sin(2 * np.pi * 2.5 * time_s) > -0.5), 16_000


def test_a_model_may_hear_short_stretches_only(short_winded, speech):
    segments = short_winded.transcribe(speech, options=GenerationOptions(max_tokens=3)).segments
    assert len(segments) >= 3
    assert all(segment.end_s - segment.start_s <= 3.0 for segment in segments)
    assert (segments[0].start_s, segments[-1].end_s) == (0.0, pytest.approx(8.0, abs=0.1))


@pytest.mark.slow
def test_so_it_converts_short_stretches_only(short_winded, speech, golden_audio):
    voice = short_winded.make_voice(golden_audio("slt"), name="slt")
    options = GenerationOptions(temperature=1.0, seed=1, max_tokens=5)
    chunks = list(convert_recording(short_winded, speech, voice=voice, options=options))
    assert len([chunk for chunk in chunks if chunk.segment]) >= 3


def test_otherwise_the_tokenizer_is_the_limit(converted_small_a):
    with gpa_mlx.load(converted_small_a) as model:
        assert model.max_segment_s == 30.0
