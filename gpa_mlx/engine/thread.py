"""One thread that touches MLX, for programs that have several: the terminal app, dictation, servers.

MLX streams belong to the thread that made them, and work on a model must not overlap. An `EngineThread` opens the
engine, serves requests, frees the weights when nobody needs them, and leaves MLX cleanly. `SharedEngine` is the
engine's own interface on top of it.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from gpa_mlx.engine.requests import EngineRequest, Request, StreamRequest
from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from types import TracebackType

    from gpa_mlx.protocols import SpeechEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")

State: TypeAlias = Literal["idle", "opening", "busy", "closed"]
"""`idle`: waiting for requests or readers. `opening`: reading the model's configs. `busy`: at work. `closed`: for
good."""


class EngineThread:
    """The one thread on which an engine is opened, used and freed.

    Requests begin in the order they were made. A call then runs to its end. A stream runs item by item: as long as its
    buffer has room, in turns with calls and with other streams, the one first that has used the thread least. A stream
    that nobody reads thus stops nobody else.

    Args:
        open_engine: Opens the model; called on the thread, at the first request. Its error is that request's, and the
            next request tries again.
        idle_unload_s: Free the weights after this many seconds without a request and without an open stream; None: keep
            them.
    """

    def __init__(self, open_engine: Callable[[], SpeechEngine], *, idle_unload_s: float | None = None) -> None:
        self._open_engine = open_engine
        self._idle_unload_s = idle_unload_s
        # Reentrant: a stream that is garbage collected cancels itself, at any moment and on any thread.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._line: deque[Request] = deque()
        self._streams: list[StreamRequest[Any]] = []
        self._current: Request | None = None
        self._is_streams_turn = False
        self._least_used_s = 0.0
        self._engine: SpeechEngine | None = None
        self._has_weights = False
        self._state: State = "idle"
        self._thread = threading.Thread(target=self._run, name="gpa-mlx engine", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> State:
        """What the thread does now."""
        return self._state

    def submit(self, work: Callable[[SpeechEngine], T]) -> EngineRequest[T]:
        """Have `work` done on the thread in one go; not to be waited for on the thread itself.

        The caller's `CancelScope`s cancel it.

        Raises:
            GPAError: The thread is closed.
        """
        request = EngineRequest(work)
        self._enqueue(request)
        return request

    def stream(
        self, work: Callable[[SpeechEngine], Generator[T]], *, is_repeated: Callable[[T | None, T], bool] | None = None
    ) -> Generator[T]:
        """Yield what `work` yields on the thread, which is at most a few items ahead of the reader.

        The request is in line when this returns. `close()`, from any thread, ends it within one token, and then the
        reader's loop; cancelling one of the caller's `CancelScope`s does too, with a `CancelledError` for the reader.
        An error of the work is raised at the item where it happened, an error in its arguments at the first.

        Args:
            work: Makes the generator, on the thread.
            is_repeated: Of the item before (None: there is none) and an item, whether the latter tells the reader
                nothing new; it is left out then.

        Raises:
            GPAError: The thread is closed.
        """
        request = StreamRequest(work, self._lock, self._others_wait, is_repeated)
        self._enqueue(request)
        return _StreamReader(request, self._changed)

    def close(self, timeout_s: float | None = None) -> bool:
        """Cancel all requests and end the thread.

        Args:
            timeout_s: How long to wait for the end; None: as long as it takes.

        Returns:
            Whether it has ended. If not, it ends after its present token or encoding.
        """
        with self._changed:
            self._state = "closed"
            unfinished = [*self._line, *self._streams]
            if self._current is not None:
                unfinished.append(self._current)
            self._changed.notify_all()
        for request in unfinished:
            request.scope.cancel()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _enqueue(self, request: Request) -> None:
        with self._changed:
            if self._state == "closed":
                raise GPAError("The engine is closed.")
            if self._thread.ident is None:
                # A thread amidst MLX must not outlive the interpreter: see `runtime.parallel`.
                atexit.register(self.close)
                self._thread.start()
            self._line.append(request)
            self._changed.notify_all()
        forget = request.scope.on_cancel(lambda: self._cancelled(request))
        request.add_done_callback(lambda _: forget())

    def _cancelled(self, request: Request) -> None:
        """Take a request out of the line, or have the thread end it."""
        with self._changed:
            is_waiting = request in self._line
            if is_waiting:
                self._line.remove(request)
            self._changed.notify_all()
        if is_waiting:
            request.abandon()

    # -- on the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (request := self._next()) is not None:
                is_done = request.step(self._opened)
                with self._lock:
                    self._current = None
                    if isinstance(request, StreamRequest) and not is_done:
                        self._streams.append(request)
                del request  # its result may hold arrays: nothing here keeps it
        finally:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            _leave_mlx()
            atexit.unregister(self.close)

    def _next(self) -> Request | None:
        """Wait for something to do; free the weights when that takes long. None: it is time to end."""
        since = time.monotonic()
        while True:
            with self._changed:
                if (request := self._choose()) is not None:
                    self._current = request
                    self._set_state("busy")
                    return request
                if self._state == "closed":
                    return None
                self._state = "idle"
                left_s = self._until_unload_s(since)
                if left_s is None or left_s > 0:
                    self._changed.wait(left_s)
                    continue
            self._unload()

    def _choose(self) -> Request | None:
        """Take the next request: one from the line and a step of a stream in turns."""
        ready = [stream for stream in self._streams if stream.is_runnable]
        if self._line and not (ready and self._is_streams_turn):
            self._is_streams_turn = True
            return self._line.popleft()
        if not ready:
            return None
        self._is_streams_turn = False
        stream = min(ready, key=lambda stream: (not stream.scope.is_cancelled, stream.used_s))
        # Time that a stream did not want cannot be had later: the others would wait for all of it.
        stream.used_s = self._least_used_s = max(self._least_used_s, stream.used_s)
        self._streams.remove(stream)
        return stream

    def _others_wait(self) -> bool:
        with self._lock:
            return bool(self._line) or any(stream.is_runnable for stream in self._streams)

    def _until_unload_s(self, since: float) -> float | None:
        if self._idle_unload_s is None or not self._has_weights or self._streams:
            return None
        return since + self._idle_unload_s - time.monotonic()

    def _unload(self) -> None:
        assert self._engine is not None
        logger.info("freeing the model after %g s without work", self._idle_unload_s)
        self._has_weights = False
        self._engine.close()

    def _opened(self) -> SpeechEngine:
        if self._engine is None:
            self._set_state("opening")
            self._engine = self._open_engine()
            self._set_state("busy")
        self._has_weights = True
        return self._engine

    def _set_state(self, state: State) -> None:
        with self._lock:
            if self._state != "closed":
                self._state = state


class _StreamReader(Generator[T, None, None]):
    """The reader's side of a stream; a class, because closing must cancel before the first item too."""

    def __init__(self, request: StreamRequest[T], changed: threading.Condition) -> None:
        self._request = request
        self._changed = changed

    def __next__(self) -> T:
        item, was_full = self._request.take()
        if was_full:
            with self._changed:
                self._changed.notify_all()
        return item

    def send(self, value: None) -> T:
        """Return the next item."""
        return next(self)

    def throw(self, typ: object, val: object = None, tb: object = None) -> T:
        """Cancel the work and raise the error here."""
        self.close()
        error = typ() if isinstance(typ, type) else typ
        assert isinstance(error, BaseException)
        raise error

    def close(self) -> None:
        """Cancel the work; items that are already there can still be taken."""
        self._request.close()

    def __del__(self) -> None:
        """A stream that nobody reads any more needs no work."""
        self._request.forget()


def _leave_mlx() -> None:
    if "mlx.core" in sys.modules:
        from gpa_mlx.runtime.backend import leave_thread

        leave_thread()
