"""What tasks report to the screens they are done for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from gpa_mlx.errors import GPAError
    from gpa_mlx_tui.services.background import BackgroundTask


class TaskMessage(Message, no_dispatch=None):
    """Something about a work; nobody sees it when the work has been cancelled since.

    Args:
        task: The task.
    """

    def __init_subclass__(cls) -> None:
        """Let every kind have the property `no_dispatch` of this class."""
        super().__init_subclass__(no_dispatch=None)

    def __init__(self, task: BackgroundTask) -> None:
        super().__init__()
        self.task = task

    @property
    def no_dispatch(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether Textual drops it when its turn comes."""
        return self.task.is_cancelled


class TaskEnded(TaskMessage):
    """A work came to its end by itself.

    Args:
        task: The task.
        error: What went wrong; None: all is well.
    """

    def __init__(self, task: BackgroundTask, error: GPAError | None) -> None:
        super().__init__(task)
        self.error = error


class TaskAdvice(TaskMessage):
    """Something the user should know while a work goes on.

    Args:
        task: The task.
        words: A sentence or two.
    """

    def __init__(self, task: BackgroundTask, words: str) -> None:
        super().__init__(task)
        self.words = words


class TaskCancelled(Message):
    """A work was cancelled, by its owner or by the service.

    Args:
        task: The task.
    """

    def __init__(self, task: BackgroundTask) -> None:
        super().__init__()
        self.task = task


class Listed(TaskMessage):
    """What there is to choose from was looked up.

    Args:
        task: The task.
        items: What was found.
    """

    def __init__(self, task: BackgroundTask, items: tuple[object, ...]) -> None:
        super().__init__(task)
        self.items = items


class Saved(TaskMessage):
    """Files were written.

    Args:
        task: The task.
        files: Their names.
        note: A sentence about them; empty: none.
    """

    def __init__(self, task: BackgroundTask, files: tuple[str, ...], note: str = "") -> None:
        super().__init__(task)
        self.files = files
        self.note = note


class Noted(Message):
    """The library has noted something about what it is given.

    Args:
        words: A sentence or two.
    """

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
