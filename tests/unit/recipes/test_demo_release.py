"""What ships of a demo model."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import soundfile

import gpa_mlx
from gpa_mlx.doctor.first_run.demo_results import read_results
from gpa_mlx.errors import GPAError
from gpa_mlx.provenance.tagging import identify_model
from gpa_mlx.recipes.demo import release
from gpa_mlx.recipes.demo.data.synthetic_voices import BUILT_IN, VOICES, EspeakVoice
from gpa_mlx.recipes.demo.data.vocabulary import split_of
from gpa_mlx.recipes.demo.release import make_embedded
from gpa_mlx.store.manifest import read_manifest, verify_files
from gpa_mlx.voices.card import read_card
from tests.support.toy_demo import pack_random, toy_data

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("espeak-ng") and shutil.which("flite")), reason="espeak-ng or flite is not installed"
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return pack_random(tmp_path_factory.mktemp("packed") / "model")


@pytest.fixture(scope="module")
def shipped(model, tmp_path_factory):
    destination = tmp_path_factory.mktemp("shipped") / "demo"
    make_embedded(model, toy_data(), destination)
    return destination


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_model_is_a_whole_copy(model, shipped):
    assert sorted(path.name for path in shipped.iterdir()) == ["model", "results.json", "samples", "voices"]
    assert verify_files(shipped / "model") == []
    assert content(shipped / "model") == content(model)


def test_the_voices_are_the_built_in_ones_and_fit_the_model(shipped):
    family = read_manifest(shipped / "model").model_family
    assert {path.stem for path in (shipped / "voices").iterdir()} == set(BUILT_IN)
    with gpa_mlx.load(shipped / "model") as engine:
        for path in (shipped / "voices").iterdir():
            voice = read_card(path)
            assert (voice.name, voice.family) == (path.stem, family)
            assert voice.description
            engine.stream_speak("yes", voice=voice).close()  # checks the voice at the call


def test_the_samples_are_unseen_sentences_by_both_engines(shipped):
    listing = json.loads((shipped / "samples" / "samples.json").read_text())
    assert len(listing) == 6
    assert {path.name for path in (shipped / "samples").iterdir()} == {
        "samples.json",
        *(entry["file"] for entry in listing),
    }
    assert len({entry["voice"] for entry in listing}) == 6
    assert {isinstance(VOICES[entry["voice"]], EspeakVoice) for entry in listing} == {True, False}
    for entry in listing:
        assert split_of(tuple(entry["text"].split())) == "evaluation"
        file = shipped / "samples" / entry["file"]
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        samples, _ = soundfile.read(file)
        assert not samples[:4000].any()
        assert not samples[-4000:].any()
        assert np.abs(samples[4000:4800]).max() > 0.001


def test_the_results_are_those_of_the_model(shipped):
    results = read_results(shipped / "results.json")
    listing = json.loads((shipped / "samples" / "samples.json").read_text())
    assert results.model_sha256 == identify_model(shipped / "model").sha256
    assert [sample.file for sample in results.samples] == [entry["file"] for entry in listing]


def test_it_is_the_same_each_time_and_leaves_other_files_alone(model, shipped, tmp_path):
    (tmp_path / "__init__.py").touch()
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "old.voice").touch()
    make_embedded(model, toy_data(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"__init__.py", "model", "results.json", "samples", "voices"}
    (tmp_path / "__init__.py").unlink()
    assert content(tmp_path) == content(shipped)


def test_what_is_too_large_does_not_ship(model, tmp_path, monkeypatch):
    monkeypatch.setattr(release, "MAX_EMBEDDED_BYTES", 10_000)
    with pytest.raises(GPAError, match="may ship"):
        make_embedded(model, toy_data(), tmp_path)
    assert list(tmp_path.iterdir()) == []
