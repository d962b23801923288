"""Where the demo model, its voices and its samples are found."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.model import demo
from gpa_mlx.types import Voice
from gpa_mlx.voices.card import format_card


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty place for the demo data."""
    monkeypatch.setattr(demo, "_DATA", tmp_path)
    return tmp_path


@pytest.mark.parametrize("find", [demo.demo_model, demo.demo_voices, demo.demo_samples])
def test_an_installation_without_the_data_says_so(data, find):
    with pytest.raises(ModelNotFoundError) as caught:
        find()
    assert "no demo model" in caught.value.message
    assert "gpa-mlx train demo" in caught.value.hint


def test_the_data_belong_to_the_package():
    assert demo._DATA.parts[-3:] == ("gpa_mlx", "data", "demo")


def test_voices_come_by_name(data):
    (data / "voices").mkdir()
    for name in ("b", "a"):
        (data / "voices" / f"{name}.voice").write_text(format_card(Voice(name=name, global_tokens=(1,))))
    (data / "voices" / "notes.txt").touch()
    assert demo.demo_voices() == (Voice(name="a", global_tokens=(1,)), Voice(name="b", global_tokens=(1,)))


def test_samples_come_in_the_order_of_the_list(data):
    (data / "samples").mkdir()
    entries = [{"file": f"{name}.wav", "text": f"{name} text", "voice": "slt"} for name in "ba"]
    (data / "samples" / "samples.json").write_text(json.dumps(entries))
    assert demo.demo_samples() == tuple(
        demo.DemoSample(data / "samples" / f"{name}.wav", f"{name} text", "slt") for name in "ba"
    )


@pytest.mark.parametrize("content", [None, "", "{", "3", '{"a": 1}', '[{"file": "a.wav"}]', '[{"file": 3}]'])
def test_a_damaged_list_of_samples_is_named(data, content):
    (data / "samples").mkdir()
    if content is not None:
        (data / "samples" / "samples.json").write_text(content)
    with pytest.raises(ModelFormatError, match=r"samples\.json is damaged"):
        demo.demo_samples()
