"""Synthesis requests that a configuration stands for: voices, words, phrasings, seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.errors import SettingsError
from gpa_mlx.recipes.demo.data.synthesis import Phrasing, phrasings
from gpa_mlx.recipes.demo.data.synthetic_voices import HELD_OUT, RECOGNISED, SPEAKING, VoiceSpec
from gpa_mlx.recipes.demo.data.vocabulary import WORDS, WordSequence, draw_sequences

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDataConfig:
    """How much data to make.

    Attributes:
        seed: Of the training data.
        evaluation_seed: Of the evaluation data.
        sequences: Training sequences of two to four words; every training voice also says each single word.
        speaking_per_sequence: How many speaking voices say each training sequence (steadily).
        recognised_per_sequence: How many voices of all kinds say it too (loosely, or connected where possible).
        synthetic_sequences: Further training sequences, for the language model alone: to say words in the order of a
            text, it needs far more texts than tokenizers and codec need recordings.
        speaking_per_synthetic: How many speaking voices say each of them (steadily).
        recognised_synthetic: How many of them one voice of any kind says too (loosely, or connected where possible), to
            be recognised.
        evaluation_sequences: Evaluation sequences of one to four words, each said by one trained voice.
        held_out_sequences: How many of the same kind each held-out voice says.
        non_speech: Training recordings of silence and noise.
        evaluation_non_speech: Evaluation recordings of silence and noise.

    Raises:
        SettingsError: Both seeds are the same.
    """

    seed: int = 0
    evaluation_seed: int = 1000
    sequences: int = 1200
    speaking_per_sequence: int = 3
    recognised_per_sequence: int = 2
    synthetic_sequences: int = 6000
    speaking_per_synthetic: int = 2
    recognised_synthetic: int = 3000
    evaluation_sequences: int = 300
    held_out_sequences: int = 100
    non_speech: int = 250
    evaluation_non_speech: int = 50

    def __post_init__(self) -> None:
        if self.seed == self.evaluation_seed:
            raise SettingsError(
                f"The seed {self.seed} is that of the evaluation data.", hint="Choose another seed for training."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisRequest:
    """An utterance to make: the arguments of `synthesise`."""

    voice: VoiceSpec
    words: WordSequence
    phrasing: Phrasing
    seed: int


_EVALUATION_LENGTHS = (0.05, 0.2, 0.35, 0.4)


def training_requests(config: DemoDataConfig) -> list[SynthesisRequest]:
    """List the training utterances: single words by everyone, then each sequence by several voices."""
    rng = np.random.default_rng([config.seed, 1])
    requests = []
    for voice in RECOGNISED:
        steady: Phrasing = "steady" if voice in SPEAKING else "loose"
        requests += [_request(voice, (word,), steady, rng) for word in WORDS]
    for words in draw_sequences("train", config.sequences, seed=config.seed):
        for voice in _some(SPEAKING, config.speaking_per_sequence, rng):
            requests.append(_request(voice, words, "steady", rng))
        for voice in _some(RECOGNISED, config.recognised_per_sequence, rng):
            requests.append(_request(voice, words, _lively(voice, rng), rng))
    return requests


def synthetic_requests(config: DemoDataConfig) -> list[SynthesisRequest]:
    """List the utterances of the synthetic data for the language model: first those in the speaking voices."""
    rng = np.random.default_rng([config.seed, 4])
    sequences = draw_sequences("train", config.synthetic_sequences, seed=config.seed)
    requests = [
        _request(voice, words, "steady", rng)
        for words in sequences
        for voice in _some(SPEAKING, config.speaking_per_synthetic, rng)
    ]
    for words in sequences[: config.recognised_synthetic]:
        voice = RECOGNISED[rng.integers(len(RECOGNISED))]
        requests.append(_request(voice, words, _lively(voice, rng), rng))
    return requests


def evaluation_requests(config: DemoDataConfig) -> list[SynthesisRequest]:
    """List the evaluation utterances of trained voices: speaking voices in turn, and as many by any other voice."""
    rng = np.random.default_rng([config.evaluation_seed, 2])
    requests = []
    for index, words in enumerate(_evaluation_sequences(config.evaluation_sequences, config)):
        if index % 2 == 0:
            voice = SPEAKING[index // 2 % len(SPEAKING)]
            requests.append(_request(voice, words, "steady", rng))
        else:
            voice = RECOGNISED[index // 2 % len(RECOGNISED)]
            requests.append(_request(voice, words, _lively(voice, rng), rng))
    return requests


def held_out_requests(config: DemoDataConfig) -> list[SynthesisRequest]:
    """List the evaluation utterances of the held-out voices."""
    rng = np.random.default_rng([config.evaluation_seed, 3])
    sequences = _evaluation_sequences(config.held_out_sequences, config)
    return [_request(voice, words, _lively(voice, rng), rng) for voice in HELD_OUT for words in sequences]


def _evaluation_sequences(count: int, config: DemoDataConfig) -> list[WordSequence]:
    return draw_sequences("evaluation", count, seed=config.evaluation_seed, lengths=_EVALUATION_LENGTHS)


def _lively(voice: VoiceSpec, rng: np.random.Generator) -> Phrasing:
    kinds = phrasings(voice)[1:]
    return kinds[rng.integers(len(kinds))]


def _some(voices: Sequence[VoiceSpec], count: int, rng: np.random.Generator) -> list[VoiceSpec]:
    return [voices[index] for index in rng.choice(len(voices), size=count, replace=False)]


def _request(voice: VoiceSpec, words: WordSequence, phrasing: Phrasing, rng: np.random.Generator) -> SynthesisRequest:
    return SynthesisRequest(voice=voice, words=words, phrasing=phrasing, seed=int(rng.integers(2**31)))
