"""Who is inside PortAudio, and which of its streams are open.

PortAudio is one library for the whole process and not made for several threads: to open a stream while another is being
closed, or to end the library under a stream that is being closed, crashes or hangs. So everybody takes turns. Core
Audio needs a tenth of a second to stop a stream, and a device that is gone may never answer: nobody waits for such a
one longer than its time, and it is remembered, because from then on the library must neither look for devices nor be
ended.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_SILENCE_S = 0.08
"""How long who closes a stream waits for it; the rest of the closing goes on without him."""


class _Visit:
    """Somebody inside the library.

    Attributes:
        until: When others go past him, seconds of the monotonic clock.
    """

    def __init__(self, limit_s: float) -> None:
        self.until = time.monotonic() + limit_s


class Streams:
    """The streams of this process, and the turns in which PortAudio is used.

    Args:
        closing_s: How long others wait for a stream that is being closed.
    """

    def __init__(self, closing_s: float = 2.0) -> None:
        self._closing_s = closing_s
        self._changed = threading.Condition()
        self._inside: _Visit | None = None
        self._overdue: set[_Visit] = set()
        self._open: set[Any] = set()
        self._closing: dict[Any, float] = {}

    @property
    def is_quiet(self) -> bool:
        """Whether no stream is open and nobody is stuck: only then may PortAudio be started anew."""
        with self._changed:
            return not self._open and not self._overdue

    @property
    def is_stuck(self) -> bool:
        """Whether somebody does not come back: what PortAudio knows of the devices stays as it is."""
        with self._changed:
            return bool(self._overdue)

    @contextmanager
    def turn(self, limit_s: float) -> Iterator[None]:
        """Use PortAudio alone, after all streams that are being closed.

        Args:
            limit_s: For how long at most: then others no longer wait.
        """
        with self._changed:
            while (left := max(self._closing.values(), default=0.0) - time.monotonic()) > 0:
                self._changed.wait(left)
        with self._alone(limit_s):
            yield

    def add(self, stream: Any) -> None:  # noqa: ANN401 - sounddevice has no types
        """Note a stream that was opened; it is ended by `close` or `release` alone."""
        with self._changed:
            self._open.add(stream)

    def close(self, stream: Any) -> None:  # noqa: ANN401
        """Close a stream within a turn."""
        stream.abort(ignore_errors=True)
        stream.close(ignore_errors=True)
        with self._changed:
            self._open.discard(stream)

    def release(self, stream: Any) -> None:  # noqa: ANN401
        """Fall silent and close a stream, without waiting for a device that does not answer at once."""
        with self._changed:
            self._closing[stream] = time.monotonic() + self._closing_s

        def close() -> None:
            try:
                with self._alone(self._closing_s):
                    self.close(stream)
            finally:
                with self._changed:
                    self._closing.pop(stream, None)
                    self._changed.notify_all()

        closing = threading.Thread(target=close, name="gpa-mlx closing", daemon=True)
        closing.start()
        closing.join(_SILENCE_S)

    def settle(self, patience_s: float) -> bool:
        """Wait until nobody is inside PortAudio and nothing is being closed; False: somebody is stuck there."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            while self._closing or self._overdue or self._inside is not None:
                if (left := deadline - time.monotonic()) <= 0:
                    return False
                self._changed.wait(left)
        return True

    @contextmanager
    def _alone(self, limit_s: float) -> Iterator[None]:
        with self._changed:
            while self._inside is not None:
                if (left := self._inside.until - time.monotonic()) <= 0:
                    self._overdue.add(self._inside)
                    self._inside = None
                    break
                self._changed.wait(left)
            visit = self._inside = _Visit(limit_s)
        try:
            yield
        finally:
            with self._changed:
                self._overdue.discard(visit)
                if self._inside is visit:
                    self._inside = None
                self._changed.notify_all()


def call_in_time(work: Callable[[], T], undo: Callable[[T], None], limit_s: float) -> T:
    """Call a function that may not come back; Ctrl-C ends the wait as well.

    Args:
        work: Called on a thread of its own.
        undo: Takes a result that nobody waits for any more.
        limit_s: How long to wait.

    Raises:
        TimeoutError: It took longer.
    """
    call = _Call(work, undo)
    threading.Thread(target=call.run, name="gpa-mlx opening", daemon=True).start()
    is_done = False
    try:
        is_done = call.done.wait(limit_s)
    finally:
        if not is_done:
            call.abandon()
    if not is_done:
        raise TimeoutError(f"no answer in {limit_s:g} s")
    return call.result()


class _Call:
    """A call on another thread, whose result has exactly one taker."""

    def __init__(self, work: Callable[[], Any], undo: Callable[[Any], None]) -> None:
        self._work, self._undo = work, undo
        self._lock = threading.Lock()
        self._result: Any = None
        self._error: BaseException | None = None
        self._is_abandoned = False
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where the call came from
            self._error = error
        with self._lock:
            self.done.set()
            is_late = self._is_abandoned
        if is_late:
            self._drop()

    def abandon(self) -> None:
        with self._lock:
            self._is_abandoned = True
            is_there = self.done.is_set()
        if is_there:
            self._drop()

    def result(self) -> Any:  # noqa: ANN401
        if self._error is not None:
            raise self._error
        return self._result

    def _drop(self) -> None:
        if self._error is None:
            self._undo(self._result)
