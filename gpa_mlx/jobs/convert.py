"""Voice conversion of a recording of any length: to a file, as audio for a player, or into memory to be saved later."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpa_mlx.audio.files.sound_file import announced_duration_s
from gpa_mlx.jobs.audio_output import AudioTarget, TaggedWriter, write_tagged
from gpa_mlx.jobs.events import (
    AudioChunk,
    Finished,
    GenerationStarted,
    Progress,
    ReplacesFile,
    SegmentConverted,
    StepStarted,
    Written,
)
from gpa_mlx.jobs.generated_speech import (
    GeneratedSpeech,
    SpeechCollector,
    describe_generation,
    digest_of_audio,
    identify_weights,
)
from gpa_mlx.jobs.voice_choice import open_voice
from gpa_mlx.synthesis.conversion import ConversionSettings, ConvertedSegment, convert_recording
from gpa_mlx.synthesis.retry import with_seed
from gpa_mlx.types import AudioLike, GenerationOptions, Voice

if TYPE_CHECKING:
    from collections.abc import Generator

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.provenance.metadata import GenerationMetadata

ConvertEvent: TypeAlias = (
    StepStarted | GenerationStarted | ReplacesFile | Progress | AudioChunk | SegmentConverted | Written | Finished
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConvertRequest:
    """Which recording is to be said by whom, and where the result goes.

    Attributes:
        source: The recording whose words and timing are kept.
        voice: Who shall say it: a voice, or a recording to make one from.
        options: Sampling; without a seed one is drawn. `constrain=False` converts the source in one go, as the
            reference does.
        settings: How a long recording is converted.
        adapter: The directory of the adapter that the engine was opened with.
        output: The WAV file; None writes none.
        keep_audio: Keep all audio in memory, so that `ConvertJob.save` can write it later.
    """

    source: AudioLike
    voice: Voice | Path
    options: GenerationOptions
    settings: ConversionSettings = field(default_factory=ConversionSettings)
    adapter: Path | None = None
    output: AudioTarget | None = None
    keep_audio: bool = False

    def check(self) -> None:
        """Refuse before the work what cannot be written.

        Raises:
            SettingsError: The output is needed for something else, or it is no WAV file's name.
            AudioFileError: Nothing can be written there.
        """
        if self.output is not None:
            files = (self.source, self.voice)
            self.output.check(*(Path(file) for file in files if isinstance(file, str | os.PathLike)))


class ConvertJob:
    """One recording on its way to another voice.

    Args:
        engine: Converts, and transcribes when segments are verified.
        request: What is to be converted.

    Attributes:
        result: What has been generated so far.
        source_s: Length of the source; None when it is not known before it has been read; exact then.
        position_s: How far into the source the job is.

    Raises:
        SettingsError: The output makes no sense.
        AudioFileError: Nothing can be written there.
        ModelFormatError: The engine's model is not a converted one.
    """

    def __init__(self, engine: SpeechEngine, request: ConvertRequest) -> None:
        request.check()
        self.request = request
        self._engine = engine
        self._is_recorded = request.output is not None or request.keep_audio
        self._weights = identify_weights(engine.path, request.adapter) if self._is_recorded else None
        self._source_sha256: str | None = None
        self.source_s = _duration_s(request.source)
        self.position_s = 0.0
        self.result: GeneratedSpeech[ConvertedSegment] = GeneratedSpeech(options=with_seed(request.options))

    def run(self) -> Generator[ConvertEvent, None, None]:
        """Convert the source; closing the generator cancels within a token.

        Raises:
            AudioFileError: The source cannot be used, or the output cannot be written.
            VoiceError: The voice cannot be made, or was made for another model.
            NoSpeechError: Nothing in the source sounds like speech, or nothing came out.
            CancelledError: The surrounding `CancelScope` was cancelled.
            GPAError: The engine failed.
        """
        request, result = self.request, self.result
        yield StepStarted(step="loading")
        if self._is_recorded:
            self._source_sha256 = _digest(request.source)
        result.voice = open_voice(self._engine, request.voice, as_reference=not request.options.constrain)
        self._engine.warm("vc")
        if request.settings.verify:
            self._engine.warm("transcribe")
        yield GenerationStarted()
        if request.output is not None and request.output.replaces_foreign:
            yield ReplacesFile(path=request.output.path)
        with ExitStack() as cleanup:
            file = None
            if request.output is not None:
                file = cleanup.enter_context(TaggedWriter(request.output))
            yield from self._convert(SpeechCollector(result, file, keep_audio=request.keep_audio))
            if file is not None and request.output is not None:
                if request.output.growing_path != request.output.path:
                    yield StepStarted(step="encoding")
                file.finish(self._metadata())
                yield Written(path=request.output.path)
        result.is_complete = True
        yield Finished()

    def save(self, output: AudioTarget) -> None:
        """Write the audio that was kept and its record, also of a job that was stopped.

        Raises:
            SettingsError: It is the source, or something else is where the record goes.
            GPAError: Nothing can be written there.
        """
        replace(self.request, output=output).check()
        write_tagged(output, self.result.audio, self._metadata())

    def _convert(self, collector: SpeechCollector) -> Generator[ConvertEvent, None, None]:
        request, result = self.request, self.result
        assert result.voice is not None
        chunks = convert_recording(
            self._engine, request.source, voice=result.voice, options=result.options, settings=request.settings
        )
        with closing(chunks):
            for chunk in chunks:
                collector.append(chunk.audio)
                self.position_s = chunk.source_s
                if chunk.segment is not None:
                    result.parts.append(chunk.segment)
                yield AudioChunk(audio=chunk.audio)
                yield Progress(position_s=chunk.source_s, duration_s=self.source_s)
                if chunk.segment is not None:
                    yield SegmentConverted(segment=chunk.segment)
        if request.options.constrain:
            self.source_s = self.position_s  # read to its end: truer than what its header says
        collector.finish()

    def _metadata(self) -> GenerationMetadata:
        assert self._weights is not None, "the request has no output and keeps no audio"
        return describe_generation(
            "vc",
            self._weights,
            self.result,
            settings=asdict(self.request.settings),
            source_sha256=self._source_sha256,
        )


def _duration_s(source: AudioLike) -> float | None:
    if isinstance(source, tuple):
        samples, rate = source
        return len(samples) / rate
    return announced_duration_s(Path(source))


def _digest(source: AudioLike) -> str | None:
    """Return the digest of a source; None of a pipe, which can be read only once, and of what cannot be read."""
    if not isinstance(source, tuple) and not Path(source).is_file():
        return None
    try:
        return digest_of_audio(source)
    except OSError:
        return None
