"""The figures that decide on a demo model: how it hears people and natural voices, and how others hear it.

Everything is measured through the engine with its default options: what users get.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from gpa_mlx.audio.recording import MIN_SAMPLES
from gpa_mlx.recipes.demo.evaluation.outputs import speech_or_none
from gpa_mlx.recipes.demo.evaluation.quality_targets import Target
from gpa_mlx.recipes.demo.evaluation.scores import share
from gpa_mlx.recipes.demo.evaluation.whisper_judge import as_said
from gpa_mlx.text.metrics import word_error_rate
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.recipes.demo.domain.phrases import Phrase
    from gpa_mlx.recipes.demo.evaluation.conversion_metrics import ConversionMetrics
    from gpa_mlx.recipes.demo.evaluation.hearing_sets import Clip, HearingSet
    from gpa_mlx.types import GenerationOptions, Task, Voice, Waveform


class FreeRecogniser(Protocol):
    """A speech recogniser that is told nothing about the domain."""

    def transcribe(self, wave: Waveform) -> str:
        """Return what it writes for `(samples,)` float32 at 16 kHz."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure beside its target.

    Attributes:
        target: Both.
        clips: How many recordings or texts it is a figure of.
        beside: What it is to be seen beside, in words; empty without.
    """

    target: Target
    clips: int
    beside: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "met": self.target.met}


class EverydayEvaluation:
    """Measures one model.

    Args:
        engine: The model.
        voices: Its built-in voices.
        judge: Recognises free English; what it judges is left out without one.
        report: Told what is measured next.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        voices: Sequence[Voice],
        judge: FreeRecogniser | None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._engine = engine
        self._voices = voices
        self._judge = judge
        self._report = report

    def hearing(self, sets: Sequence[HearingSet]) -> Iterator[Measured]:
        """Transcribe sets of recordings, one after the other."""
        return map(self._heard, sets)

    def speaking(self, phrases: Sequence[Phrase], teacher: Sequence[Clip]) -> list[Measured]:
        """Speak phrases in the built-in voices by turns, and have them understood.

        Args:
            phrases: What.
            teacher: What the model's teacher says, for the judge: how well it understands the best there is.
        """
        self._report(f"speaking: {len(phrases)} texts")
        spoken = []
        for number, phrase in enumerate(phrases):
            voice, options = self._voices[number % len(self._voices)], self._options("speak", number)
            spoken.append(speech_or_none(partial(self._engine.speak, phrase.text, voice=voice, options=options)))
        texts = [phrase.text for phrase in phrases]
        itself = word_error_rate(zip(texts, map(self._transcript, spoken), strict=True))
        measured = [_errors("its own speech, heard by itself", itself, 0.03, len(texts))]
        if self._judge is not None:
            self._report(f"the judge listens: {len(texts)} + {len(teacher)} recordings")
            ours = word_error_rate(zip(texts, map(self._judged, spoken, texts), strict=True))
            theirs = word_error_rate([(clip.text, self._judged(clip.wave, clip.text)) for clip in teacher])
            beside = f"the teacher's own speech: {theirs:.1%}" if teacher else ""
            measured.append(_errors("its own speech, heard by the judge", ours, 0.12, len(texts), beside))
        return measured

    def converting(self, clips: Sequence[Clip], words: Sequence[Clip], metrics: ConversionMetrics) -> list[Measured]:
        """Convert recordings to the built-in voices by turns.

        Args:
            clips: Phrases by voices that `metrics` knows, as it knows the built-in ones.
            words: Single words by people.
            metrics: Decides which of two voices is nearer.
        """
        self._report(f"converting: {len(clips)} + {len(words)} recordings")
        outputs = [self._converted(clip, number) for number, clip in enumerate(clips)]
        names = [self._voices[number % len(self._voices)].name for number in range(len(clips))]
        nearer = [
            metrics.timbre_closer(wave, clip.voice, name) and metrics.pitch_closer(wave, clip.voice, name) is not False
            for wave, clip, name in zip(outputs, clips, names, strict=True)
        ]
        closer = _shares("converted speech, closer to the target", nearer, 0.95)
        if self._judge is None:
            return [closer]
        texts = [clip.text for clip in clips]
        self._report(f"the judge listens: {len(clips)} + {len(words)} recordings, before and after")
        after = word_error_rate(zip(texts, map(self._judged, outputs, texts), strict=True))
        before = word_error_rate([(clip.text, self._judged(clip.wave, clip.text)) for clip in clips])
        understood = _errors(
            "converted speech, heard by the judge", after, 0.2, len(clips), f"before conversion: {before:.1%}"
        )
        right = [
            self._judged(self._converted(clip, number), clip.text) == clip.text for number, clip in enumerate(words)
        ]
        originals = [self._judged(clip.wave, clip.text) == clip.text for clip in words]
        beside = f"before conversion: {share(originals):.1%}"
        return [
            understood,
            closer,
            replace(
                _shares("a person's word in a built-in voice, understood by the judge", right, 0.75), beside=beside
            ),
        ]

    def _heard(self, hearing_set: HearingSet) -> Measured:
        self._report(f"transcribing: {len(hearing_set.clips)} recordings, {hearing_set.name}")
        pairs = [(clip.text, self._transcript(clip.wave)) for clip in hearing_set.clips]
        if hearing_set.measure == "errors":
            return _errors(hearing_set.name, word_error_rate(pairs), hearing_set.bound, len(pairs))
        if hearing_set.measure == "right":
            flags = [word_error_rate([pair]) == 0 for pair in pairs]
        else:
            flags = [not heard.strip() for _, heard in pairs]
        return _shares(hearing_set.name, flags, hearing_set.bound)

    def _transcript(self, wave: Waveform | None) -> str:
        if wave is None or len(wave) < MIN_SAMPLES:
            return ""
        return self._engine.transcribe((wave, SAMPLE_RATE_HZ)).text

    def _judged(self, wave: Waveform | None, text: str) -> str:
        assert self._judge is not None
        return "" if wave is None else as_said(self._judge.transcribe(wave), text)

    def _converted(self, clip: Clip, number: int) -> Waveform | None:
        voice, options = self._voices[number % len(self._voices)], self._options("vc", number)
        audio = clip.wave, SAMPLE_RATE_HZ
        return speech_or_none(partial(self._engine.convert_voice, audio, voice=voice, options=options))

    def _options(self, task: Task, number: int) -> GenerationOptions:
        return replace(self._engine.default_options(task), seed=number)


TABLE_HEAD = "| what | target | measured | of |  |\n| --- | --- | --- | --- | --- |"
"""The beginning of a table in Markdown; `table_row` makes the others."""


def table_row(measured: Measured) -> str:
    """Return a row of a table in Markdown."""
    target = measured.target
    figure = "not measured" if target.figure is None else f"{target.figure:.1%}"
    verdict = {True: "met", False: "missed", None: ""}[target.met]
    beside = f" ({measured.beside})" if measured.beside else ""
    return f"| {target.name} | {target.sense} {target.bound:.0%} | {figure}{beside} | {measured.clips} | {verdict} |"


def _errors(name: str, figure: float, bound: float, clips: int, beside: str = "") -> Measured:
    return Measured(target=Target(name=f"word errors: {name}", figure=figure, bound=bound), clips=clips, beside=beside)


def _shares(name: str, flags: Sequence[bool], bound: float) -> Measured:
    return Measured(target=Target(name=name, figure=share(flags), bound=bound, sense="at least"), clips=len(flags))
