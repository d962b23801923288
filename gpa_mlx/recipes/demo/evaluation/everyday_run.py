"""The everyday evaluation of one model, with whatever of its optional sources there is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.engine.gpa import load
from gpa_mlx.errors import SettingsError
from gpa_mlx.recipes.demo.data.synthesis import synthesise
from gpa_mlx.recipes.demo.data.synthetic_voices import VOICES
from gpa_mlx.recipes.demo.data.vocabulary import WORDS as OLD_WORDS
from gpa_mlx.recipes.demo.domain.lexicon import WORDS
from gpa_mlx.recipes.demo.evaluation.conversion_metrics import ConversionMetrics
from gpa_mlx.recipes.demo.evaluation.everyday import EverydayEvaluation, Measured
from gpa_mlx.recipes.demo.evaluation.hearing_sets import (
    Clip,
    connected_phrases,
    people_sets,
    phrase_sets,
    silent_sets,
    with_margins,
)
from gpa_mlx.recipes.demo.evaluation.whisper_judge import WhisperJudge
from gpa_mlx.recipes.demo.recordings.people import read_commands
from gpa_mlx.recipes.demo.recordings.store import RecordingStore
from gpa_mlx.recipes.demo.teachers.piper import Piper
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gpa_mlx.recipes.demo.recordings.recording import Recording
    from gpa_mlx.types import Voice, Waveform

_SHORTEST_SILENT = 10
_REFERENCE_SAMPLES = 20 * SAMPLE_RATE_HZ
_FEWEST_REFERENCE_SAMPLES = 4 * SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What to judge on and by; each may be None, and what needs it is not measured.

    Attributes:
        people: Folder of people's recordings, see `gpa_mlx.recipes.demo.recordings.people`.
        recordings: Folder that `record_both_splits` wrote.
        piper: Folder of a Piper voice.
        whisper: Folder of the judge.
    """

    people: Path | None = None
    recordings: Path | None = None
    piper: Path | None = None
    whisper: Path | None = None


def stream_everyday(
    model: Path,
    voices: Sequence[Voice],
    sources: Sources,
    *,
    most: int,
    report: Callable[[str], None] = lambda line: None,
) -> Iterator[Measured]:
    """Measure a model; it takes a while, so each figure is told when it is known.

    Args:
        model: Its directory.
        voices: Its built-in voices.
        sources: What to judge on.
        most: Recordings of each set of hearing; a quarter of it is spoken and converted.
        report: Told what is measured next.

    Yields:
        Figures in the order of the table of targets.

    Raises:
        GPAError: The model or a source cannot be used.
    """
    if not voices:
        raise SettingsError("There is no voice to judge the model by.", hint="Give a folder with voice cards.")
    words = read_manifest(model).words or WORDS
    judge = WhisperJudge(sources.whisper) if sources.whisper is not None else None
    piper = Piper(sources.piper) if sources.piper is not None else None
    evaluation = _stored(sources, "evaluation")
    few = max(1, most // 4)
    with load(model) as engine:
        run = EverydayEvaluation(engine, voices, judge, report)
        if sources.people is not None:
            yield from run.hearing(people_sets(sources.people, most=most))
        yield from run.hearing(phrase_sets(evaluation, piper, words, most=most))
        yield from run.hearing(silent_sets(sources.people, most=max(_SHORTEST_SILENT, few)))
        natural = _natural(evaluation, words)
        yield from run.speaking(connected_phrases(words, few), natural[:few])
        references = _references(voices, evaluation, _stored(sources, "train"))
        known = [clip for clip in natural if clip.voice in references]
        if all(voice.name in references for voice in voices):
            metrics = ConversionMetrics(references)
            yield from run.converting(known[:few], _people_words(sources, words, few), metrics)
        else:
            report("not converted: there are no recordings of the built-in voices to compare with")


def _stored(sources: Sources, split: str) -> list[Recording]:
    return [] if sources.recordings is None else list(RecordingStore(sources.recordings / split).read())


def _natural(recordings: Iterable[Recording], words: Sequence[str]) -> list[Clip]:
    known = frozenset(words)
    return [
        Clip(recording.wave, recording.text, recording.voice)
        for recording in recordings
        if recording.text and known.issuperset(recording.text.split()) and len(recording.text.split()) > 1
    ]


def _people_words(sources: Sources, words: Sequence[str], most: int) -> tuple[Clip, ...]:
    if sources.people is None:
        return ()
    chosen = [recording for recording in read_commands(sources.people, "evaluation") if recording.text in words]
    step = max(1, len(chosen) // most)
    clips = [Clip(recording.wave, recording.text, recording.voice) for recording in chosen[::step][:most]]
    return with_margins(clips, "quiet")


def _references(
    voices: Sequence[Voice], evaluation: Iterable[Recording], training: Iterable[Recording]
) -> dict[str, Waveform]:
    """Return some seconds of each voice that is converted from or to, of those that there are enough of."""
    names = {voice.name for voice in voices}
    pieces: dict[str, list[Waveform]] = defaultdict(list)
    for recording in evaluation:
        pieces[recording.voice].append(recording.wave)
    for recording in training:
        if recording.voice in names:
            pieces[recording.voice].append(recording.wave)
    for name in names - pieces.keys():
        if name in VOICES:
            pieces[name] = [synthesise(VOICES[name], (word,), "steady", seed=0).wave for word in OLD_WORDS]
    joined = {name: np.concatenate(waves)[:_REFERENCE_SAMPLES] for name, waves in pieces.items()}
    return {name: wave for name, wave in joined.items() if len(wave) >= _FEWEST_REFERENCE_SAMPLES}
