"""Training and evaluation data of the demo model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from gpa_mlx.recipes.demo.data.augment import add_noise
from gpa_mlx.recipes.demo.data.non_speech import non_speech
from gpa_mlx.recipes.demo.data.plan import (
    DemoDataConfig,
    evaluation_requests,
    held_out_requests,
    synthetic_requests,
    training_requests,
)
from gpa_mlx.recipes.demo.data.shards import make_utterances
from gpa_mlx.recipes.demo.data.synthetic_voices import SPEAKING
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance, as_int16, padded
from gpa_mlx.recipes.demo.data.vocabulary import WordSequence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EvaluationVariant: TypeAlias = Literal["trained", "held_out", "noisy", "non_speech"]
"""Unseen sequences by trained voices; by voices never trained on; by trained voices in noise of 10 dB SNR; and
silence and noise, whose text is empty."""

_NOISE_SNR_DB = 10.0
_MARGIN_SAMPLES = 4000


class ConversionPair(NamedTuple):
    """The same words by two voices: a source and a target of voice conversion."""

    source: LabelledUtterance
    target: LabelledUtterance


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoData:
    """All recordings.

    Attributes:
        config: How they were made.
        training: What to train on: speech without silence around it, then non-speech.
        synthetic_speech: More speech for the language model alone: to be spoken, and to be recognised only.
        trained_voices: Evaluation sequences by trained voices.
        held_out_voices: Evaluation sequences by held-out voices.
    """

    config: DemoDataConfig
    training: tuple[LabelledUtterance, ...]
    synthetic_speech: tuple[LabelledUtterance, ...]
    trained_voices: tuple[LabelledUtterance, ...]
    held_out_voices: tuple[LabelledUtterance, ...]

    def evaluation_set(self, variant: EvaluationVariant) -> list[LabelledUtterance]:
        """Return recordings to judge a model on, with a quarter of a second of silence around all speech.

        Never train on these, nor choose anything by them but the final figures.
        """
        match variant:
            case "trained":
                return [_with_margin(utterance) for utterance in self.trained_voices]
            case "held_out":
                return [_with_margin(utterance) for utterance in self.held_out_voices]
            case "noisy":
                rng = np.random.default_rng([self.config.evaluation_seed, 5])
                return [_noisy(_with_margin(utterance), rng) for utterance in self.trained_voices]
            case "non_speech":
                return non_speech(self.config.evaluation_non_speech, seed=self.config.evaluation_seed)


def make_demo_data(
    directory: Path,
    config: DemoDataConfig | None = None,
    *,
    workers: int = 2,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> DemoData:
    """Make the recordings, or read them where they were made before.

    Args:
        directory: Where they are kept; an interrupted run goes on where it stopped.
        config: How many; None means the default.
        workers: How many engine processes run at the same time.
        on_progress: Told how many utterances of how many are there.

    Raises:
        GPAError: A synthesiser is not installed or fails.
    """
    config = config or DemoDataConfig()
    plans = {
        "training": training_requests(config),
        "synthetic": synthetic_requests(config),
        "trained-voices": evaluation_requests(config),
        "held-out-voices": held_out_requests(config),
    }
    total = sum(len(requests) for requests in plans.values())
    made: dict[str, tuple[LabelledUtterance, ...]] = {}
    for name, requests in plans.items():
        before = sum(len(utterances) for utterances in made.values())
        made[name] = tuple(
            make_utterances(
                requests,
                directory / name,
                workers=workers,
                on_progress=lambda done, _, before=before: on_progress(before + done, total),
            )
        )
    return DemoData(
        config=config,
        training=made["training"] + tuple(non_speech(config.non_speech, seed=config.seed)),
        synthetic_speech=made["synthetic"],
        trained_voices=made["trained-voices"],
        held_out_voices=made["held-out-voices"],
    )


def steady_speech(utterances: Sequence[LabelledUtterance]) -> list[LabelledUtterance]:
    """Select what the model learns to say: speaking voices, word for word at a constant pace."""
    speaking = {voice.name for voice in SPEAKING}
    return [utterance for utterance in utterances if utterance.voice in speaking and utterance.phrasing == "steady"]


def conversion_pairs(utterances: Sequence[LabelledUtterance]) -> list[ConversionPair]:
    """List all pairs of the same words by different voices whose target is steady speech of a speaking voice."""
    by_words: dict[WordSequence, list[LabelledUtterance]] = defaultdict(list)
    for utterance in utterances:
        if utterance.words:
            by_words[utterance.words].append(utterance)
    return [
        ConversionPair(source, target)
        for target in steady_speech(utterances)
        for source in by_words[target.words]
        if source.voice != target.voice
    ]


def _with_margin(utterance: LabelledUtterance) -> LabelledUtterance:
    return padded(utterance, _MARGIN_SAMPLES, _MARGIN_SAMPLES)


def _noisy(utterance: LabelledUtterance, rng: np.random.Generator) -> LabelledUtterance:
    wave = utterance.wave[None]
    noisy = add_noise(wave, rng, np.array([_NOISE_SNR_DB]), wave != 0)
    return replace(utterance, samples=as_int16(noisy[0] / max(1.0, float(np.abs(noisy).max()))))
