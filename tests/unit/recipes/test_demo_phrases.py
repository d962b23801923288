"""The domain: which words, and which phrases are drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.recipes.demo.data import vocabulary
from gpa_mlx.recipes.demo.data.vocabulary import split_of
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.domain.phrases import MAX_WORDS, cardinal, draw_phrase
from gpa_mlx.text.itn import inverse_normalize


def drawn(split, count=1500, seed=0, **options):
    rng = np.random.default_rng(seed)
    return [draw_phrase(split, rng, **options) for _ in range(count)]


def test_there_are_sixty_words_and_more_the_first_twenty_as_before():
    assert len(WORDS) == len(set(WORDS)) >= 60
    assert WORDS[:20] == vocabulary.WORDS


def test_phrases_have_one_to_eight_words_of_the_domain_and_every_word_occurs():
    phrases = drawn("train")
    assert {len(phrase.words) for phrase in phrases} == set(range(1, MAX_WORDS + 1))
    assert {word for phrase in phrases for word in phrase.words} == set(WORDS)
    assert any(len(phrase.groups) > 1 for phrase in phrases)
    assert any(len(phrase.groups) == 1 and len(phrase.words) > 4 for phrase in phrases)


def test_phrases_are_what_people_say():
    texts = " / ".join(phrase.text for phrase in drawn("train"))
    for usual in ("twenty ", " hundred and ", " o'clock", " pm", "monday", "thank you", "go left"):
        assert usual in texts


def test_no_phrase_of_three_words_or_more_is_in_both_splits():
    training, evaluation = ({phrase.words for phrase in drawn(split, 250)} for split in ("train", "evaluation"))
    assert {split_of(words) for words in training if len(words) > 2} == {"train"}
    assert {split_of(words) for words in evaluation if len(words) > 2} == {"evaluation"}


def test_phrases_are_as_long_in_one_split_as_in_the_other():
    training, evaluation = (
        np.mean([len(phrase.words) for phrase in drawn(split, 120)]) for split in ("train", "evaluation")
    )
    assert 3 < training < 5
    assert abs(training - evaluation) < 0.8


def test_the_number_of_words_can_be_asked_for():
    assert {len(phrase.words) for phrase in drawn("evaluation", 100, words=(3, 6))} == {3, 4, 5, 6}
    with pytest.raises(ValueError, match="hardly any"):
        drawn("train", 1, words=(40, 50))


@pytest.mark.parametrize("value", [10, 19, 20, 25, 90, 100, 105, 250, 999, 1000, 1001, 2500, 12_345, 99_000])
def test_numbers_are_read_back_as_the_same_number(value):
    assert inverse_normalize(" ".join(cardinal(value))).replace(",", "") == str(value)
