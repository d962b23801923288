"""The independent recogniser, on the synthesiser's own speech."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICES
from gpa_mlx.recipes.demo.data.vocabulary import WORDS
from gpa_mlx.recipes.demo.evaluation import judges

pytestmark = pytest.mark.slow  # not part of `make fast`

needs_pocketsphinx = pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None, reason="pocketsphinx is not installed"
)
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@pytest.fixture(scope="module")
def judge():
    return judges.installed_judges()["pocketsphinx"]


@needs_pocketsphinx
@needs_flite
@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
def test_it_understands_flite_whatever_it_heard_before(judge, voice):
    recordings = [
        (words, synthesise(VOICES[voice], words, "steady", seed=0).wave)
        for words in (("five",), ("six", "yes", "zero"), ("three", "left", "nine", "seven"))
    ]
    for words, wave in (*recordings, *reversed(recordings)):
        assert judge.transcribe(wave) == " ".join(words)


@needs_pocketsphinx
def test_a_word_it_has_no_pronunciation_of_is_an_error(monkeypatch):
    from gpa_mlx.errors import GPAError

    monkeypatch.setattr(judges, "WORDS", ("one", "qwxz"))
    with pytest.raises(GPAError, match="lacks 'qwxz'"):
        judges.installed_judges()


def test_without_pocketsphinx_there_is_no_judge(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert judges.installed_judges() == {}


def test_the_grammar_allows_one_to_four_words_of_the_vocabulary():
    text = judges.grammar()
    assert " | ".join(WORDS) in text
    assert text.rstrip().endswith("<word> [<word> [<word> [<word>]]];")
