"""Frame labels, batches and disturbances, on made-up waves: no engine needed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from gpa_mlx.recipes.demo.data.alignment import (
    GLM_HOP_SAMPLES,
    SEMANTIC_HOP_SAMPLES,
    LabelledSpan,
    frame_labels,
    proportional_phones,
)
from gpa_mlx.recipes.demo.data.augment import AugmentConfig, add_noise, augment, coloured_noise, equalize, reverberate
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.utterance_batches import SilenceRange, batches, collate
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance
from gpa_mlx.recipes.demo.data.vocabulary import PHONES, PRONUNCIATIONS, WORDS


def utterance(samples: int, number: int = 0) -> LabelledUtterance:
    rng = np.random.default_rng(samples)
    return LabelledUtterance(
        samples=rng.integers(1000, 9000, size=samples, dtype=np.int16),
        words=(WORDS[number % 20],),
        voice=f"voice {number}",
        phrasing="loose",
        word_spans=(LabelledSpan(1 + number % 20, 0, samples),),
        phone_spans=proportional_phones(WORDS[number % 20], 0, samples),
    )


def test_a_frame_is_what_sounds_in_its_middle():
    spans = [LabelledSpan(7, 0, 160), LabelledSpan(3, 160, 480), LabelledSpan(5, 480, 2000)]
    assert frame_labels(spans, 8, 320).tolist() == [3, 5, 5, 5, 5, 5, 0, 0]
    assert frame_labels([LabelledSpan(7, 0, 161)], 2, 320).tolist() == [7, 0]
    assert frame_labels([], 3, 320).tolist() == [0, 0, 0]


@pytest.mark.parametrize("word", WORDS)
def test_proportional_phones_cover_the_word(word):
    spans = proportional_phones(word, 1000, 9000)
    assert [PHONES[span.label - 1] for span in spans] == [phone for phone, _ in PRONUNCIATIONS[word]]
    assert (spans[0].start, spans[-1].end) == (1000, 9000)
    assert all(a.end == b.start for a, b in pairwise(spans))
    assert sum(share for _, share in PRONUNCIATIONS[word]) == 100


def test_an_epoch_holds_every_utterance_once_among_others_of_similar_length():
    utterances = [utterance(2000 + 300 * (7 * number % 50), number) for number in range(50)]
    seen = []
    for batch in batches(utterances, 8, seed=1):
        seen += [row.voice for row in batch.utterances]
        assert batch.waves.shape[1] % GLM_HOP_SAMPLES == 0
        assert batch.waves.shape[1] >= batch.lengths.max()
        spoken = [row.word_spans[0].end - row.word_spans[0].start for row in batch.utterances]
        assert max(spoken) - min(spoken) < 7000
        for row, wave, length in zip(batch.utterances, batch.waves, batch.lengths, strict=True):
            start, end = row.word_spans[0].start, row.word_spans[0].end
            assert (wave[start:end] > 0).all()
            assert not wave[:start].any()
            assert not wave[end:].any()
            assert end <= length
    assert sorted(seen) == sorted(row.voice for row in utterances)


def test_batches_repeat_with_the_seed_and_change_with_the_epoch():
    utterances = [utterance(2000 + 100 * number, number) for number in range(20)]
    runs = [list(batches(utterances, 4, seed=1, epoch=epoch)) for epoch in (0, 0, 1)]
    assert all(np.array_equal(a.waves, b.waves) for a, b in zip(runs[0], runs[1], strict=True))
    assert [b.utterances[0].voice for b in runs[0]] != [b.utterances[0].voice for b in runs[2]]


def test_labels_follow_the_silence_put_before_the_speech():
    fixed = SilenceRange(lead_s=(0.16, 0.16), tail_s=(0.08, 0.08))
    (batch,) = batches([utterance(3200, 4), utterance(1600, 2)], 2, seed=0, silence=fixed)
    rows = {row.voice: index for index, row in enumerate(batch.utterances)}
    words = batch.word_labels(SEMANTIC_HOP_SAMPLES)
    assert words.shape == (2, batch.waves.shape[1] // SEMANTIC_HOP_SAMPLES)
    assert words[rows["voice 4"], :20].tolist() == [0] * 8 + [5] * 10 + [0] * 2
    assert batch.word_labels(GLM_HOP_SAMPLES)[rows["voice 2"]].tolist()[:4] == [0, 0, 3, 0]
    assert (batch.phone_labels(SEMANTIC_HOP_SAMPLES) > 0).tolist() == (words > 0).tolist()


def test_silence_and_noise_have_no_words_and_repeat_with_the_seed():
    made = non_speech(10, seed=3)
    again, other = non_speech(10, seed=3), non_speech(10, seed=4)
    assert {row.text for row in made} == {""}
    assert not made[0].samples.any()
    assert all(row.samples.any() for row in made[1:5])
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(made, again, strict=True))
    assert not any(np.array_equal(a.samples, b.samples) for a, b in zip(made[1:], other[1:], strict=True))
    assert not collate(made).word_labels(SEMANTIC_HOP_SAMPLES).any()


@pytest.fixture
def speech() -> np.ndarray:
    """Four rows of something like speech, with silence at both ends; the last is silent throughout."""
    waves = np.zeros((4, 16000), dtype=np.float32)
    noise = 0.1 * coloured_noise(12000, np.array([0.0, 1.0, 2.0]), np.random.default_rng(0))
    waves[:3, 2000:14000] = noise
    return waves


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 35.0])
def test_noise_has_the_ratio_asked_for(speech, snr_db):
    noisy = add_noise(speech, np.random.default_rng(1), np.full(4, snr_db), speech != 0)
    noise = (noisy - speech)[:3].astype(np.float64)
    signal = speech[:3, 2000:14000].astype(np.float64)
    measured = 10 * np.log10((signal**2).mean(-1) / (noise**2).mean(-1))
    np.testing.assert_allclose(measured, snr_db, atol=0.05)
    assert not noisy[3].any()


def test_the_equalizer_stays_within_its_limit(speech):
    equalized = equalize(speech, np.random.default_rng(2), 8.0)
    before, after = (np.abs(np.fft.rfft(waves[:3]))[:, 10:] for waves in (speech, equalized))
    gain_db = 20 * np.log10(after / before)
    assert np.abs(gain_db).max() < 8.1
    assert np.ptp(gain_db, axis=-1).min() > 1


def test_reverberation_has_the_energy_asked_for():
    clicks = np.zeros((3, 8000), dtype=np.float32)
    clicks[:, 100] = 1
    ratios_db = np.array([6.0, 12.0, 18.0])
    wet = reverberate(clicks, np.random.default_rng(3), ratios_db).astype(np.float64)
    assert np.abs(wet[:, :100]).max() < 1e-6
    tail = ((wet - clicks) ** 2).sum(-1)
    np.testing.assert_allclose(10 * np.log10(1 / tail), ratios_db, atol=0.1)


def test_augmentation_repeats_with_the_seed_and_leaves_its_input_alone(speech):
    original = speech.copy()
    config = AugmentConfig(equalize=1.0, reverberate=1.0, noise=1.0)
    first, second, other = (augment(speech, np.random.default_rng(seed), config) for seed in (1, 1, 2))
    np.testing.assert_array_equal(speech, original)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    assert np.abs(first[:3, :2000]).max() > 0
    assert not first[3].any()


def test_augmentation_can_be_switched_off(speech):
    config = AugmentConfig(equalize=0, reverberate=0, noise=0, gain_db=0)
    np.testing.assert_array_equal(augment(speech, np.random.default_rng(0), config), speech)
