"""The model card: it says what was measured, and the manifest vouches for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gpa_mlx.recipes.demo.data.synthetic_voices import SPEAKING
from gpa_mlx.recipes.demo.data.vocabulary import WORDS
from gpa_mlx.recipes.demo.evaluation.model_card import write_card
from gpa_mlx.recipes.demo.evaluation.quality_targets import targets
from gpa_mlx.recipes.demo.evaluation.scores import (
    ConversionScores,
    DemoScores,
    JudgeScores,
    NonSpeechScores,
    SpeakScores,
    WordErrors,
)
from gpa_mlx.recipes.demo.training.recipe import DemoRecipe
from gpa_mlx.store.manifest import read_manifest, verify_files
from tests.support.toy_demo import TINY, pack_random, toy_data


def errors(rate):
    return WordErrors(rate=rate, words=200, utterances=70)


SCORES = DemoScores(
    seed=0,
    stt_trained=errors(0.012),
    stt_held_out=errors(0.345),
    stt_held_out_by_voice={"m6": errors(0.4321), "rms-held-out": errors(0.2579)},
    stt_noisy=errors(0.067),
    stt_non_speech=NonSpeechScores(recordings=50, empty=49, empty_without_vad=41),
    speak=SpeakScores(
        overall=errors(0.078), built_in=errors(0.045), by_voice={"slt": errors(0.0333)}, without_speech=3
    ),
    judges={
        "pocketsphinx": JudgeScores(
            conditions="told to expect all words",
            limits="men only",
            spoken=errors(0.143),
            original=errors(0.051),
            difference=0.092,
        )
    },
    conversion=ConversionScores(
        words=errors(0.111),
        without_speech=2,
        pitch_pairs=83,
        pitch_closer=0.976,
        timbre_closer=0.954,
        codes_closer=0.932,
        closer=0.931,
        closer_by_target={"slt": 1.0, "benjamin": 0.5},
    ),
    parameters=3_210_000,
    size_bytes=6_540_000,
)


@pytest.fixture
def model(tmp_path):
    return pack_random(tmp_path / "model")


def card_of(model, scores=SCORES):
    write_card(model, scores, DemoRecipe(sizes=TINY), toy_data())
    return (model / "MODEL_CARD.md").read_text(encoding="utf-8")


def row(card, start):
    (found,) = [line for line in card.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_it_tells_what_was_measured_and_whether_that_is_enough(model):
    card = card_of(model)
    assert row(card, "word errors, voices of the training data")[1:] == ["at most 3.0 %", "1.2 %", "met"]
    assert row(card, "word errors, voices that are not in it")[1:] == ["at most 10.0 %", "34.5 %", "missed"]
    assert row(card, "silence and noise")[1:] == ["at least 100.0 %", "98.0 %", "missed"]
    assert row(card, "word errors of pocketsphinx")[2:] == ["9.2 %", "met"]
    assert row(card, "converted speech closer")[1:] == ["at least 95.0 %", "93.1 %", "missed"]
    assert row(card, "size |")[1:] == ["at most 12.00 MB", "6.54 MB", "met"]
    assert row(card, "held-out voice m6")[1] == "43.2 % (200 words, 70 utterances)"
    for figure in ("25.8 %", "6.7 %", "7.8 %", "3.3 %", "14.3 %", "97.6 %", "95.4 %", "93.2 %", "3.21 million"):
        assert figure in card
    for words in ("pocketsphinx, which has nothing to do with the model, told to expect all words", "men only."):
        assert words in card
    assert "49 of 50 recordings give no text; 41 when" in card
    assert "3 texts and 2 conversions" in card


def test_it_tells_what_the_model_is_and_is_not(model):
    card = card_of(model)
    assert all(word in card for word in WORDS)
    assert all(voice.name in card for voice in SPEAKING)
    assert "15 utterances" in card
    assert "5 voices: 1 of espeak-ng" in card
    assert "2 recordings of silence" in card
    assert "| glm_layers | 1 |" in card
    for part, info in read_manifest(model).parts.items():
        assert row(card, f"{part} |")[1:] == [f"{info.parameters:,}", "float16"]
    for words in ("No human recordings", "cannot do", "Apache License 2.0", "GPLv3", "BSD", "gpa-mlx train demo --out"):
        assert words in card
    assert not [line for line in card.splitlines() if line != line.rstrip()]


def test_what_was_not_measured_is_not_claimed(model):
    conversion = replace(SCORES.conversion, pitch_closer=None, pitch_pairs=0)
    card = card_of(model, replace(SCORES, judges={}, conversion=conversion))
    assert row(card, "word errors of pocketsphinx")[1:] == ["at most 15.0 %", "-", "not measured"]
    assert "pocketsphinx was not installed" in card


@pytest.mark.slow
def test_the_manifest_vouches_for_card_and_scores(model):
    before = read_manifest(model)
    card_of(model)
    after = read_manifest(model)
    assert verify_files(model) == []
    assert set(after.files) - set(before.files) == {"MODEL_CARD.md", "scores.json"}
    assert after.model_family == before.model_family
    assert replace(after, files=before.files) == before
    card = card_of(model, replace(SCORES, seed=5))
    assert "seed 5" in card
    assert verify_files(model) == []


def test_all_figures_are_beside_the_card(model):
    card_of(model)
    record = json.loads((model / "scores.json").read_text())
    assert record["scores"] == SCORES.as_dict()
    assert record["recipe"]["sizes"]["lm_layers"] == 1
    assert record["data"]["evaluation_seed"] == 1000


def test_a_figure_equal_to_its_target_meets_it():
    by_name = {target.name: target for target in targets(replace(SCORES, stt_trained=errors(0.03)))}
    assert by_name["word errors, voices of the training data"].met
    by_name = {target.name: target for target in targets(replace(SCORES, stt_trained=errors(0.0301)))}
    assert not by_name["word errors, voices of the training data"].met
