"""Two networks at the same time: same results, both cores, clean ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from gpa_mlx.errors import CancelledError, GPAError
from gpa_mlx.runtime import backend, parallel
from gpa_mlx.runtime.backend import BLAS_LIBRARY, blas_threads, mx, set_blas_threads
from gpa_mlx.runtime.cancellation import CancelScope, cancellable
from gpa_mlx.runtime.parallel import eval_barrier, run_parallel

needs_openblas = pytest.mark.skipif(
    BLAS_LIBRARY is None or mx.default_device() != mx.Device(mx.cpu), reason="pairs run on the CPU with OpenBLAS"
)


@pytest.fixture
def two_threads():
    """OpenBLAS with two threads, whatever the machine has."""
    before = blas_threads()
    set_blas_threads(2)
    yield
    set_blas_threads(before)


def endless(began: threading.Event | None = None):
    """Do small pieces of work until somebody ends it."""
    x = mx.ones((4, 4))
    while True:
        x = eval_barrier(mx.tanh(x))
        if began is not None:
            began.set()


@needs_openblas
def test_both_run_at_the_same_time_with_one_blas_thread_each(two_threads):
    meeting = threading.Barrier(2, timeout=10)

    def work(value):
        meeting.wait()
        return value, blas_threads(), np.array(eval_barrier(mx.arange(3) + value)).tolist()

    assert run_parallel(lambda: work(1), lambda: work(2)) == ((1, 1, [1, 2, 3]), (2, 1, [2, 3, 4]))
    assert blas_threads() == 2


@pytest.mark.parametrize("why", ["one thread", "four threads", "no OpenBLAS", "a GPU"])
def test_elsewhere_one_comes_after_the_other_on_this_thread(why, monkeypatch, request):
    if why == "no OpenBLAS":
        monkeypatch.setattr(backend, "_blas", None)
    elif why == "a GPU":
        monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    elif BLAS_LIBRARY is None:
        pytest.skip("no OpenBLAS on this machine")
    else:
        request.getfixturevalue("two_threads")
        set_blas_threads(1 if why == "one thread" else 4)
    order = []

    def work(name):
        order.append((name, threading.current_thread()))
        return name

    assert run_parallel(lambda: work("first"), lambda: work("second")) == ("first", "second")
    assert order == [("first", threading.current_thread()), ("second", threading.current_thread())]


@needs_openblas
def test_what_goes_wrong_in_the_second_ends_the_first(two_threads):
    began = threading.Event()

    def fails():
        began.wait(10)
        raise GPAError("out of codes")

    with pytest.raises(GPAError, match="out of codes"):
        run_parallel(lambda: endless(began), fails)
    assert blas_threads() == 2


@needs_openblas
def test_what_goes_wrong_in_the_first_ends_the_second(two_threads):
    began = threading.Event()

    def fails():
        began.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_parallel(fails, lambda: endless(began))
    assert blas_threads() == 2


@needs_openblas
def test_cancelling_ends_both(two_threads):
    scope, began = CancelScope(), threading.Event()

    def run():
        began.wait(10)
        scope.cancel()

    canceller = threading.Thread(target=run)
    canceller.start()
    with cancellable(scope), pytest.raises(CancelledError):
        run_parallel(endless, lambda: endless(began))
    canceller.join()
    assert blas_threads() == 2


@needs_openblas
def test_a_second_pair_waits_for_nobody(two_threads):
    """Engines on two threads: the pair that comes second does its halves one after the other."""
    inner = threading.Barrier(2, timeout=10)
    seen = []

    def other_engine():
        seen.append(run_parallel(lambda: threading.current_thread(), lambda: threading.current_thread()))

    def first():
        inner.wait()
        thread = threading.Thread(target=other_engine)
        thread.start()
        thread.join(10)
        return thread

    thread, _ = run_parallel(first, inner.wait)
    assert seen == [(thread, thread)]
    assert blas_threads() == 2


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in Linux's /proc")
@needs_openblas
def test_pairs_leave_no_threads_behind(two_threads):
    """MLX keeps a thread for every thread that has used it: one per pair would add up."""

    def work():
        return np.array(eval_barrier(mx.ones(3) + 1)).sum()

    def threads():
        run_parallel(work, work)
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    assert [threads() for _ in range(10)] == [before] * 10


INTERRUPTED_TWICE = """
import signal, sys, threading
from gpa_mlx.runtime.backend import mx, set_blas_threads
from gpa_mlx.runtime.parallel import eval_barrier, run_parallel

began = threading.Event()

def interrupt(number, frame):
    raise KeyboardInterrupt

def first():
    began.wait(20)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.05)
    threading.Event().wait()

def second():
    x = mx.ones((1500, 1500))
    while True:
        began.set()
        x = eval_barrier(mx.tanh(mx.tanh(x @ x) @ x))

signal.signal(signal.SIGALRM, interrupt)
set_blas_threads(2)
try:
    run_parallel(first, second)
except KeyboardInterrupt:
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.exit(130)
"""


@pytest.mark.slow
@needs_openblas
def test_the_interpreter_waits_for_the_second_thread():
    """The second interrupt comes while the first waits for that thread, which is in the midst of a matrix product."""
    ends = [subprocess.run([sys.executable, "-c", INTERRUPTED_TWICE], check=False, timeout=60) for _ in range(3)]
    assert [end.returncode for end in ends] == [130] * 3


def test_outside_a_pair_nothing_is_evaluated():
    assert parallel._stop.get() is None
    lazy = mx.ones((2, 2)) + 1
    assert eval_barrier(lazy) is lazy


@pytest.mark.slow
@needs_openblas
def test_codes_do_not_depend_on_it(two_threads, converted_small_a, golden_audio):
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.model.families.gpa.family import GPAModel

    def codes():
        tokens = GPA(GPAModel(converted_small_a)).tokenize(golden_audio("slt"))
        return tokens.glm.tolist(), tokens.semantic.tolist()

    together = codes()
    set_blas_threads(1)
    assert codes() == together
