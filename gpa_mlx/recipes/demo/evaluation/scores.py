"""Figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gpa_mlx.text.metrics import word_error_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class WordErrors:
    """Word error rate.

    Attributes:
        rate: Edits per reference word, over all utterances together; may exceed 1.
        words: Reference words.
        utterances: How many utterances they are in.
    """

    rate: float
    words: int
    utterances: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> WordErrors:
        """Count over (reference, hypothesis) pairs."""
        return cls(
            rate=word_error_rate(pairs),
            words=sum(len(reference.split()) for reference, _ in pairs),
            utterances=len(pairs),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NonSpeechScores:
    """Transcripts of silence and noise.

    Attributes:
        recordings: How many were transcribed.
        empty: Transcripts without a word, with the default voice activity detection.
        empty_without_vad: The same when every recording goes to the model.
    """

    recordings: int
    empty: int
    empty_without_vad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakScores:
    """How well the model understands its own speech.

    Attributes:
        overall: Over all voices.
        built_in: Over the voices that ship with the model.
        by_voice: For each voice.
        without_speech: How many texts gave no speech at all; their words count as not understood.
    """

    overall: WordErrors
    built_in: WordErrors
    by_voice: Mapping[str, WordErrors]
    without_speech: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeScores:
    """Word errors of an independent recogniser, over the voices it understands.

    Attributes:
        conditions: What it is told about its task.
        limits: What it cannot judge.
        spoken: The model's speech.
        original: The synthesiser's recordings of the same words in the same voices.
        difference: Rate of `spoken` less that of `original`.
    """

    conditions: str
    limits: str
    spoken: WordErrors
    original: WordErrors
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionScores:
    """What voice conversion keeps and what it changes; each share is 0 to 1.

    Attributes:
        words: How well the model understands what it converted.
        without_speech: How many sources gave no speech at all; they count as not understood and not closer.
        pitch_pairs: Outputs judged by pitch: those whose source and target voices differ by more than 2 semitones.
        pitch_closer: Share of `pitch_pairs` whose median pitch is nearer to the target voice; None without any.
        timbre_closer: Share of outputs whose long-term cepstrum is more similar to the target voice.
        codes_closer: Share of outputs with more speaker codes in common with the target voice than with the source.
        closer: Share of outputs closer by timbre and, where it is judged, by pitch.
        closer_by_target: The same for each target voice.
    """

    words: WordErrors
    without_speech: int
    pitch_pairs: int
    pitch_closer: float | None
    timbre_closer: float
    codes_closer: float
    closer: float
    closer_by_target: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoScores:
    """Everything measured of a demo model.

    Attributes:
        seed: Of the sampling.
        stt_trained: Unseen sequences by voices of the training data.
        stt_held_out: By voices that are not in it.
        stt_held_out_by_voice: The same for each of them.
        stt_noisy: As `stt_trained`, in noise of 10 dB SNR.
        stt_non_speech: Silence and noise.
        speak: Unseen sequences in the speaking voices.
        judges: The same by each independent recogniser that is installed.
        conversion: Voice conversion.
        parameters: Of all networks.
        size_bytes: Of all files of the model, card and scores aside.
    """

    seed: int
    stt_trained: WordErrors
    stt_held_out: WordErrors
    stt_held_out_by_voice: Mapping[str, WordErrors]
    stt_noisy: WordErrors
    stt_non_speech: NonSpeechScores
    speak: SpeakScores
    judges: Mapping[str, JudgeScores]
    conversion: ConversionScores
    parameters: int
    size_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def share(flags: Sequence[bool]) -> float:
    """Return which part of the flags is set; 0 without any."""
    return sum(flags) / max(1, len(flags))
