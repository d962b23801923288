"""Two networks at the same time on two CPU cores.

On the CPU, MLX does matrix products on all cores, and everything else on one thread per stream. One network after the
other therefore leaves the second core idle for a third of the time. Two threads with a stream each, and one core's
matrix products each, keep both busy: `tests/bench/compare_reference.py --only tokenise` measures it.

MLX stops queueing operations, on all streams, while about a hundred of them wait anywhere; a network that is far ahead
would so hold up the other. Networks therefore hand over their work in pieces, with `eval_barrier`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import Context, ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.backend import blas_threads, mx, set_blas_threads
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
    if (
        mx.default_device() != mx.Device(mx.cpu)
        or blas_threads() != _CORES
        or not _blas_is_ours.acquire(blocking=False)
    ):
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
    other = _second_thread.submit(context.copy(), second)
    other.add_done_callback(lambda done: stop.set() if done.exception() else None)
    try:
        return context.run(first), other.result()
    except BaseException as error:
        stop.set()
        wait([other])
        if isinstance(error, CancelledError) and (cause := other.exception()) is not None:
            raise cause from None
        raise


class _SecondThread:
    """The thread of second networks, started with the first of them.

    There is one, and it lives as long as the process: MLX keeps a thread of its own for every thread that has used it,
    also when that has ended. Only one pair runs at a time, so nobody waits for it.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._is_running = False
        self._starting = threading.Lock()

    def submit(self, context: Context, work: Callable[[], B]) -> Future[B]:
        """Have `work` done there, in a context of its own."""
        with self._starting:
            if not self._is_running:
                threading.Thread(target=self._serve, name="gpa-mlx second network", daemon=True).start()
                self._is_running = True
        future: Future[B] = Future()
        self._jobs.put(partial(_settle, context, work, future))
        return future

    def _serve(self) -> None:
        while True:
            self._jobs.get()()


_second_thread = _SecondThread()


def _settle(context: Context, work: Callable[[], B], future: Future[B]) -> None:
    try:
        future.set_result(context.run(work))
    except BaseException as error:  # noqa: BLE001
        future.set_exception(error)
