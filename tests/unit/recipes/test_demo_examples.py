"""The examples of the language model and their labels."""

from __future__ import annotations

import itertools
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from gpa_mlx.model.families.gpa.layout import TokenLayout
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICES
from gpa_mlx.recipes.demo.data.utterances import of_speech
from gpa_mlx.recipes.demo.data.vocabulary import WORD_LABELS
from gpa_mlx.recipes.demo.training.examples import (
    load_examples,
    make_examples,
    make_synthetic_examples,
    save_examples,
    text_variant,
    with_word_indices,
)
from gpa_mlx.recipes.demo.training.tokenizer_file import write_tokenizer
from gpa_mlx.tokenizers.text import TextTokenizer
from gpa_mlx.train.language_model.corpus import UNKNOWN, Example, example_of

pytestmark = pytest.mark.slow  # not part of `make fast`

HOP_SAMPLES = 320


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    write_tokenizer(path, glm_codes=8, global_codes=8, semantic_codes=8)
    return TextTokenizer.from_file(path)


@pytest.fixture(scope="module")
def parts(text):
    """What a packed model gives, with a code for each hop and no networks behind it."""
    layout = TokenLayout.from_added_tokens(text.added_tokens(), text.base_vocab_size, "tokenizer.json")
    zeros = SimpleNamespace(encode=lambda wave: np.zeros(len(wave) // HOP_SAMPLES, dtype=int))
    return SimpleNamespace(
        layout=layout,
        text=text,
        glm=zeros,
        semantic=zeros,
        speaker=SimpleNamespace(encode=lambda wave: np.zeros(4, dtype=int)),
        vocoder=SimpleNamespace(decode=lambda semantic, speaker: np.zeros(len(semantic) * HOP_SAMPLES, np.float32)),
        bicodec_args=SimpleNamespace(volume_normalize=False),
    )


def speech(voice, *words):
    if not shutil.which("flite"):
        pytest.skip("flite is not installed")
    return of_speech(synthesise(VOICES[voice], words, "steady", seed=0), words, voice, "steady")


@pytest.mark.parametrize("seed", range(12))
def test_words_are_numbered_however_they_are_text_variant(parts, text, seed):
    words = ("left", "left", "stop", "seven")[: 1 + seed % 4]
    example = example_of(parts.layout, text, "tts-a", text_variant(words, np.random.default_rng(seed)), [1, 2], [3, 4])
    (numbered,) = with_word_indices([example], text)
    assert numbered.text_word_indices.shape == (example.target_start,)
    known = np.flatnonzero(numbered.text_word_indices != UNKNOWN)
    assert numbered.text_word_indices[known].tolist() == list(range(1, len(words) + 1))
    assert [text.decode([int(example.ids[i])]).strip().lower() for i in known] == list(words)


def test_only_texts_to_be_said_are_numbered(parts, text):
    recognised = example_of(parts.layout, text, "stt", "left stop", [1], [2])
    assert with_word_indices([recognised], text)[0].text_word_indices is None


@pytest.mark.parametrize("make", ["recordings", "synthetic"])
def test_what_is_said_is_labelled_with_word_place_and_next_word(parts, make):
    utterances = [speech("slt", "stop", "stop", "go"), speech("rms", "stop", "stop", "go"), speech("slt", "yes")]
    if make == "recordings":
        examples = make_examples(parts, utterances, stt_copies=1, tts_copies=1, vc_pairs=9, seed=0)
    else:
        examples = make_synthetic_examples(parts, utterances, vc_pairs=9, seed=0)
    spoken = [example for example in examples if example.task != "stt"]
    assert {example.task for example in spoken} == {"tts-a", "vc"}
    for example in spoken:
        words = ["yes"] if "yes" in example.text.lower() else ["stop", "stop", "go"]
        labels = [WORD_LABELS[word] for word in words]
        assert len(example.alignment) == len(example.ids) - example.target_start
        runs = [list(label) for label, _ in itertools.groupby(example.alignment.tolist())]
        numbered = zip(labels, itertools.count(1), [*labels[1:], 0], strict=False)
        assert runs == [*map(list, numbered), [0, 0, 0]]
    assert all(example.alignment is None for example in examples if example.task == "stt")


def test_a_word_ends_where_its_recording_does(parts):
    utterance = speech("slt", "stop", "go")
    examples = make_examples(parts, [utterance], stt_copies=1, tts_copies=1, vc_pairs=0, seed=0)
    (example,) = (example for example in examples if example.task == "tts-a")
    first, second = utterance.word_spans
    counts = [np.count_nonzero(example.alignment[:, 1] == index) for index in (1, 2)]
    # The silence before a word is its own; that before the first one is 0.05 s to 0.2 s long.
    assert first.end / HOP_SAMPLES + 1 <= counts[0] <= first.end / HOP_SAMPLES + 12
    assert counts[1] == pytest.approx((second.end - first.end) / HOP_SAMPLES, abs=1)


def test_kept_examples_come_back_as_they_were(parts, tmp_path):
    rows = [
        Example(
            task="tts-a",
            ids=np.arange(9, dtype=np.int32),
            target_start=5,
            text="stop",
            alignment=np.eye(4, 3, dtype=np.int32),
        ),
        Example(task="stt", ids=np.arange(4, dtype=np.int32), target_start=2, text="go"),
        Example(task="vc", ids=np.arange(7, dtype=np.int32), target_start=4, alignment=np.ones((3, 3), dtype=np.int32)),
    ]
    save_examples(tmp_path / "kept.npz", rows)
    for row, kept in zip(rows, load_examples(tmp_path / "kept.npz"), strict=True):
        assert (kept.task, kept.text, kept.target_start) == (row.task, row.text, row.target_start)
        np.testing.assert_array_equal(kept.ids, row.ids)
        assert (kept.alignment is None) == (row.alignment is None)
        if row.alignment is not None:
            np.testing.assert_array_equal(kept.alignment, row.alignment)
