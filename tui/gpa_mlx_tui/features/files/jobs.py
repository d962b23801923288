"""Recordings to text files: what the Files mode does on its works' threads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpa_mlx.errors import CancelledError, GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx_tui.features.files.queue import FileJob
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.transcripts.formats import Format
    from gpa_mlx.transcripts.targets import Targets
    from gpa_mlx_tui.services.service import BackgroundTask, Service


class FilesFound(TaskMessage):
    """Recordings for the queue.

    Args:
        work: The work.
        jobs: One for each, in order, without their ids; those that cannot be used have failed already.
        problems: What else was meant and not found.
        unused: What was pasted, when none of it is there.
    """

    def __init__(
        self, work: BackgroundTask, jobs: tuple[FileJob, ...], problems: tuple[GPAError, ...], unused: str = ""
    ) -> None:
        super().__init__(work)
        self.jobs = jobs
        self.problems = problems
        self.unused = unused


class QueueChecked(TaskMessage):
    """Where the texts go.

    Args:
        work: The work.
        targets: By the id of the job.
        errors: Of the jobs that have no place for their text.
        existing: Files that are there already, by the id of the job.
    """

    def __init__(
        self, work: BackgroundTask, targets: dict[str, Targets], errors: dict[str, GPAError], existing: dict[str, Path]
    ) -> None:
        super().__init__(work)
        self.targets = targets
        self.errors = errors
        self.existing = existing


class FileAdvanced(TaskMessage):
    """A recording was heard further.

    Args:
        work: The work.
        job: Which.
    """

    def __init__(self, work: BackgroundTask, job: FileJob) -> None:
        super().__init__(work)
        self.job = job


class FileDone(FileAdvanced):
    """The text of a recording is written."""


class FileFailed(FileAdvanced):
    """A recording has no text.

    Args:
        work: The work.
        job: Which.
        error: Why.
        stops: The others would fail in the same way.
    """

    def __init__(self, work: BackgroundTask, job: FileJob, error: GPAError, *, stops: bool) -> None:
        super().__init__(work, job)
        self.error = error
        self.stops = stops


class FileKept(Message):
    """The beginning of a text was written when its recording was stopped; not of the work, which is cancelled.

    Args:
        job: Which.
        problem: Why it could not be written.
    """

    def __init__(self, job: FileJob, problem: GPAError | None) -> None:
        super().__init__()
        self.job = job
        self.problem = problem


def find_files(work: BackgroundTask, text: str, known: Sequence[Path], *, pasted: bool) -> None:
    """Find the recordings that a text names: files, folders and patterns.

    Args:
        work: The work.
        text: As typed or pasted.
        known: What is in the queue, which is not added again.
        pasted: The text may be something else: without a path that exists nothing is found.
    """
    from gpa_mlx_tui.features.files.dropped import parse_paths

    names = [_expanded(name) for name in parse_paths(text, _exists)]
    if pasted and not any(_exists(name) for name in names):
        work.post(FilesFound(work, (), (), unused=text))
        return
    jobs, problems = _jobs(work, names, {path.absolute() for path in known})
    work.post(FilesFound(work, tuple(jobs), tuple(problems)))


def _jobs(work: BackgroundTask, names: list[str], seen: set[Path]) -> tuple[list[FileJob], list[GPAError]]:
    from gpa_mlx.audio.files.sound_file import announced_duration_s
    from gpa_mlx.cli.inputs import require_audio
    from gpa_mlx.jobs.recordings import find_recordings

    jobs: list[FileJob] = []
    problems: list[GPAError] = []
    for name in names:
        work.check()
        try:
            sources = find_recordings([name], recursive=True)
        except GPAError as error:
            problems.append(error)
            continue
        for source in sources:
            work.check()
            path = source.path
            if path.absolute() in seen:
                continue
            seen.add(path.absolute())
            job = FileJob(path, source.place)
            try:
                require_audio(path)
                job.duration_s = announced_duration_s(path)
            except GPAError as error:
                job.end("failed", error)
            jobs.append(job)
    return jobs, problems


def check_targets(
    work: BackgroundTask,
    jobs: Sequence[FileJob],
    formats: Sequence[Format],
    folder: Path | None,
    *,
    own: frozenset[Path],
) -> None:
    """Decide where the texts of all jobs that wait go, and which files are there already.

    Args:
        work: The work.
        jobs: The queue.
        formats: At least one.
        folder: Where to write; None: beside each recording.
        own: What this queue has written, which it may write again.
    """
    from gpa_mlx.transcripts.targets import OutputRegistry

    claims = OutputRegistry((job.path, job.path.name) for job in jobs)
    targets: dict[str, Targets] = {}
    errors: dict[str, GPAError] = {}
    existing: dict[str, Path] = {}
    for job in sorted(jobs, key=lambda job: job.state == "waiting"):  # those that have their places keep them
        files = job.files_for(folder, formats) if job.state == "waiting" else job.targets or {}
        try:
            claims.claim(job.path.name, files)
        except SettingsError as error:
            errors[job.id] = error
            continue
        if job.state == "waiting":
            targets[job.id] = files
            there = next((path for path in files.values() if path not in own and path.exists()), None)
            if there is not None:
                existing[job.id] = there
    work.post(QueueChecked(work, targets, errors, existing))


def transcribe_file(work: BackgroundTask, service: Service, job: FileJob, tell: Callable[[Message], object]) -> None:
    """Write one recording down.

    Args:
        work: The work.
        service: Has the model.
        job: The recording; its `gathered` grows.
        tell: Takes what is to be heard of a cancelled work, from any thread.

    Raises:
        ModelNotFoundError: Of the model.
        ModelFormatError: Of the model.
        CancelledError: The work was cancelled; what was heard is written.
    """
    from gpa_mlx.cli.inputs import require_audio
    from gpa_mlx.transcripts.targets import prepare_targets

    gathered = job.gathered
    assert job.targets is not None
    try:
        require_audio(job.path)
        prepare_targets([job.targets])
        for chunk in service.stream(work, lambda engine: engine.stream_transcribe(job.path)):
            gathered.take(chunk)
            if chunk.segment is not None:
                work.post(FileAdvanced(work, job))
        _write(job)
    except CancelledError:
        if gathered.segments:
            tell(FileKept(job, _written_or_problem(job)))
        raise
    except GPAError as error:
        stops = isinstance(error, ModelNotFoundError | ModelFormatError)
        work.post(FileFailed(work, job, error, stops=stops))
        if stops:
            raise
    else:
        work.post(FileDone(work, job))


def _written_or_problem(job: FileJob) -> GPAError | None:
    try:
        _write(job)
    except GPAError as error:
        return error
    return None


def _write(job: FileJob) -> None:
    from gpa_mlx.store.text_output import write_text
    from gpa_mlx.transcripts.formats import render

    assert job.targets is not None
    for kind, path in job.targets.items():
        write_text(path, render(kind, job.gathered.segments))
    job.files = tuple(job.targets.values())


def _expanded(name: str) -> str:
    try:
        return str(Path(name).expanduser())
    except RuntimeError:  # there is no such user
        return name


def _exists(name: str) -> bool:
    try:
        return Path(_expanded(name)).exists()
    except (OSError, ValueError):
        return False
