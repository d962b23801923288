"""The history of dictations: what the History mode does on its tasks' threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import CancelledError, GPAError, ModelFormatError, ModelNotFoundError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from gpa_mlx.dictation import Partial
    from gpa_mlx.history import Entry
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.microphone import DictationDependencies
    from gpa_mlx_tui.services.service import Service


class HistoryListed(TaskMessage):
    """What is in the history.

    Args:
        task: The task.
        entries: The newest first.
        total_bytes: What they take on disk.
        keeps: Whether what is dictated from now on stays.
    """

    def __init__(self, task: BackgroundTask, entries: tuple[Entry, ...], total_bytes: int, *, keeps: bool) -> None:
        super().__init__(task)
        self.entries = entries
        self.total_bytes = total_bytes
        self.keeps = keeps


class KeepChanged(TaskMessage):
    """It was written down whether dictations stay.

    Args:
        task: The task.
        keeps: Whether they do.
    """

    def __init__(self, task: BackgroundTask, *, keeps: bool) -> None:
        super().__init__(task)
        self.keeps = keeps


class EntryRecognised(TaskMessage):
    """One of several recordings is recognised, or could not be.

    Args:
        task: The task.
        done: How many are.
        total: How many there are.
    """

    def __init__(self, task: BackgroundTask, done: int, total: int) -> None:
        super().__init__(task)
        self.done = done
        self.total = total


class TextChanged(TaskMessage):
    """More is known of what a recording says.

    Args:
        task: The task.
        name: Of the recording.
        text: So far.
    """

    def __init__(self, task: BackgroundTask, name: str, text: str) -> None:
        super().__init__(task)
        self.name = name
        self.text = text


def list_history(task: BackgroundTask, dictation: DictationDependencies) -> None:
    """Look what is in the history.

    Raises:
        AudioFileError: It cannot be read.
    """
    history = dictation.history()
    entries = history.entries()
    total_bytes = 0
    for entry in entries:
        task.check()
        total_bytes += _size(entry)
    task.post(HistoryListed(task, entries, total_bytes, keeps=history.keeps))


def recognise_entries(
    task: BackgroundTask,
    service: Service,
    dictation: DictationDependencies,
    entries: Sequence[Entry],
    turn: threading.Lock,
) -> None:
    """Recognise recordings again, as when they were dictated; a text changes only when all of it is there.

    Args:
        task: The task.
        service: Has the engine.
        dictation: Have the history and the user's words.
        entries: The recordings; one that cannot be recognised does not stop the others.
        turn: Held meanwhile: one that was cancelled a moment ago still holds its recording.

    Raises:
        GPAError: Somebody else works on one, or it cannot be recognised.
        CancelledError: The task was cancelled.
    """
    problems: list[GPAError] = []
    for number, entry in enumerate(entries, start=1):
        try:
            _recognise(task, service, dictation, entry, turn)
        except (CancelledError, ModelNotFoundError, ModelFormatError):
            raise
        except GPAError as error:
            problems.append(error)
        task.post(EntryRecognised(task, number, len(entries)))
    if len(entries) == 1 and problems:
        raise problems[0]
    if problems:
        words = f"{len(problems)} of {len(entries)} recordings were not recognised. {problems[0].message}"
        raise GPAError(words, hint=problems[0].hint)


def _recognise(
    task: BackgroundTask, service: Service, dictation: DictationDependencies, entry: Entry, turn: threading.Lock
) -> None:
    from gpa_mlx.dictation import recognise_again

    def tell(partial: Partial) -> None:
        task.check()
        task.post(TextChanged(task, entry.name, f"{partial.confirmed} {partial.unconfirmed}".strip()))

    with turn:
        task.check()
        finished = recognise_again(service.engine_thread, dictation.history(), entry, dictation.options(), tell)
    task.post(TextChanged(task, entry.name, finished.text))


def delete_entries(task: BackgroundTask, dictation: DictationDependencies, entries: Sequence[Entry]) -> None:
    """Delete recordings and their texts.

    Raises:
        GPAError: Somebody works on one, or it cannot be deleted; the others are deleted.
    """
    history = dictation.history()
    problems: list[GPAError] = []
    for entry in entries:
        task.check()
        try:
            history.delete(entry)
        except GPAError as error:
            problems.append(error)
    if problems:
        raise problems[0]


def keep_dictations(task: BackgroundTask, *, keeps: bool) -> None:
    """Write down, for this and all later runs, whether dictations stay in the history.

    Raises:
        GPAError: The settings cannot be written.
    """
    from gpa_mlx import settings

    settings.store("history_keep", str(keeps).lower())
    task.post(KeepChanged(task, keeps=keeps))


def _size(entry: Entry) -> int:
    try:
        return entry.size_bytes
    except OSError:  # deleted by another process just now
        return 0
