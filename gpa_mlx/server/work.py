"""Jobs of many clients: each runs on a thread of its own, its events are read on the event loop, bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.server.errors import ApiError

if TYPE_CHECKING:
    from gpa_mlx.server.options import Limits

E = TypeVar("E")

_ROOM = 8
"""Events that a job may be ahead of its reader."""

_RETRY_AFTER_S = 2


class Work(Generic[E]):
    """A job that runs: an asynchronous iterator of its events; closing it cancels the job within a token.

    Args:
        start: Makes the generator of events; called on the job's thread.
        pool: Whose threads run jobs.
        stall_s: How long the reader may take no event.
    """

    def __init__(self, start: Callable[[], Generator[E]], pool: ThreadPoolExecutor, stall_s: float) -> None:
        self._start, self._stall_s = start, stall_s
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[E | BaseException] = asyncio.Queue()
        self._room = threading.Semaphore(_ROOM)
        self._is_over = False
        self.scope = CancelScope()
        self.scope.on_cancel(self._room.release)
        self.ended = self._loop.run_in_executor(pool, self._run)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        """Return the next event; raise what the job raised."""
        if self._is_over:
            raise StopAsyncIteration
        item = await self._items.get()
        self._room.release()
        if isinstance(item, BaseException):
            self._is_over = True
            if isinstance(item, StopAsyncIteration):
                raise StopAsyncIteration
            raise item
        return item

    def close(self) -> None:
        """End the job; nobody reads any more."""
        self._is_over = True
        self.scope.cancel()

    def _run(self) -> None:
        end: BaseException = StopAsyncIteration()
        try:
            with cancellable(self.scope), closing(self._start()) as events:
                for event in events:
                    self._hand_over(event)
        except BaseException as error:  # noqa: BLE001 - it belongs to the reader
            end = error
        self._put(end)

    def _hand_over(self, event: E) -> None:
        if not self._room.acquire(timeout=self._stall_s):
            self.scope.cancel()
        self.scope.check()
        self._put(event)

    def _put(self, item: E | BaseException) -> None:
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError as error:  # the loop is closed: the server has ended
            raise CancelledError("Cancelled.") from error


class JobRunner:
    """Admits jobs: so many run, so many wait, and the next client is asked to come again.

    Args:
        limits: How many.

    Attributes:
        running: Jobs that run.
        waiting: Jobs that wait.
        is_draining: No job is taken any more.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.running, thread_name_prefix="gpa-mlx job")
        self._free = asyncio.Semaphore(limits.running)
        self._works: set[Work[Any]] = set()
        self.running = self.waiting = 0
        self.is_draining = False

    @asynccontextmanager
    async def run(self, start: Callable[[], Generator[E]]) -> AsyncIterator[Work[E]]:
        """Run a job while the block lasts; leaving the block ends it.

        Args:
            start: Makes the generator of its events, on a thread.

        Raises:
            ApiError: Too many wait, or the server ends.
        """
        if self.is_draining:
            raise ApiError(503, "The server is ending.", code="draining", retry_after_s=_RETRY_AFTER_S)
        if self._free.locked() and self.waiting >= self._limits.waiting:
            message = f"{self.running} jobs run and {self.waiting} wait. Try again in a moment."
            raise ApiError(429, message, code="too_many_requests", retry_after_s=_RETRY_AFTER_S)
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        work = Work(start, self._pool, self._limits.stall_s)
        self._works.add(work)
        work.ended.add_done_callback(lambda _: self._ended(work))
        try:
            yield work
        finally:
            work.close()

    async def ask(self, question: Callable[[], E]) -> E:
        """Return the result of a job that has no events."""

        def once() -> Generator[E]:
            yield question()

        async with self.run(once) as work:
            return await anext(work)

    async def drain(self) -> None:
        """Take no more jobs, let those that run end, and cancel what takes too long."""
        self.is_draining = True
        running = {work.ended for work in self._works}
        if running:
            _, late = await asyncio.wait(running, timeout=self._limits.drain_s)
            for work in list(self._works):
                work.close()
            if late:
                await asyncio.wait(late, timeout=self._limits.drain_s)
        self._pool.shutdown(wait=False)

    def _ended(self, work: Work[Any]) -> None:
        self._works.discard(work)
        self.running -= 1
        self._free.release()
