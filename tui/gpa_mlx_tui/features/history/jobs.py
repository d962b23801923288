"""The history of dictations: what the History mode does on its tasks' threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    import threading

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
    """

    def __init__(self, task: BackgroundTask, entries: tuple[Entry, ...], total_bytes: int) -> None:
        super().__init__(task)
        self.entries = entries
        self.total_bytes = total_bytes


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
    entries = dictation.history().entries()
    total_bytes = 0
    for entry in entries:
        task.check()
        total_bytes += _size(entry)
    task.post(HistoryListed(task, entries, total_bytes))


def recognise_entry(
    task: BackgroundTask, service: Service, dictation: DictationDependencies, entry: Entry, turn: threading.Lock
) -> None:
    """Recognise a recording again, as when it was dictated; its text changes only when all of it is there.

    Args:
        task: The task.
        service: Has the engine.
        dictation: Have the history and the user's words.
        entry: The recording.
        turn: Held meanwhile: one that was cancelled a moment ago still holds the recording.

    Raises:
        GPAError: Somebody else works on it, or it cannot be recognised.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.dictation import recognise_again

    def tell(partial: Partial) -> None:
        task.check()
        task.post(TextChanged(task, entry.name, f"{partial.confirmed} {partial.unconfirmed}".strip()))

    with turn:
        task.check()
        finished = recognise_again(service.engine_thread, dictation.history(), entry, dictation.options(), tell)
    task.post(TextChanged(task, entry.name, finished.text))


def delete_entry(task: BackgroundTask, dictation: DictationDependencies, entry: Entry) -> None:
    """Delete a recording and its text.

    Raises:
        GPAError: Somebody works on it, or it cannot be deleted.
    """
    task.check()
    dictation.history().delete(entry)


def _size(entry: Entry) -> int:
    try:
        return entry.size_bytes
    except OSError:  # deleted by another process just now
        return 0
