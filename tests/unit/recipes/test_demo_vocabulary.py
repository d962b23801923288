"""The words, their split into training and evaluation, and who says them."""

from __future__ import annotations

import pytest

from gpa_mlx.errors import SettingsError
from gpa_mlx.model import demo
from gpa_mlx.recipes.demo.data.plan import (
    DemoDataConfig,
    evaluation_requests,
    held_out_requests,
    synthetic_requests,
    training_requests,
)
from gpa_mlx.recipes.demo.data.synthesis import phrasings
from gpa_mlx.recipes.demo.data.synthetic_voices import BUILT_IN, HELD_OUT, RECOGNISED, SPEAKING, VOICE_IDS, VOICES
from gpa_mlx.recipes.demo.data.vocabulary import MAX_WORDS, WORDS, draw_sequences, split_of


def test_there_are_twenty_words():
    assert len(WORDS) == len(set(WORDS)) == 20


def test_the_program_tells_the_words_that_the_recipe_trains():
    assert demo.WORDS == WORDS
    assert all(word in demo.ABILITIES for word in ("zero to nine", *WORDS[10:]))


def test_the_same_seed_draws_the_same_sequences_and_another_seed_draws_others():
    drawn = draw_sequences("train", 200, seed=3)
    assert drawn == draw_sequences("train", 200, seed=3)
    assert drawn != draw_sequences("train", 200, seed=4)
    assert len(set(drawn)) == 200
    assert {len(words) for words in drawn} == {2, 3, 4}


@pytest.mark.parametrize("seed", range(5))
def test_no_seed_mixes_training_and_evaluation(seed):
    training = set(draw_sequences("train", 800, seed=seed))
    evaluation = {words for words in draw_sequences("evaluation", 150, seed=seed) if len(words) > 1}
    assert evaluation
    assert not training & evaluation


def test_one_in_eight_sequences_is_for_evaluation():
    pairs = [(first, second) for first in WORDS for second in WORDS]
    share = sum(split_of(pair) == "evaluation" for pair in pairs) / len(pairs)
    assert 0.08 < share < 0.18


@pytest.mark.slow
def test_asking_for_more_sequences_than_exist_is_refused():
    with pytest.raises(ValueError, match="different sequences"):
        draw_sequences("train", 21, seed=0, lengths=(1.0,))


def test_plans_keep_sequences_and_voices_apart():
    config = DemoDataConfig(
        sequences=100, synthetic_sequences=50, recognised_synthetic=30, evaluation_sequences=80, held_out_sequences=20
    )
    training = training_requests(config)
    trained, held_out = evaluation_requests(config), held_out_requests(config)
    assert training == training_requests(config)
    synthetic = synthetic_requests(config)
    spoken, heard = synthetic[: 50 * config.speaking_per_synthetic], synthetic[50 * config.speaking_per_synthetic :]
    assert {request.voice for request in spoken} <= set(SPEAKING)
    assert {request.phrasing for request in spoken} == {"steady"}
    assert len(heard) == 30
    assert {request.words for request in heard} < {request.words for request in spoken}
    assert not {request.voice for request in heard} <= set(SPEAKING)
    assert "steady" not in {request.phrasing for request in heard}
    long = {request.words for request in (*training, *synthetic) if len(request.words) > 1}
    assert not long & {request.words for request in (*trained, *held_out)}
    assert {request.voice for request in training} == set(RECOGNISED)
    assert {request.voice for request in trained} <= set(RECOGNISED)
    assert {request.voice for request in held_out} == set(HELD_OUT)
    assert max(len(request.words) for request in training) == MAX_WORDS
    assert all(request.phrasing in phrasings(request.voice) for request in (*training, *trained, *held_out))


def test_every_training_voice_says_every_word_alone():
    alone = {
        (request.voice, request.words[0]) for request in training_requests(DemoDataConfig()) if len(request.words) == 1
    }
    assert alone == {(voice, word) for voice in RECOGNISED for word in WORDS}


def test_training_must_not_use_the_evaluation_seed():
    with pytest.raises(SettingsError, match="evaluation"):
        DemoDataConfig(seed=7, evaluation_seed=7)


def test_voices_have_unique_names_and_settings():
    assert len(VOICES) == len(RECOGNISED) + len(HELD_OUT)
    assert len({*RECOGNISED, *HELD_OUT}) == len(VOICES)
    assert [VOICE_IDS[voice.name] for voice in SPEAKING] == list(range(len(SPEAKING)))
    assert set(BUILT_IN) <= {voice.name for voice in SPEAKING}
