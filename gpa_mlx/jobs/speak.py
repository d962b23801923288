"""Text of any length to speech: to a file that grows, as audio for a player, or into memory to be saved later."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gpa_mlx.audio.dsp.time_stretch import stretch
from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.errors import GPAError, NoSpeechError, SettingsError
from gpa_mlx.jobs.audio_output import AudioTarget, TaggedWriter, write_tagged
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    PassageDone,
    PassageStarted,
    ReplacesFile,
    Resumed,
    StartedAnew,
    StepStarted,
    UnknownWords,
    Written,
)
from gpa_mlx.jobs.generated_speech import (
    GeneratedSpeech,
    SpeechCollector,
    describe_generation,
    identify_weights,
)
from gpa_mlx.jobs.voice_choice import open_voice
from gpa_mlx.store.text_output import is_stream, require_replaceable, write_text
from gpa_mlx.synthesis.checkpoint import Continuation, StoredPassage, SynthesisCheckpoint, run_facts
from gpa_mlx.synthesis.long_form import SpokenPassage, SynthesisChunk, respeak, synthesize
from gpa_mlx.synthesis.plan import SpeechPlan, SynthesisSettings
from gpa_mlx.synthesis.retry import with_seed
from gpa_mlx.synthesis.speed import at_speed, check_speed
from gpa_mlx.text.closed_vocabulary import ClosedVocabulary
from gpa_mlx.transcripts.cues import make_cues
from gpa_mlx.transcripts.formats.subtitles import write_srt, write_vtt
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Voice
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.provenance.metadata import GenerationMetadata
    from gpa_mlx.types import Waveform

SpeakEvent: TypeAlias = (
    StepStarted
    | GenerationStarted
    | Resumed
    | StartedAnew
    | ReplacesFile
    | UnknownWords
    | PassageStarted
    | AudioChunk
    | PassageDone
    | Written
    | Finished
)

_SUBTITLES = {".srt": write_srt, ".vtt": write_vtt}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakRequest:
    """What is to be said, and where it goes.

    Attributes:
        text: As written.
        voice: Who says it: a voice, or a recording to make one from.
        options: Sampling; without a seed one is drawn. `constrain=False` speaks the text as it is written and in one
            go, as the reference does.
        settings: How a long text is spoken; the length of passages is the engine's.
        adapter: The directory of the adapter that the engine was opened with.
        output: The WAV file; None writes none.
        subtitles: A file of subtitles for the text as written, SubRip or WebVTT by its name; None writes none.
        keep_audio: Keep all audio in memory, so that `SpeakJob.save` can write it later.
        speed: 2 halves the length of the speech, at the same pitch. The model has no speed of its own: what it says is
            stretched in time. Only at speed 1 is there a checkpoint.
    """

    text: str
    voice: Voice | Path
    options: GenerationOptions
    settings: SynthesisSettings = field(default_factory=SynthesisSettings)
    adapter: Path | None = None
    output: AudioTarget | None = None
    subtitles: Path | None = None
    keep_audio: bool = False
    speed: float = 1.0

    def check(self) -> None:
        """Refuse before the work what cannot be written.

        Raises:
            SettingsError: A file would replace another one that is needed, or it is no WAV file's name.
            GPAError: Nothing can be written there.
        """
        check_speed(self.speed)
        inputs = [self.voice] if isinstance(self.voice, Path) else []
        if self.output is not None:
            self.output.check(*inputs)
        if self.subtitles is not None:
            require_replaceable(self.subtitles, *inputs, *(self.output.files if self.output else ()))
            require_subtitles(self.subtitles)


def settings_for(engine: SpeechEngine, settings: SynthesisSettings) -> SynthesisSettings:
    """Return settings with what the model decides: the length of passages, and the words it can say."""
    words = engine.capabilities.words
    return replace(
        settings,
        max_chars=engine.max_passage_chars,
        vocabulary=None if words is None else ClosedVocabulary(words),
    )


def require_subtitles(path: Path) -> None:
    """Refuse a file of subtitles whose name does not tell the format; pipes and devices get SubRip.

    Raises:
        SettingsError: The name ends in neither.
    """
    if path.suffix.lower() not in _SUBTITLES and not is_stream(path):
        raise SettingsError(f"'{path}' does not end like subtitles.", hint="Use .srt for SubRip or .vtt for WebVTT.")


class SpeakJob:
    """One text on its way to speech.

    An interrupted long text goes on where it stopped, if the same request is made again: beside the file there is a
    checkpoint until the file is complete. If the text was changed in between, its passages that were not are used
    again. Live speech and texts of one passage have no checkpoint.

    A text of any length is planned while it is spoken: its first passage is there as soon as that of a short one.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        request: What is to be said.

    Attributes:
        plan: What will be spoken.
        result: What has been generated so far.
        problem: Why what there was could not be kept when the job was stopped; None when it was.

    Raises:
        InputTextError: Nothing that can be spoken.
        SettingsError: An option or an output makes no sense.
        GPAError: Nothing can be written at an output.
        ModelFormatError: The engine's model is not a converted one.
    """

    def __init__(self, engine: SpeechEngine, request: SpeakRequest) -> None:
        request.check()
        self.request = request
        self._engine = engine
        self._settings = settings_for(engine, request.settings)
        self._words_told = 0
        self.plan = SpeechPlan(request.text, self._settings, exact=not request.options.constrain)
        is_recorded = request.output is not None or request.keep_audio
        self._weights = identify_weights(engine.path, request.adapter) if is_recorded else None
        self._checkpoint: SynthesisCheckpoint | None = None
        self.result: GeneratedSpeech[SpokenPassage] = GeneratedSpeech(options=request.options)
        self.problem: GPAError | None = None

    @property
    def is_resumable(self) -> bool:
        """Whether the same request goes on where this job stopped."""
        return self._checkpoint is not None and bool(self.result.parts) and not self.result.is_complete

    def run(self) -> Generator[SpeakEvent, None, None]:
        """Speak what is left to do; closing the generator cancels within a token.

        When it ends early, subtitles are written for what there is.

        Raises:
            VoiceError: The voice cannot be made, or was made for another model.
            NoSpeechError: Not one passage had a sound.
            CancelledError: The surrounding `CancelScope` was cancelled.
            GPAError: A file cannot be written, or the engine failed.
        """
        try:
            yield from self._run()
        except BaseException as error:
            if not self.result.is_complete:
                self._keep_what_there_is(error)
            raise

    def redo(self, number: int) -> Generator[SpeakEvent, None, None]:
        """Say one passage again with another seed, and put it in the place of the old one; the others stay as they are.

        For audio that was kept, when `run` has ended; closing the generator leaves the old passage.

        Args:
            number: Of a passage that is complete, from 0.

        Raises:
            SettingsError: Decoding is greedy: it would be said in the same way.
            NoSpeechError: It had no sound; the old passage stays.
            CancelledError: The surrounding `CancelScope` was cancelled.
        """
        result = self.result
        planned = self.plan.get(number)
        assert planned is not None
        assert result.voice is not None
        if result.options.temperature == 0:
            raise SettingsError(
                "At temperature 0 the passage would be said in the same way again.",
                hint="Set a temperature, such as 0.2, and speak the text again.",
            )
        yield PassageStarted(number=number, count=self.plan.count, share=self.plan.share_before(number))
        chunk = respeak(
            self._engine,
            planned,
            voice=result.voice,
            options=with_seed(replace(result.options, seed=None)),
            settings=self._settings,
            reference_level=next((part.level for part in result.parts if part.level), 0.0),
        )
        assert chunk.passage is not None
        audio = stretch(chunk.audio, self.request.speed)
        self._exchange(number, chunk.passage, audio)
        yield AudioChunk(audio=audio)
        share = self.plan.share_before(number + 1)
        yield PassageDone(passage=result.parts[number], number=number, count=self.plan.count, share=share)

    def save(self, output: AudioTarget, subtitles: Path | None = None) -> None:
        """Write the audio that was kept, its record and its subtitles, also of a job that was stopped.

        Raises:
            SettingsError: An output makes no sense, or something else is where the record goes.
            GPAError: Nothing can be written at an output.
        """
        request = replace(self.request, output=output, subtitles=subtitles)
        request.check()
        parts = list(self.result.parts)
        write_tagged(output, self.result.audio, self._metadata())
        if subtitles is not None:
            _write_subtitles(subtitles, parts)

    def _run(self) -> Generator[SpeakEvent, None, None]:
        request, result = self.request, self.result
        yield StepStarted(step="loading")
        result.voice = open_voice(self._engine, request.voice, as_reference=not request.options.constrain)
        self._engine.warm("speak")
        if self._settings.verify:
            self._engine.warm("transcribe")
        yield GenerationStarted()
        with ExitStack() as cleanup:
            found = self._find_interrupted(result.voice)
            yield from self._tell(found)
            yield from self._tell_unknown_words()
            resumed = None
            if request.output is not None and found.done:
                resumed = cleanup.enter_context(IncrementalWavWriter.resume(request.output.growing_path, found.samples))
            result.parts += found.done
            if self._checkpoint is not None and (found.done or found.kept):
                result.options = replace(request.options, seed=self._checkpoint.seed)
            result.options = with_seed(result.options)
            file = None
            if request.output is not None:
                writer = TaggedWriter(request.output, resumed, has_checkpoint=self._checkpoint is not None)
                file = cleanup.enter_context(writer)
            yield from self._speak(SpeechCollector(result, file, keep_audio=request.keep_audio), found)
            if file is not None and request.output is not None:
                if request.output.growing_path != request.output.path:
                    yield StepStarted(step="encoding")
                file.finish(self._metadata())
                yield Written(path=request.output.path)
        if self._checkpoint is not None:
            self._checkpoint.close()
        if request.subtitles is not None:
            _write_subtitles(request.subtitles, result.parts)
            yield Written(path=request.subtitles)
        result.is_complete = True
        yield Finished()

    def _speak(self, collector: SpeechCollector, found: Continuation) -> Generator[SpeakEvent, None, None]:
        result, plan, checkpoint = self.result, self.plan, self._checkpoint
        assert result.voice is not None
        chunks = synthesize(
            self._engine,
            plan,
            voice=result.voice,
            options=result.options,
            settings=self._settings,
            done=found.done,
            recall=None if checkpoint is None else checkpoint.recall,
        )
        if self.request.speed != 1.0:
            chunks = at_speed(chunks, self.request.speed)
        with closing(chunks):
            if plan.get(len(found.done)) is not None:
                yield self._started(len(found.done))
            for chunk in chunks:
                digest = collector.append(chunk.audio, is_recalled=chunk.is_recalled)
                if chunk.passage is not None:
                    self._note_done(chunk, chunk.passage, digest)
                yield AudioChunk(audio=chunk.audio)
                if chunk.passage is not None:
                    share = plan.share_before(chunk.number + 1)
                    yield PassageDone(passage=chunk.passage, number=chunk.number, count=plan.count, share=share)
                    if not plan.is_last(chunk.number):
                        yield from self._tell_unknown_words()
                        yield self._started(chunk.number + 1)
        collector.finish()

    def _started(self, number: int) -> PassageStarted:
        share = self.plan.share_before(number)
        return PassageStarted(number=number, count=self.plan.count, share=share)

    def _find_interrupted(self, voice: Voice) -> Continuation:
        """Find out what an interrupted run left that can be used."""
        request, output = self.request, self.request.output
        if output is None or self._settings.live or self.plan.is_last(0) or request.speed != 1.0:
            return Continuation()
        facts = run_facts(voice, request.options, self._settings, repr(self._weights), __version__)
        self._checkpoint = SynthesisCheckpoint(
            output.path, output.growing_path, output.subtype, facts, request.options.seed
        )
        return self._checkpoint.resume(self.plan)

    def _tell(self, found: Continuation) -> Generator[SpeakEvent, None, None]:
        """Say what becomes of what is there: an interrupted run, and a file of the same name."""
        if found.done:
            done = len(found.done)
            yield Resumed(done=done, count=self.plan.count, kept=found.kept, problem=found.problem)
        elif found.problem is not None:
            yield StartedAnew(problem=found.problem, kept=found.kept)
        output = self.request.output
        if output is None or (found.is_ours and output.growing_path == output.path):
            return
        if output.replaces_foreign:
            yield ReplacesFile(path=output.path)

    def _tell_unknown_words(self) -> Generator[SpeakEvent, None, None]:
        """Say what the model cannot, as far as the text is planned; each word once."""
        words = self.plan.unknown_words[self._words_told :]
        self._words_told += len(words)
        if words:
            yield UnknownWords(words=words, are_left_out=self.plan.leaves_out)

    def _note_done(self, chunk: SynthesisChunk, passage: SpokenPassage, digest: str) -> None:
        """Note a passage whose audio is in the file."""
        result, checkpoint = self.result, self._checkpoint
        if checkpoint is not None:
            if not result.parts:
                assert result.options.seed is not None
                checkpoint.start(result.options.seed)
            checkpoint.add(
                StoredPassage(
                    passage=passage,
                    samples=len(chunk.audio),
                    sha256=digest,
                    reference_level=chunk.reference_level,
                )
            )
        result.parts.append(passage)

    def _exchange(self, number: int, passage: SpokenPassage, audio: Waveform) -> None:
        """Put a passage in the place of another one of another length."""
        result, old = self.result, self.result.parts[number]
        whole = result.audio
        start, end = (round(time_s * SAMPLE_RATE_HZ) for time_s in (old.start_s, old.end_s))
        moved_s = (len(audio) - (end - start)) / SAMPLE_RATE_HZ
        new = replace(passage, start_s=old.start_s, end_s=old.start_s + len(audio) / SAMPLE_RATE_HZ)
        later = [
            replace(part, start_s=part.start_s + moved_s, end_s=part.end_s + moved_s)
            for part in result.parts[number + 1 :]
        ]
        result.pieces[:] = [np.concatenate([whole[:start], audio, whole[end:]])]
        result.parts[number:] = [new, *later]
        result.generated_s += moved_s

    def _keep_what_there_is(self, error: BaseException) -> None:
        if isinstance(error, NoSpeechError):
            if self._checkpoint is not None:
                self._checkpoint.close()
        elif self.result.parts and self.request.subtitles is not None:
            try:
                _write_subtitles(self.request.subtitles, self.result.parts)
            except GPAError as problem:
                self.problem = problem

    def _metadata(self) -> GenerationMetadata:
        assert self._weights is not None, "the request has no output and keeps no audio"
        settings, lexicon = self._settings, self._settings.lexicon
        lines = None if lexicon is None else "".join(f"{written} = {spoken}\n" for written, spoken in lexicon.entries)
        return describe_generation(
            "speak",
            self._weights,
            self.result,
            settings={
                "normalize": settings.normalize,
                "retries": settings.retries,
                "verify": settings.verify,
                "live": settings.live,
                **({} if self.request.speed == 1.0 else {"speed": self.request.speed}),
            },
            text=self.request.text,
            lexicon=lines,
        )


def _write_subtitles(path: Path, passages: Sequence[SpokenPassage]) -> None:
    cues = make_cues(passage for passage in passages if passage.end_s > passage.start_s)
    write_text(path, _SUBTITLES.get(path.suffix.lower(), write_srt)(cues))
