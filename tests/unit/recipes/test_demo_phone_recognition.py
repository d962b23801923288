"""The word that is nearest to the phones a tokenizer hears."""

from __future__ import annotations

import shutil

import pytest

from gpa_mlx.recipes.demo.domain.phones import OTHER_SPEECH, labels_and_shares
from gpa_mlx.recipes.demo.evaluation.phone_recognition import phones_heard, word_heard
from gpa_mlx.recipes.demo.teachers.phonemes import phonemes

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="not installed: espeak-ng")


def frames(word, accent="en-us", each=4):
    labels = [label for label, _ in labels_and_shares(phonemes((word,), accent)[0])]
    return [0, 0, *(label for label in labels for _ in range(each)), 0, 0]


def test_short_runs_are_mistakes_and_silence_separates():
    assert phones_heard([0, 0, 3, 3, 5, 3, 3, 0, 0, 3, 3]) == (3, 3)
    assert phones_heard([0, 0, 0]) == ()


@needs_espeak
@pytest.mark.parametrize("word", ["left", "seven", "o'clock", "thirteen", "thirty"])
@pytest.mark.parametrize("accent", ["en-us", "en-gb"])
def test_a_word_is_recognised_in_both_accents(word, accent):
    assert word_heard(frames(word, accent)) == word


@needs_espeak
def test_a_mistaken_phone_does_no_harm_and_other_speech_is_no_word():
    labels = frames("seven")
    labels[2:6] = [OTHER_SPEECH] * 4
    assert word_heard(labels) == "seven"
    assert word_heard([0, *[OTHER_SPEECH] * 9, 0]) == ""
    assert word_heard([0, 0]) == ""
