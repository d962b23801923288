"""What the tasks of the Files mode report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.errors import GPAError
    from gpa_mlx.transcripts.targets import Targets
    from gpa_mlx_tui.features.files.queue import QueuedFile
    from gpa_mlx_tui.services.background import BackgroundTask


class FilesFound(TaskMessage):
    """Recordings for the queue.

    Args:
        task: The task.
        files: One for each, in order, without their ids; those that cannot be used have failed already.
        problems: What else was meant and not found.
        unused: What was pasted, when none of it is there.
    """

    def __init__(
        self, task: BackgroundTask, files: tuple[QueuedFile, ...], problems: tuple[GPAError, ...], unused: str = ""
    ) -> None:
        super().__init__(task)
        self.files = files
        self.problems = problems
        self.unused = unused


class QueueChecked(TaskMessage):
    """Where the texts go.

    Args:
        task: The task.
        targets: By the id of the file.
        errors: Of the files that have no place for their text.
        existing: Files that are there already, by the id of the file.
    """

    def __init__(
        self, task: BackgroundTask, targets: dict[str, Targets], errors: dict[str, GPAError], existing: dict[str, Path]
    ) -> None:
        super().__init__(task)
        self.targets = targets
        self.errors = errors
        self.existing = existing


class FileAdvanced(TaskMessage):
    """More of a recording was transcribed.

    Args:
        task: The task.
        file: Which.
    """

    def __init__(self, task: BackgroundTask, file: QueuedFile) -> None:
        super().__init__(task)
        self.file = file


class FileDone(FileAdvanced):
    """The text of a recording is written."""


class FileFailed(FileAdvanced):
    """A recording has no text.

    Args:
        task: The task.
        file: Which.
        error: Why.
        stops: The others would fail in the same way.
    """

    def __init__(self, task: BackgroundTask, file: QueuedFile, error: GPAError, *, stops: bool) -> None:
        super().__init__(task, file)
        self.error = error
        self.stops = stops


class FileKept(Message):
    """The beginning of a text was written when its recording was stopped; not of the task, which is cancelled.

    Args:
        file: Which.
        problem: Why it could not be written.
    """

    def __init__(self, file: QueuedFile, problem: GPAError | None) -> None:
        super().__init__()
        self.file = file
        self.problem = problem
