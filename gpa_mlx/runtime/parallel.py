"""Two networks at the same time on two CPU cores.

On the CPU, MLX does matrix products on all cores, and everything else on one thread per stream. One network after the
other therefore leaves the second core idle for a third of the time. Two threads with a stream each, and one core's
matrix products each, keep both busy: `tests/bench/compare_reference.py --only tokenise` measures it.

MLX stops queueing operations, on all streams, while about a hundred of them wait anywhere; a network that is far ahead
would so hold up the other. Networks therefore hand over their work in pieces, with `eval_barrier`.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import Context, ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.backend import blas_threads, leave_thread, mx, on_gpu, set_blas_threads
from gpa_mlx.runtime.cancellation import check_cancelled

A = TypeVar("A")
B = TypeVar("B")

_CORES = 2
"""With more of them the parallel matrix products of one network after the other catch up."""

_stop: ContextVar[threading.Event | None] = ContextVar("gpa_mlx_pair_stop", default=None)
_blas_is_ours = threading.Lock()


def eval_barrier(x: mx.array) -> mx.array:
    """Return `x`, evaluated if this thread is half of a pair: for networks to call every dozen operations.

    Raises:
        CancelledError: A surrounding `cancellable` scope is cancelled, or the other half has failed.
    """
    stop = _stop.get()
    if stop is not None:
        mx.eval(x)
        check_cancelled()
        if stop.is_set():
            raise CancelledError("Cancelled.")
    return x


def run_parallel(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Return the results of two computations that do not depend on each other, at the same time where that is faster.

    That is on a CPU on which OpenBLAS uses two threads. Elsewhere, and while another thread does so, it is one after
    the other.

    Args:
        first: Runs on this thread. Returns no unevaluated array.
        second: Runs on another thread then. The weights it uses are evaluated, and so is what it returns.

    Raises:
        CancelledError: A surrounding `cancellable` scope is cancelled.
        Exception: What either of the two raises; the other is then ended.
    """
    if on_gpu() or blas_threads() != _CORES or not _blas_is_ours.acquire(blocking=False):
        one = first()
        check_cancelled()
        return one, second()
    try:
        set_blas_threads(1)
        return _at_once(first, second)
    finally:
        set_blas_threads(_CORES)
        _blas_is_ours.release()


def _at_once(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    stop, context = threading.Event(), copy_context()
    context.run(_stop.set, stop)
    other: Future[B] = Future()
    other.add_done_callback(lambda done: stop.set() if not done.cancelled() and done.exception() else None)
    try:
        # Inside the block: an interrupt at any moment, also amidst this call, must end the other half.
        _second_thread.submit(context.copy(), second, other, stop)
        return context.run(first), other.result()
    except BaseException as error:
        stop.set()
        if not other.cancel():
            wait([other])
            if isinstance(error, CancelledError) and (cause := other.exception()) is not None:
                raise cause from None
        raise


class _SecondThread:
    """The thread of second networks, started with the first of them.

    There is one, and it lives as long as the process: MLX keeps a thread of its own for every thread that has used it,
    also when that has ended. Only one pair runs at a time, so nobody waits for it.

    The interpreter waits for it. A thread that is amidst MLX when the interpreter is taken down is ended by force as
    soon as it asks for the interpreter's lock; the C++ frames below it do not allow that, and the process aborts.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stop: threading.Event | None = None
        self._starting = threading.Lock()

    def submit(self, context: Context, work: Callable[[], B], result: Future[B], stop: threading.Event) -> None:
        """Have `work` done there.

        Args:
            context: To run it in; of its own.
            work: What to do.
            result: Gets what it returns or raises; nothing is done once this is cancelled.
            stop: Ends it at its next barrier.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="gpa-mlx second network", daemon=True)
                atexit.register(self._end)
                self._thread.start()
        self._stop = stop
        self._jobs.put(partial(_settle, context, work, result))

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # it holds the context, and that the arrays of the pair
        leave_thread()

    def _end(self) -> None:
        """End the thread at its next barrier, and wait for that."""
        if self._thread is None or not self._thread.is_alive():
            return
        if self._stop is not None:
            self._stop.set()
        self._jobs.put(None)
        self._thread.join()


_second_thread = _SecondThread()


def _settle(context: Context, work: Callable[[], B], result: Future[B]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        result.set_result(context.run(work))
    except BaseException as error:  # noqa: BLE001
        result.set_exception(error)
