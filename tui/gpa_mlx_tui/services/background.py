"""Background tasks: what a screen has done on a thread of its own, cancelled through a `CancelScope`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.runtime.cancellation import CancelScope

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message
    from textual.message_pump import MessagePump


class BackgroundTask:
    """A body that runs on its own thread for a screen or a widget, inside `cancellable(task.scope)`.

    Calls of a `SharedEngine` and jobs made in the body thus end when the task is cancelled, without further ado.

    Args:
        name: What it is called; a screen has at most one of each name.
        owner: Gets its messages.

    Attributes:
        scope: Ends it.
    """

    def __init__(self, name: str, owner: MessagePump) -> None:
        self.name = name
        self.scope = CancelScope()
        self._owner = owner

    @property
    def is_cancelled(self) -> bool:
        """Whether its results are wanted no more."""
        return self.scope.is_cancelled

    def cancel(self) -> None:
        """Ask for the end and return at once; the owner gets no more messages of this task."""
        self.scope.cancel()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have something short called, from the thread that cancels, when this is cancelled; at once if it was."""
        self.scope.on_cancel(callback)

    def post(self, message: Message) -> None:
        """Send a message to the owner, unless this was cancelled."""
        if not self.is_cancelled:
            self._owner.post_message(message)

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            CancelledError: This was cancelled.
        """
        self.scope.check()
