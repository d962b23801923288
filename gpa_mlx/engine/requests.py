"""What is asked of an `EngineThread`: calls, which run to completion, and streams, which run item by item.

Both wait in one line. A stream has a bounded buffer; while that is full its generator stays suspended, and the thread
serves others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable, check_cancelled, current_scopes
from gpa_mlx.runtime.turns import sharing_turns

if TYPE_CHECKING:
    from gpa_mlx.protocols import SpeechEngine

T = TypeVar("T")

BUFFER_ITEMS = 4
"""Items that a stream may be ahead of its reader."""


class Request(Protocol):
    """Something in the line of an `EngineThread`."""

    @property
    def scope(self) -> CancelScope:
        """Ends it."""
        ...

    def step(self, opened: Callable[[], SpeechEngine]) -> bool:
        """Do a piece of the work on this thread; return whether that was the last one."""
        ...

    def abandon(self) -> None:
        """It was cancelled before it began."""
        ...

    def add_done_callback(self, fn: Callable[[object], object], /) -> None:
        """Have `fn` called with the request when it has ended."""
        ...


class EngineRequest(Future[T]):
    """A result to come, of a call.

    `cancel` ends it within one token, and at once while it waits in line: it is then never run. So does cancelling a
    `CancelScope` in which the call was made.
    """

    def __init__(self, work: Callable[[SpeechEngine], T]) -> None:
        super().__init__()
        self._work = work
        self.scope = CancelScope()
        _follow_callers_scopes(self)

    def cancel(self) -> bool:
        """Ask for the end; `result()` then raises `gpa_mlx.errors.CancelledError`. False if it was done already."""
        was_done = self.done()
        self.scope.cancel()
        return not was_done

    def step(self, opened: Callable[[], SpeechEngine]) -> bool:
        """Do the work on this thread; what goes wrong belongs to whoever asks for the result."""
        try:
            result = Context().run(self._do, opened)
        except BaseException as error:  # noqa: BLE001
            self.set_exception(error)
        else:
            self.set_result(result)
        return True

    def abandon(self) -> None:
        """End with `CancelledError`."""
        with suppress(InvalidStateError):
            self.set_exception(CancelledError("Cancelled."))

    def _do(self, opened: Callable[[], SpeechEngine]) -> T:
        with cancellable(self.scope):
            check_cancelled()
            return self._work(opened())


class StreamRequest(Generic[T]):
    """The engine's side of a stream: a generator that is stepped on the thread while its buffer has room.

    Args:
        work: Makes the generator.
        lock: The thread's.
        others_wait: Whether other work waits for the thread.
        is_repeated: Of the item before (None: there is none) and an item, whether the reader can do without the latter.

    Attributes:
        used_s: Thread time so far, for a fair choice between streams.
    """

    def __init__(
        self,
        work: Callable[[SpeechEngine], Generator[T]],
        lock: threading.RLock,
        others_wait: Callable[[], bool],
        is_repeated: Callable[[T | None, T], bool] | None,
    ) -> None:
        self._work = work
        self._others_wait = others_wait
        self._is_repeated = is_repeated
        self._context = Context()
        self._generator: Generator[T] | None = None
        self._buffer: deque[T] = deque()
        self._last: T | None = None
        self._arrived = threading.Condition(lock)
        self._is_done = self._is_closed_by_reader = False
        self._error: BaseException | None = None
        self._on_done: list[Callable[[object], object]] = []
        self.used_s = 0.0
        self.scope = CancelScope()
        forget = self.scope.on_cancel(self._wake_reader)
        self.add_done_callback(lambda _: forget())
        _follow_callers_scopes(self)

    def add_done_callback(self, fn: Callable[[object], object], /) -> None:
        """Have `fn` called with the request when it has ended, at once if it has already."""
        with self._arrived:
            if not self._is_done:
                self._on_done.append(fn)
                return
        fn(self)

    # -- on the engine's thread ---------------------------------------------------------------------------------------

    @property
    def is_runnable(self) -> bool:
        """Whether a step makes sense now: there is room for an item, or it is to end."""
        return len(self._buffer) < BUFFER_ITEMS or self.scope.is_cancelled

    def step(self, opened: Callable[[], SpeechEngine]) -> bool:
        """Make one item, or end."""
        started = time.perf_counter()
        try:
            item = self._context.run(self._advance, opened)
        except StopIteration:
            return self._end(None)
        except BaseException as error:  # noqa: BLE001 - it belongs to the reader
            self._close_generator()
            return self._end(error)
        finally:
            self.used_s += time.perf_counter() - started
        self._hand_over(item)
        return False

    def abandon(self) -> None:
        """End without having begun."""
        self._end(CancelledError("Cancelled."))

    def _advance(self, opened: Callable[[], SpeechEngine]) -> T:
        self.scope.check()
        if self._generator is None:
            self._generator = self._in_scope(opened)
        return next(self._generator)

    def _in_scope(self, opened: Callable[[], SpeechEngine]) -> Generator[T]:
        """Run the work with its scope in force: entered once, for a generator may have set more inside."""
        with cancellable(self.scope), sharing_turns(self._others_wait):
            yield from self._work(opened())

    def _close_generator(self) -> None:
        generator, self._generator = self._generator, None
        if generator is not None:
            with suppress(BaseException):  # the first error is the one that counts
                self._context.run(generator.close)

    def _hand_over(self, item: T) -> None:
        with self._arrived:
            if self._is_repeated is not None and self._is_repeated(self._last, item):
                return
            self._last = item if self._is_repeated is not None else None
            if not self.scope.is_cancelled:
                self._buffer.append(item)
                self._arrived.notify_all()

    def _end(self, error: BaseException | None) -> bool:
        with self._arrived:
            self._error, self._is_done = error, True
            self._generator = self._last = None
            callbacks, self._on_done = self._on_done, []
            self._arrived.notify_all()
        for callback in callbacks:
            callback(self)
        return True

    def _wake_reader(self) -> None:
        with self._arrived:
            self._arrived.notify_all()

    # -- on the reader's thread ---------------------------------------------------------------------------------------

    def take(self) -> tuple[T, bool]:
        """Wait for the next item; return it, and whether the buffer was full.

        Raises:
            StopIteration: There is none.
            CancelledError: The stream was ended by a scope or with its thread.
            BaseException: What the work raised.
        """
        with self._arrived:
            while True:
                if self.scope.is_cancelled and not self._is_closed_by_reader:
                    self._buffer.clear()
                    self._is_closed_by_reader = True
                    raise CancelledError("Cancelled.")
                if self._buffer:
                    return self._buffer.popleft(), len(self._buffer) + 1 == BUFFER_ITEMS
                if self._is_done or self._is_closed_by_reader:
                    error, self._error = self._error, None
                    if error is None or self._is_closed_by_reader:
                        raise StopIteration
                    raise error
                self._arrived.wait()

    def close(self) -> None:
        """Have the work ended; what is in the buffer can still be taken."""
        with self._arrived:
            self._is_closed_by_reader = True
        self.scope.cancel()

    def forget(self) -> None:
        """Have the work ended; nobody reads any more."""
        self.close()
        self._buffer.clear()


def _follow_callers_scopes(request: Request) -> None:
    """Cancel a request with each scope this thread works in, until it has ended."""
    for outer in current_scopes():
        forget = outer.on_cancel(request.scope.cancel)
        request.add_done_callback(lambda _, forget=forget: forget())
