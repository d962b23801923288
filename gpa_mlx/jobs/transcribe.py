"""`TranscribeJob`: recordings to text, and to files of text."""

from __future__ import annotations

import logging
import os
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.audio.files.sound_file import announced_duration_s
from gpa_mlx.errors import CancelledError, GPAError, ModelFormatError, ModelNotFoundError
from gpa_mlx.jobs.channel_streams import channel_labels, count_channels, readable_again, stream_channels
from gpa_mlx.jobs.events import (
    Finished,
    RecordingDone,
    RecordingFailed,
    RecordingSkipped,
    RecordingStarted,
    TextChunk,
    Written,
)
from gpa_mlx.jobs.failures import as_failure
from gpa_mlx.store.text_output import is_stream, write_text
from gpa_mlx.transcripts.collector import TranscriptCollector
from gpa_mlx.transcripts.cues import Layout
from gpa_mlx.transcripts.formats import render
from gpa_mlx.transcripts.targets import Targets, prepare_targets
from gpa_mlx.types import AudioFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from gpa_mlx.jobs.recordings import RecordingInput
    from gpa_mlx.protocols import StreamsTranscription
    from gpa_mlx.types import ChannelChoice, GenerationOptions, TranscriptionStream, VadChoice

logger = logging.getLogger(__name__)

TaskState: TypeAlias = Literal["waiting", "running", "done", "failed", "stopped", "skipped"]
TranscribeEvent: TypeAlias = (
    RecordingStarted | TextChunk | Written | RecordingDone | RecordingFailed | RecordingSkipped | Finished
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeRequest:
    """What is to be transcribed.

    Attributes:
        recordings: In the order in which they are read; `jobs.recordings` finds them.
        targets: The files to write for each recording, as `transcripts.targets.plan_targets` plans them; nothing at
            all when no file is wanted.
        options: Sampling; None takes the model's defaults.
        vad: What skips what is not speech.
        batch: Segments of a recording that are decoded at the same time.
        layout: Of subtitles.
        skip_existing: Do nothing for a recording all of whose files are there. The text so far of one that is stopped
            or fails is then called `NAME.partial.txt`.
        separate: Transcribe every channel on its own, and label the segments with it.
        track: Which audio track of each recording, from 1; None chooses the default one, or one with speech.
    """

    recordings: tuple[RecordingInput, ...]
    targets: tuple[Targets, ...] = ()
    options: GenerationOptions | None = None
    vad: VadChoice = True
    batch: int = 1
    layout: Layout = field(default_factory=Layout)
    skip_existing: bool = False
    separate: bool = False
    track: int | None = None


@dataclass(slots=True, eq=False)
class RecordingTask:
    """How one recording of a job stands.

    Attributes:
        recording: Which.
        targets: The files to write.
        state: `stopped` is what was interrupted: what there was of its text has been written, as it is of what failed
            on the way. `skipped`: its files were there.
        transcript: What has been decoded; grows while the job runs.
        error: Why it failed, or why the text so far could not be written when it was stopped.
        written: Files that are complete.
    """

    recording: RecordingInput
    targets: Targets
    state: TaskState = "waiting"
    transcript: TranscriptCollector = field(default_factory=TranscriptCollector)
    error: GPAError | None = None
    written: tuple[Path, ...] = ()


class TranscribeJob:
    """Transcribes one recording after the other; one that fails does not keep the others from being transcribed.

    The plan is in `tasks`, and so is what was done: when the job is cancelled, interrupted or closed, the text so far
    of the recording it was in is written, unless there is none. So it is when a recording fails on the way. One whose
    files cannot be written where they are wanted fails at once, and is not read.

    Args:
        engine: The model, or a server that has it.
        request: What is wanted.

    Raises:
        GPAError: None of the files can be written where it is wanted.
    """

    def __init__(self, engine: StreamsTranscription, request: TranscribeRequest) -> None:
        self._engine = engine
        self._request = request
        targets = request.targets or tuple({} for _ in request.recordings)
        self.tasks: tuple[RecordingTask, ...] = tuple(
            RecordingTask(recording, files) for recording, files in zip(request.recordings, targets, strict=True)
        )
        for task in self.tasks:
            if request.skip_existing and _are_there(task.targets):
                task.state = "skipped"
        planned = [task for task in self.tasks if task.state == "waiting"]
        for task, error in zip(planned, prepare_targets(task.targets for task in planned), strict=True):
            if error is not None:
                task.state, task.error = "failed", error
        failed = [task.error for task in planned if task.error is not None]
        if failed and len(failed) == len(self.tasks):
            raise failed[0]

    def run(self) -> Generator[TranscribeEvent, None, None]:
        """Transcribe, and yield what happens.

        Raises:
            ModelNotFoundError: Of the model, which fails every recording alike.
            ModelFormatError: As above.
            CancelledError: The scope it runs in was cancelled.
        """
        for task in self.tasks:
            if task.state == "skipped":
                yield RecordingSkipped(recording=task.recording, existing=tuple(task.targets.values()))
            elif task.error is not None:
                yield self._failed(task, task.error)
            else:
                yield from self._transcribe(task)
        yield Finished()

    def _transcribe(self, task: RecordingTask) -> Iterator[TranscribeEvent]:
        task.state = "running"
        try:
            yield from self._decode(task)
            for path in self._write(task, task.targets):
                yield Written(path=path)
        except (CancelledError, KeyboardInterrupt, GeneratorExit):
            task.state = "stopped"
            self._keep(task)
            raise
        except Exception as error:
            task.state, task.error = "failed", as_failure(error, task.recording.label)
            self._keep(task)
            if isinstance(error, ModelNotFoundError | ModelFormatError):
                raise
            yield self._failed(task, task.error)
        else:
            task.state = "done"
            yield RecordingDone(recording=task.recording, transcription=task.transcript.result(), written=task.written)

    def _failed(self, task: RecordingTask, error: GPAError) -> RecordingFailed:
        return RecordingFailed(
            recording=task.recording,
            error=error,
            transcription=task.transcript.result(),
            written=task.written,
            unwritten=tuple(path for path in task.targets.values() if path not in task.written),
        )

    def _decode(self, task: RecordingTask) -> Iterator[TranscribeEvent]:
        with task.recording.readable() as file:
            yield RecordingStarted(recording=task.recording, duration_s=announced_duration_s(file))
            with self._stream(self._audio(task.recording, file)) as chunks:
                for chunk in chunks:
                    task.transcript.take(chunk)
                    yield TextChunk(recording=task.recording, chunk=chunk, position_s=task.transcript.position_s)

    @contextmanager
    def _stream(self, audio: Path | AudioFile) -> Iterator[TranscriptionStream]:
        """Begin to transcribe a recording: its speech, or each of its channels."""
        request = self._request

        def channel(audio: Path | AudioFile, channels: ChannelChoice | None) -> TranscriptionStream:
            return self._engine.stream_transcribe(
                audio, options=request.options, vad=request.vad, batch=request.batch, channels=channels
            )

        if not request.separate:
            with closing(channel(audio, None)) as chunks:
                yield chunks
            return
        with readable_again(audio) as kept:
            count = count_channels(kept)
            if count == 1:
                logger.warning("%s has one channel; there is nothing to separate.", os.fspath(audio))
            streams = stream_channels(channel_labels(count), partial(channel, kept)) if count > 1 else channel(kept, 0)
            with closing(streams) as chunks:
                yield chunks

    def _audio(self, recording: RecordingInput, file: Path) -> Path | AudioFile:
        name = recording.label if recording.spool is not None else None
        track = self._request.track
        return file if name is None and track is None else AudioFile(os.fspath(file), track=track, name=name)

    def _write(self, task: RecordingTask, targets: Targets) -> Iterator[Path]:
        """Write files; one that cannot be written keeps no other from being written.

        Raises:
            GPAError: One of them could not be written.
        """
        failure: GPAError | None = None
        for name, path in targets.items():
            try:
                write_text(
                    path, render(name, task.transcript.segments, self._request.layout, task.transcript.empty_reason)
                )
            except GPAError as error:
                failure = failure or error
                continue
            task.written = (*task.written, path)
            yield path
        if failure is not None:
            raise failure

    def _keep(self, task: RecordingTask) -> None:
        """Write what there is of a recording that was stopped or failed, unless that is what could not be written."""
        if not task.transcript.segments or task.transcript.finish_reason != "cancelled":
            return
        targets = task.targets
        if self._request.skip_existing:
            # Under the name of the whole text the next run would take it for that.
            targets = {name: path.with_name(f"{path.stem}.partial{path.suffix}") for name, path in targets.items()}
        try:
            for _ in self._write(task, targets):
                pass
        except GPAError as error:
            task.error = task.error or error


def _are_there(targets: Targets) -> bool:
    return bool(targets) and all(path.is_file() and not is_stream(path) for path in targets.values())
