"""The history of dictations: what the History mode does on its works' threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    import threading

    from gpa_mlx.dictation import Partial
    from gpa_mlx.history import Entry
    from gpa_mlx_tui.services.hearing import DictationDependencies
    from gpa_mlx_tui.services.service import BackgroundTask, Service


class HistoryListed(TaskMessage):
    """What is in the history.

    Args:
        work: The work.
        entries: The newest first.
        total_bytes: What they take on disk.
    """

    def __init__(self, work: BackgroundTask, entries: tuple[Entry, ...], total_bytes: int) -> None:
        super().__init__(work)
        self.entries = entries
        self.total_bytes = total_bytes


class TextChanged(TaskMessage):
    """More is known of what a recording says.

    Args:
        work: The work.
        name: Of the recording.
        text: So far.
    """

    def __init__(self, work: BackgroundTask, name: str, text: str) -> None:
        super().__init__(work)
        self.name = name
        self.text = text


def list_history(work: BackgroundTask, ears: DictationDependencies) -> None:
    """Look what is in the history.

    Raises:
        AudioFileError: It cannot be read.
    """
    entries = ears.history().entries()
    total_bytes = 0
    for entry in entries:
        work.check()
        total_bytes += _size(entry)
    work.post(HistoryListed(work, entries, total_bytes))


def recognise_entry(
    work: BackgroundTask, service: Service, ears: DictationDependencies, entry: Entry, turn: threading.Lock
) -> None:
    """Recognise a recording again, as when it was dictated; its text changes only when all of it is there.

    Args:
        work: The work.
        service: Has the engine.
        ears: Have the history and the user's words.
        entry: The recording.
        turn: Held meanwhile: one that was cancelled a moment ago still holds the recording.

    Raises:
        GPAError: Somebody else works on it, or it cannot be recognised.
        CancelledError: The work was cancelled.
    """
    from gpa_mlx.dictation import recognise_again

    def tell(partial: Partial) -> None:
        work.check()
        work.post(TextChanged(work, entry.name, f"{partial.confirmed} {partial.unconfirmed}".strip()))

    with turn:
        work.check()
        finished = recognise_again(service.engine_thread, ears.history(), entry, ears.options(), tell)
    work.post(TextChanged(work, entry.name, finished.text))


def delete_entry(work: BackgroundTask, ears: DictationDependencies, entry: Entry) -> None:
    """Delete a recording and its text.

    Raises:
        GPAError: Somebody works on it, or it cannot be deleted.
    """
    work.check()
    ears.history().delete(entry)


def _size(entry: Entry) -> int:
    try:
        return entry.size_bytes
    except OSError:  # deleted by another process just now
        return 0
