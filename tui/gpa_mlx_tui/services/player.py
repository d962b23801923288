"""What sounds in a mode: the playback of one of its tasks, and where in the whole sound that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.sound import Playback


class PlayerState:
    """Follows the playback of the task that was started last.

    Attributes:
        start_s: Where in the whole sound the playback began.
    """

    def __init__(self) -> None:
        self._task: BackgroundTask | None = None
        self._playback: Playback | None = None
        self.start_s = 0.0

    @property
    def is_sounding(self) -> bool:
        """Whether something plays, or is paused."""
        return self._playback is not None and self._playback.problem is None

    @property
    def is_paused(self) -> bool:
        """Whether it is paused."""
        return self._playback is not None and self._playback.is_paused

    @property
    def position_s(self) -> float:
        """Where in the whole sound it is."""
        return self.start_s + (0.0 if self._playback is None else self._playback.position_s)

    def begin(self, task: BackgroundTask, start_s: float = 0.0) -> None:
        """Follow this task from now on, which has not opened its playback yet."""
        self._task, self._playback, self.start_s = task, None, start_s

    def open(self, task: BackgroundTask, playback: Playback) -> None:
        """Take the playback of a task, if it is the one that is followed."""
        if task is self._task:
            self._playback = playback

    def end(self) -> None:
        """Note that nothing sounds any more."""
        self._task = self._playback = None

    def follows(self, name: str) -> bool:
        """Return whether the task that is followed is called so."""
        return self._task is not None and self._task.name == name

    def silence(self) -> None:
        """End the sound; its task goes on, to make what is not made yet."""
        if self._playback is not None:
            self._playback.stop()
        self.end()

    def toggle(self) -> None:
        """Pause, or go on."""
        if self._playback is not None:
            self._playback.toggle()
