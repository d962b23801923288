"""Recordings to text files as the Files mode shows it; for the threads of tasks."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from gpa_mlx.errors import CancelledError, GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.store.file_names import same_spelling
from gpa_mlx_tui.features.files.messages import FileAdvanced, FileDone, FileFailed, FileKept, FilesFound, QueueChecked
from gpa_mlx_tui.features.files.queue import QueuedFile, plan_files
from gpa_mlx_tui.services.typed_paths import file_exists, typed_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textual.message import Message

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.store.file_names import Spelling
    from gpa_mlx.transcripts.formats import Format
    from gpa_mlx.transcripts.targets import Targets
    from gpa_mlx_tui.services.background import BackgroundTask


def find_files(task: BackgroundTask, text: str, known: Sequence[Path], *, pasted: bool) -> None:
    """Find the recordings that a text names: files, folders and patterns.

    Args:
        task: The task.
        text: As typed or pasted.
        known: What is in the queue, which is not added again.
        pasted: The text may be something else: without a path that exists nothing is found.
    """
    names = [str(path) for path in typed_paths(text)]
    if pasted and not any(file_exists(name) for name in names):
        task.post(FilesFound(task, (), (), unused=text))
        return
    files, problems = _files(task, names, {same_spelling(str(path)) for path in known})
    task.post(FilesFound(task, tuple(files), tuple(problems)))


def _files(task: BackgroundTask, names: list[str], seen: set[Spelling]) -> tuple[list[QueuedFile], list[GPAError]]:
    from gpa_mlx.audio.files.existing import require_audio
    from gpa_mlx.audio.files.sound_file import announced_duration_s
    from gpa_mlx.jobs.recordings import find_recordings

    files: list[QueuedFile] = []
    problems: list[GPAError] = []
    for name in names:
        task.check()
        found = find_recordings([name], recursive=True)
        problems += [unusable.error for unusable in found.problems]
        for source in found.recordings:
            task.check()
            path = source.path
            if (spelling := same_spelling(str(path))) in seen:
                continue
            seen.add(spelling)
            file = QueuedFile(path, source.place)
            try:
                require_audio(path)
                file.duration_s = announced_duration_s(path)
            except GPAError as error:
                file.end("failed", error)
            files.append(file)
    return files, problems


def check_targets(
    task: BackgroundTask,
    files: Sequence[QueuedFile],
    formats: Sequence[Format],
    folder: Path | None,
    *,
    own: frozenset[Path],
) -> None:
    """Decide where the texts of all recordings that wait go, and which files are there already.

    Args:
        task: The task.
        files: The queue.
        formats: At least one.
        folder: Where to write; None: beside each recording.
        own: What this queue has written, which it may write again.
    """
    from gpa_mlx.transcripts.targets import OutputRegistry

    planned = plan_files([file for file in files if file.state == "waiting" or file.targets], folder, formats)
    registry = OutputRegistry((file.path, file.path.name) for file in files)
    targets: dict[str, Targets] = {}
    errors: dict[str, GPAError] = {}
    existing: dict[str, Path] = {}
    for file in sorted(files, key=lambda file: file.state == "waiting"):  # those that have their places keep them
        wanted = planned[file.id] if file.state == "waiting" else file.targets or {}
        try:
            registry.claim(file.path.name, wanted)
        except SettingsError as error:
            errors[file.id] = error
            continue
        if file.state == "waiting":
            targets[file.id] = wanted
            there = next((path for path in wanted.values() if path not in own and path.exists()), None)
            if there is not None:
                existing[file.id] = there
    task.post(QueueChecked(task, targets, errors, existing))


def transcribe_file(
    task: BackgroundTask, engine: SpeechEngine, file: QueuedFile, notify: Callable[[Message], object]
) -> None:
    """Transcribe one recording.

    Args:
        task: The task.
        engine: Transcribes.
        file: The recording; its `transcript` grows.
        notify: Takes what is to be known of a cancelled task, from any thread.

    Raises:
        ModelNotFoundError: Of the model.
        ModelFormatError: Of the model.
        CancelledError: The task was cancelled; what was transcribed is written.
    """
    from gpa_mlx.audio.files.existing import require_audio
    from gpa_mlx.jobs.events import RecordingDone, RecordingFailed, TextChunk
    from gpa_mlx.jobs.recordings import file_input
    from gpa_mlx.jobs.transcribe import TranscribeJob, TranscribeRequest

    assert file.targets is not None
    recording = file_input(file.path, file.place)
    try:
        require_audio(file.path)
        job = TranscribeJob(engine, TranscribeRequest(recordings=(recording,), targets=(file.targets,)))
    except GPAError as error:
        task.post(FileFailed(task, file, error, stops=False))
        return
    (transcription,) = job.tasks
    file.transcript = transcription.transcript
    try:
        with closing(job.run()) as events:
            for event in events:
                if isinstance(event, TextChunk) and event.chunk.segment is not None:
                    task.post(FileAdvanced(task, file))
                elif isinstance(event, RecordingFailed):
                    task.post(FileFailed(task, file, event.error, stops=False))
                elif isinstance(event, RecordingDone):
                    file.files = event.written
                    task.post(FileDone(task, file))
    except CancelledError:
        if file.transcript.segments:
            file.files = transcription.written
            notify(FileKept(file, transcription.error))
        raise
    except (ModelNotFoundError, ModelFormatError) as error:
        task.post(FileFailed(task, file, error, stops=True))
        raise
