"""What works tell the screens they are done for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from gpa_mlx.errors import GPAError
    from gpa_mlx_tui.services.service import BackgroundTask


class TaskMessage(Message, no_dispatch=None):
    """Something about a work; nobody sees it when the work has been cancelled since.

    Args:
        work: The work.
    """

    def __init_subclass__(cls) -> None:
        """Let every kind have the property `no_dispatch` of this class."""
        super().__init_subclass__(no_dispatch=None)

    def __init__(self, work: BackgroundTask) -> None:
        super().__init__()
        self.work = work

    @property
    def no_dispatch(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether Textual drops it when its turn comes."""
        return self.work.is_cancelled


class TaskEnded(TaskMessage):
    """A work came to its end by itself.

    Args:
        work: The work.
        error: What went wrong; None: all is well.
    """

    def __init__(self, work: BackgroundTask, error: GPAError | None) -> None:
        super().__init__(work)
        self.error = error


class TaskCancelled(Message):
    """A work was cancelled, by its owner or by the service.

    Args:
        work: The work.
    """

    def __init__(self, work: BackgroundTask) -> None:
        super().__init__()
        self.work = work


class Listed(TaskMessage):
    """What there is to choose from was looked up.

    Args:
        work: The work.
        items: What was found.
    """

    def __init__(self, work: BackgroundTask, items: tuple[object, ...]) -> None:
        super().__init__(work)
        self.items = items


class Saved(TaskMessage):
    """Files were written.

    Args:
        work: The work.
        files: Their names.
    """

    def __init__(self, work: BackgroundTask, files: tuple[str, ...]) -> None:
        super().__init__(work)
        self.files = files
