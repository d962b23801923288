"""Text of any length to speech: to a file that grows, as audio for a player, or into memory to be saved later."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import soundfile

from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.errors import AudioFileError, GPAError, NoSpeechError
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    PassageDone,
    PassageStarted,
    Resumed,
    StepStarted,
    Written,
)
from gpa_mlx.jobs.generated_speech import (
    GeneratedSpeech,
    SpeechCollector,
    describe_generation,
    identify_weights,
)
from gpa_mlx.jobs.voice_choice import open_voice
from gpa_mlx.jobs.wav_output import TaggedWavWriter, WavTarget, write_tagged_wav
from gpa_mlx.provenance.metadata import digest_of_text
from gpa_mlx.store.text_output import require_replaceable, write_text
from gpa_mlx.synthesis.checkpoint import SynthesisCheckpoint, checkpoint_key
from gpa_mlx.synthesis.long_form import SpokenPassage, SynthesisSettings, plan_passages, samples_after, synthesize
from gpa_mlx.synthesis.retry import with_seed
from gpa_mlx.transcripts.cues import make_cues
from gpa_mlx.transcripts.formats.subtitles import write_srt
from gpa_mlx.types import SAMPLE_RATE_HZ, GenerationOptions, Voice
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.provenance.metadata import GenerationMetadata

SpeakEvent: TypeAlias = (
    StepStarted | GenerationStarted | Resumed | PassageStarted | AudioChunk | PassageDone | Written | Finished
)


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
        subtitles: A SubRip file for the text as written; None writes none.
        keep_audio: Keep all audio in memory, so that `SpeakJob.save` can write it later.
    """

    text: str
    voice: Voice | Path
    options: GenerationOptions
    settings: SynthesisSettings = field(default_factory=SynthesisSettings)
    adapter: Path | None = None
    output: WavTarget | None = None
    subtitles: Path | None = None
    keep_audio: bool = False

    def check(self) -> None:
        """Refuse before the work what cannot be written.

        Raises:
            SettingsError: A file would replace another one that is needed, or it is no WAV file's name.
            GPAError: Nothing can be written there.
        """
        inputs = [self.voice] if isinstance(self.voice, Path) else []
        if self.output is not None:
            self.output.check(*inputs)
        if self.subtitles is not None:
            require_replaceable(self.subtitles, *inputs, *(self.output.files if self.output else ()))


class SpeakJob:
    """One text on its way to speech.

    An interrupted long text goes on where it stopped, if the same request is made again: beside the file there is a
    checkpoint until the file is complete. Live speech and texts of one passage have none.

    Args:
        engine: Speaks, and transcribes when passages are verified.
        request: What is to be said.

    Attributes:
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
        self._settings = replace(request.settings, max_chars=engine.max_passage_chars)
        self.plan = plan_passages(request.text, self._settings, exact=not request.options.constrain)
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

    def save(self, output: WavTarget, subtitles: Path | None = None) -> None:
        """Write the audio that was kept, its record and its subtitles, also of a job that was stopped.

        Raises:
            SettingsError: An output makes no sense, or something else is where the record goes.
            GPAError: Nothing can be written at an output.
        """
        request = replace(self.request, output=output, subtitles=subtitles)
        request.check()
        parts = list(self.result.parts)
        write_tagged_wav(output, self.result.audio, self._metadata())
        if subtitles is not None:
            _write_subtitles(subtitles, parts)

    def _run(self) -> Generator[SpeakEvent, None, None]:
        request, result = self.request, self.result
        yield StepStarted(step="loading")
        result.voice = open_voice(self._engine, request.voice)
        self._engine.warm("speak")
        if self._settings.verify:
            self._engine.warm("transcribe")
        yield GenerationStarted()
        with ExitStack() as cleanup:
            resumed = self._resume(result.voice)
            if resumed is not None:
                cleanup.enter_context(resumed)
                yield Resumed(done=len(result.parts), total=len(self.plan))
            result.options = with_seed(result.options)
            file = None
            if request.output is not None:
                file = cleanup.enter_context(TaggedWavWriter(request.output, resumed))
            yield from self._speak(SpeechCollector(result, file, keep_audio=request.keep_audio))
            if file is not None and request.output is not None:
                file.finish(self._metadata())
                yield Written(path=request.output.path)
        if self._checkpoint is not None:
            self._checkpoint.close()
        if request.subtitles is not None:
            _write_subtitles(request.subtitles, result.parts)
            yield Written(path=request.subtitles)
        result.is_complete = True
        yield Finished()

    def _speak(self, collector: SpeechCollector) -> Generator[SpeakEvent, None, None]:
        result, total = self.result, len(self.plan)
        assert result.voice is not None
        chunks = synthesize(
            self._engine,
            self.plan,
            voice=result.voice,
            options=result.options,
            settings=self._settings,
            done=tuple(result.parts),
        )
        with closing(chunks):
            yield PassageStarted(number=min(len(result.parts), total - 1), total=total)
            for chunk in chunks:
                collector.append(chunk.audio)
                if chunk.passage is not None:
                    self._note_done(chunk.passage)
                yield AudioChunk(audio=chunk.audio)
                if chunk.passage is not None:
                    yield PassageDone(passage=chunk.passage, number=chunk.number, total=total)
                    if chunk.number + 1 < total:
                        yield PassageStarted(number=chunk.number + 1, total=total)
        collector.finish()

    def _resume(self, voice: Voice) -> IncrementalWavWriter | None:
        """Open the file of an interrupted run to go on with it, if there is one."""
        request, output = self.request, self.request.output
        if output is None or self._settings.live or len(self.plan) == 1:
            return None
        key = checkpoint_key(self.plan, voice, request.options, self._settings, repr(self._weights), __version__)
        self._checkpoint = SynthesisCheckpoint(output.path, key, request.options.seed)
        done = self._checkpoint.done
        if not done:
            return None
        samples = samples_after(self.plan, done)
        if file := _reopen(output, samples):
            self.result.parts += done
            self.result.options = replace(request.options, seed=self._checkpoint.seed)
        return file

    def _note_done(self, passage: SpokenPassage) -> None:
        """Note a passage whose audio is in the file."""
        result = self.result
        if self._checkpoint is not None:
            if not result.parts:
                assert result.options.seed is not None
                self._checkpoint.start(result.options.seed)
            self._checkpoint.add(passage)
        result.parts.append(passage)

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
                "lexicon_sha256": None if lines is None else digest_of_text(lines),
                "retries": settings.retries,
                "verify": settings.verify,
                "live": settings.live,
            },
            text=self.request.text,
        )


def _write_subtitles(path: Path, passages: Sequence[SpokenPassage]) -> None:
    write_text(path, write_srt(make_cues(passage for passage in passages if passage.end_s > passage.start_s)))


def _reopen(output: WavTarget, samples: int) -> IncrementalWavWriter | None:
    """Open a file to go on after its first `samples`; None where it is not the one that was being written."""
    try:
        found = soundfile.info(output.path)
        if (found.samplerate, found.subtype) != (SAMPLE_RATE_HZ, output.subtype):
            return None
        return IncrementalWavWriter.resume(output.path, samples)
    except (soundfile.LibsndfileError, AudioFileError):
        return None
