"""Batches of the decoder: targets on frames, inputs a little beside them. A stub stands for the codec."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from gpa_mlx.recipes.demo.data.alignment import SEMANTIC_HOP_SAMPLES, LabelledSpan
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance
from gpa_mlx.recipes.demo.data.vocabulary import WORDS
from gpa_mlx.recipes.demo.training.batch_sources import audio_source, coded_source
from gpa_mlx.train.audio_tokenizers.labelled_audio import AudioBatch, CodedBatch

RECORDINGS, ROWS = 12, 4


def utterance(number: int) -> LabelledUtterance:
    samples = 3000 + 137 * number
    return LabelledUtterance(
        samples=np.random.default_rng(number).integers(1000, 9000, size=samples, dtype=np.int16),
        words=(WORDS[number],),
        voice="slt",
        phrasing="steady",
        word_spans=(LabelledSpan(1 + number, 0, samples),),
        phone_spans=(LabelledSpan(1, 0, samples),),
    )


class Codec:
    """Keeps what it is asked to code, and gives the first code of each row the number of the call."""

    def __init__(self) -> None:
        self.heard: list[AudioBatch] = []

    def code(self, batch: AudioBatch, reference_s: float, rng: np.random.Generator) -> CodedBatch:
        assert reference_s == 2.0
        self.heard.append(batch)
        codes = np.full((len(batch.waveforms), 2), len(self.heard))
        return CodedBatch(batch.waveforms, codes, codes, batch.lengths)


@pytest.fixture
def utterances() -> list[LabelledUtterance]:
    return [utterance(number) for number in range(RECORDINGS)]


def fed(codec: Codec, utterances: list[LabelledUtterance], step: int, count: int) -> list[CodedBatch]:
    source = coded_source(codec, utterances, ROWS, reference_s=2.0, seed=3)  # type: ignore[arg-type]
    return list(islice(source(step), count))


def test_a_decoder_makes_what_begins_with_a_frame_and_was_heard_beside_it(utterances):
    codec = Codec()
    fed(codec, utterances, 0, 1)
    offsets = []
    for batch in codec.heard:
        for made, heard in zip(batch.waveforms, batch.encoder_input, strict=True):
            (start, *_), (begun, *_) = np.flatnonzero(made), np.flatnonzero(heard)
            assert start % SEMANTIC_HOP_SAMPLES == 0
            offsets.append(begun - start)
            samples = min(len(made) - start, len(made) - begun)
            np.testing.assert_array_equal(made[start : start + samples], heard[begun : begun + samples])
            assert any(np.array_equal(made[made != 0], one.wave) for one in utterances)
    assert len(set(offsets)) > RECORDINGS / 2
    assert max(map(abs, offsets)) < SEMANTIC_HOP_SAMPLES / 2
    assert min(offsets) < 0 < max(offsets)


def test_every_recording_is_coded_once_and_all_batches_come_before_one_comes_again(utterances):
    codec = Codec()
    per_epoch = RECORDINGS // ROWS
    batches = fed(codec, utterances, 0, 2 * per_epoch)
    assert len(codec.heard) == per_epoch
    for epoch in (batches[:per_epoch], batches[per_epoch:]):
        assert sorted(batch.codes[0, 0] for batch in epoch) == list(range(1, per_epoch + 1))


def test_a_recording_that_occurs_twice_is_heard_at_two_places(utterances):
    codec = Codec()
    fed(codec, [utterances[0]] * ROWS, 0, 1)
    (batch,) = codec.heard
    begun = [
        np.flatnonzero(heard)[0] - np.flatnonzero(made)[0]
        for made, heard in zip(batch.waveforms, batch.encoder_input, strict=True)
    ]
    assert len(set(begun)) > 1


def test_a_resumed_decoder_sees_the_same_batches(utterances):
    whole, rest = fed(Codec(), utterances, 0, 9), fed(Codec(), utterances, 4, 5)
    for first, second in zip(whole[4:], rest, strict=True):
        np.testing.assert_array_equal(first.waveforms, second.waveforms)
        np.testing.assert_array_equal(first.codes, second.codes)


def test_tokenizers_hear_what_is_disturbed_and_always_the_same(utterances):
    source = audio_source(utterances, ROWS, seed=1)
    whole, rest = list(islice(source(0), 5)), list(islice(source(2), 3))
    assert any((batch.encoder_input != batch.waveforms).any() for batch in whole)
    for first, second in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(first.encoder_input, second.encoder_input)
        np.testing.assert_array_equal(first.waveforms, second.waveforms)
