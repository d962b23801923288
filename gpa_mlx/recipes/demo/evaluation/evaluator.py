"""Evaluation of a demo model through the engine, with its default options: what its users get."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from gpa_mlx.audio.recording import MIN_SAMPLES
from gpa_mlx.engine.codes import MIN_VOICE_S
from gpa_mlx.engine.gpa import load
from gpa_mlx.protocols import SpeechEngine
from gpa_mlx.recipes.demo.data.dataset import DemoData, steady_speech
from gpa_mlx.recipes.demo.data.synthetic_voices import BUILT_IN, SPEAKING
from gpa_mlx.recipes.demo.data.utterances import LabelledUtterance
from gpa_mlx.recipes.demo.evaluation.conversion_metrics import ConversionMetrics
from gpa_mlx.recipes.demo.evaluation.judges import JUDGES, Judge, installed_judges
from gpa_mlx.recipes.demo.evaluation.outputs import speech_or_none
from gpa_mlx.recipes.demo.evaluation.references import reference_recording, typical_recording
from gpa_mlx.recipes.demo.evaluation.scores import (
    ConversionScores,
    DemoScores,
    JudgeScores,
    NonSpeechScores,
    SpeakScores,
    WordErrors,
    share,
)
from gpa_mlx.recipes.demo.training.pack import DOCUMENTS
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    GenerationOptions,
    Task,
    VadChoice,
    Voice,
    Waveform,
)

Report: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """How much to measure; the data may hold less.

    Attributes:
        trained: Utterances by trained voices to transcribe.
        held_out: By voices that are not in the training data.
        noisy: By trained voices in noise.
        non_speech: Recordings of silence and noise.
        spoken: Texts to speak.
        converted: Recordings to convert.
        seed: Of the sampling; the n-th text or recording is sampled with `seed + n`.
        max_tokens: Most tokens of one output; None means the engine's budget.
    """

    trained: int = 300
    held_out: int = 200
    noisy: int = 300
    non_speech: int = 50
    spoken: int = 100
    converted: int = 100
    seed: int = 0
    max_tokens: int | None = None


def evaluate(
    model_directory: Path,
    data: DemoData,
    settings: EvaluationSettings | None = None,
    report: Report = lambda message: None,
) -> DemoScores:
    """Measure a packed demo model.

    Args:
        model_directory: Written by `build_demo`.
        data: What the model was trained on and is judged on.
        settings: How much to measure; None means the default.
        report: Called with what is measured next.

    Raises:
        ModelNotFoundError: No model there.
        ModelFormatError: Not a packed model, or a damaged one.
    """
    manifest = read_manifest(model_directory)
    with load(model_directory) as gpa:
        evaluator = Evaluator(gpa, data, settings or EvaluationSettings(), reference_s=gpa.reference_s, report=report)
        return evaluator.scores(
            installed_judges(),
            parameters=sum(part.parameters for part in manifest.parts.values()),
            size_bytes=sum(info.size for name, info in manifest.files.items() if name not in DOCUMENTS),
        )


class Evaluator:
    """Measures one model.

    Args:
        engine: The model.
        data: What to judge it on.
        settings: How much.
        reference_s: Seconds of a recording that the engine makes a voice from.
        report: Called with what is measured next.
    """

    def __init__(
        self, engine: SpeechEngine, data: DemoData, settings: EvaluationSettings, *, reference_s: float, report: Report
    ) -> None:
        self._engine = engine
        self._data = data
        self._settings = settings
        self._report = report
        self._reference_s = reference_s
        self._voices: dict[str, Voice] = {}

    def scores(self, judges: Mapping[str, Judge], *, parameters: int, size_bytes: int) -> DemoScores:
        """Measure everything.

        Args:
            judges: Independent recognisers by name.
            parameters: To report.
            size_bytes: To report.
        """
        settings, data = self._settings, self._data
        trained = self._transcribed("trained voices", _in_turn(data.evaluation_set("trained"), settings.trained))
        held_out = self._transcribed("held-out voices", _in_turn(data.evaluation_set("held_out"), settings.held_out))
        noisy = self._transcribed("noisy speech", _in_turn(data.evaluation_set("noisy"), settings.noisy))
        non_speech = self._non_speech()
        texts = _in_turn(steady_speech(data.trained_voices), settings.spoken)
        spoken = self._speak(texts)
        return DemoScores(
            seed=settings.seed,
            stt_trained=WordErrors.of([pair for _, pair in trained]),
            stt_held_out=WordErrors.of([pair for _, pair in held_out]),
            stt_held_out_by_voice=_by_voice(held_out),
            stt_noisy=WordErrors.of([pair for _, pair in noisy]),
            stt_non_speech=non_speech,
            speak=self._understood(texts, spoken),
            judges=self._judged(judges, texts, spoken),
            conversion=self._conversion(),
            parameters=parameters,
            size_bytes=size_bytes,
        )

    def _transcribed(self, what: str, utterances: Sequence[LabelledUtterance]) -> list[tuple[str, tuple[str, str]]]:
        """Return each utterance's voice, and its reference and transcript."""
        self._report(f"transcribing: {len(utterances)} recordings of {what}")
        return [(utterance.voice, (utterance.text, self._transcript(utterance.wave))) for utterance in utterances]

    def _non_speech(self) -> NonSpeechScores:
        recordings = _in_turn(self._data.evaluation_set("non_speech"), self._settings.non_speech)
        self._report(f"transcribing: {len(recordings)} recordings without speech")
        transcripts = [self._transcript(recording.wave) for recording in recordings]
        alone = [self._transcript(recording.wave, vad=False) for recording in recordings]
        return NonSpeechScores(
            recordings=len(recordings), empty=_count_empty(transcripts), empty_without_vad=_count_empty(alone)
        )

    def _speak(self, texts: Sequence[LabelledUtterance]) -> list[Waveform | None]:
        self._report(f"speaking: {len(texts)} texts")
        spoken = []
        for number, utterance in enumerate(texts):
            voice, options = self._voice(utterance.voice), self._options("speak", number)
            spoken.append(speech_or_none(partial(self._engine.speak, utterance.text, voice=voice, options=options)))
        return spoken

    def _understood(self, texts: Sequence[LabelledUtterance], spoken: Sequence[Waveform | None]) -> SpeakScores:
        transcribed = [
            (utterance.voice, (utterance.text, self._transcript(wave)))
            for utterance, wave in zip(texts, spoken, strict=True)
        ]
        return SpeakScores(
            overall=WordErrors.of([pair for _, pair in transcribed]),
            built_in=WordErrors.of([pair for voice, pair in transcribed if voice in BUILT_IN]),
            by_voice=_by_voice(transcribed),
            without_speech=sum(wave is None for wave in spoken),
        )

    def _judged(
        self, judges: Mapping[str, Judge], texts: Sequence[LabelledUtterance], spoken: Sequence[Waveform | None]
    ) -> dict[str, JudgeScores]:
        for name in JUDGES.keys() - judges.keys():
            self._report(f"not judged by {name}, which is not installed")
        scores = {}
        for name, judge in judges.items():
            self._report(f"transcribing: the independent judge {name}")
            chosen = [(text, wave) for text, wave in zip(texts, spoken, strict=True) if text.voice in judge.voices]
            ours = WordErrors.of([(text.text, "" if wave is None else judge.transcribe(wave)) for text, wave in chosen])
            original = WordErrors.of([(text.text, judge.transcribe(text.wave)) for text, _ in chosen])
            scores[name] = JudgeScores(
                conditions=judge.conditions,
                limits=judge.limits,
                spoken=ours,
                original=original,
                difference=ours.rate - original.rate,
            )
        return scores

    def _conversion(self) -> ConversionScores:
        sources = _in_turn(self._data.evaluation_set("trained"), self._settings.converted)
        self._report(f"converting: {len(sources)} recordings")
        present = {utterance.voice for utterance in self._data.training if utterance.words}
        metrics = ConversionMetrics({voice: typical_recording(self._data.training, voice) for voice in sorted(present)})
        speaking = [voice.name for voice in SPEAKING if voice.name in present]
        pairs, outputs = [], []
        for number, source in enumerate(sources):
            targets = [voice for voice in speaking if voice != source.voice]
            voice = self._voice(targets[number % len(targets)])
            options = self._options("vc", number)
            audio = source.wave, SAMPLE_RATE_HZ
            wave = speech_or_none(partial(self._engine.convert_voice, audio, voice=voice, options=options))
            pairs.append((source.text, self._transcript(wave)))
            outputs.append((wave, source.voice, voice.name))
        pitch = [metrics.pitch_closer(*output) for output in outputs]
        timbre = [metrics.timbre_closer(*output) for output in outputs]
        judged = [closer for closer in pitch if closer is not None]
        closer = [by_timbre and by_pitch is not False for by_timbre, by_pitch in zip(timbre, pitch, strict=True)]
        by_target: dict[str, list[bool]] = defaultdict(list)
        for (_, _, target), is_closer in zip(outputs, closer, strict=True):
            by_target[target].append(is_closer)
        return ConversionScores(
            words=WordErrors.of(pairs),
            without_speech=sum(wave is None for wave, _, _ in outputs),
            pitch_pairs=len(judged),
            pitch_closer=share(judged) if judged else None,
            timbre_closer=share(timbre),
            codes_closer=share([self._codes_closer(*output) for output in outputs]),
            closer=share(closer),
            closer_by_target={target: share(flags) for target, flags in by_target.items()},
        )

    def _codes_closer(self, wave: Waveform | None, source: str, target: str) -> bool:
        if wave is None:
            return False
        codes = self._engine.make_voice((_long_enough(wave), SAMPLE_RATE_HZ), name="output").global_tokens
        common = [
            sum(ours == theirs for ours, theirs in zip(codes, self._voice(voice).global_tokens, strict=True))
            for voice in (source, target)
        ]
        return common[1] > common[0]

    def _transcript(self, wave: Waveform | None, *, vad: VadChoice = True) -> str:
        if wave is None or len(wave) < MIN_SAMPLES:
            return ""
        options = replace(self._engine.default_options("transcribe"), max_tokens=self._settings.max_tokens)
        return self._engine.transcribe((wave, SAMPLE_RATE_HZ), options=options, vad=vad).text

    def _voice(self, name: str) -> Voice:
        """Return the voice as made from training recordings: nothing that is evaluated on."""
        if name not in self._voices:
            clip = reference_recording(self._data.training, name, self._reference_s)
            self._voices[name] = self._engine.make_voice((clip, SAMPLE_RATE_HZ), name=name)
        return self._voices[name]

    def _options(self, task: Task, number: int) -> GenerationOptions:
        defaults = self._engine.default_options(task)
        return replace(defaults, seed=self._settings.seed + number, max_tokens=self._settings.max_tokens)


def _long_enough(wave: Waveform) -> Waveform:
    """Repeat a short output to the length that a voice can be made from."""
    return np.resize(wave, max(len(wave), int(MIN_VOICE_S * SAMPLE_RATE_HZ)))


def _in_turn(utterances: Sequence[LabelledUtterance], count: int) -> list[LabelledUtterance]:
    """Choose `count` utterances, or all there are: the first of each voice, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    ranks = []
    for utterance in utterances:
        ranks.append(seen[utterance.voice])
        seen[utterance.voice] += 1
    order = sorted(range(len(utterances)), key=lambda index: ranks[index])
    return [utterances[index] for index in order[:count]]


def _by_voice(transcribed: Sequence[tuple[str, tuple[str, str]]]) -> dict[str, WordErrors]:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for voice, pair in transcribed:
        pairs[voice].append(pair)
    return {voice: WordErrors.of(of_voice) for voice, of_voice in pairs.items()}


def _count_empty(transcripts: Sequence[str]) -> int:
    return sum(not transcript.strip() for transcript in transcripts)
