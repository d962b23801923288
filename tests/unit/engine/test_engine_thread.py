"""The engine's thread: order, cancelling, errors, unloading, many callers, and leaving MLX behind cleanly."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gpa_mlx.engine.shared import load_shared
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.errors import CancelledError, GPAError, ModelNotFoundError
from gpa_mlx.model import demo
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.testing import FakeEngine
from gpa_mlx.types import GenerationOptions


class Engine(FakeEngine):
    """Knows the thread that made it."""

    def __init__(self):
        super().__init__()
        self.thread = threading.current_thread()


def working(engine):
    """A task without end that can be cancelled, as generation can."""
    while True:
        check_cancelled()
        time.sleep(0.001)


def counting(engine):
    for number in range(1000):
        check_cancelled()
        yield number


@pytest.fixture
def thread():
    thread = EngineThread(Engine)
    yield thread
    assert thread.close(timeout_s=5)


def test_jobs_run_in_order_on_one_thread_that_is_not_the_callers(thread):
    jobs = [thread.submit(lambda engine, n=n: (n, threading.current_thread(), engine)) for n in range(5)]
    results = [job.result(5) for job in jobs]
    assert [n for n, _, _ in results] == list(range(5))
    assert {where for _, where, _ in results} == {results[0][2].thread}
    assert results[0][1] is not threading.current_thread()


def test_an_error_belongs_to_its_job_and_the_next_job_runs(thread):
    failing = thread.submit(lambda engine: 1 / 0)
    assert thread.submit(lambda engine: 7).result(5) == 7
    with pytest.raises(ZeroDivisionError):
        failing.result(5)


def test_a_model_that_does_not_open_is_tried_again():
    attempts = []

    def open_engine():
        attempts.append(1)
        if len(attempts) == 1:
            raise ModelNotFoundError("nothing there")
        return Engine()

    with EngineThread(open_engine) as thread:
        with pytest.raises(ModelNotFoundError):
            thread.submit(lambda engine: 1).result(5)
        assert thread.submit(lambda engine: 1).result(5) == 1
    assert len(attempts) == 2


def test_cancelling_ends_running_and_waiting_work(thread):
    running, waiting = thread.submit(working), thread.submit(working)
    time.sleep(0.05)
    waiting.cancel()
    started = time.monotonic()
    running.cancel()
    for job in (running, waiting):
        with pytest.raises(CancelledError):
            job.result(5)
    assert time.monotonic() - started < 1


def test_a_stream_gives_everything_in_order(thread):
    assert list(thread.stream(counting)) == list(range(1000))


def test_a_stream_is_not_far_ahead_of_its_consumer(thread):
    made = []

    def making(engine):
        for number in range(100):
            made.append(number)
            yield number

    stream = thread.stream(making)
    assert next(stream) == 0
    time.sleep(0.2)
    assert len(made) < 10
    assert list(stream) == list(range(1, 100))


def test_closing_a_stream_frees_the_thread_even_before_the_first_item(thread):
    def endless(engine):
        yield from iter(int, 1)

    thread.stream(endless).close()
    some = thread.stream(endless)
    next(some)
    some.close()
    forgotten = thread.stream(endless)
    del forgotten
    assert thread.submit(lambda engine: 1).result(5) == 1


def test_closing_from_another_thread_ends_the_consumers_loop(thread):
    def one_then_work(engine):
        yield 1
        working(engine)

    stream = thread.stream(one_then_work)
    timer = threading.Timer(0.1, stream.close)
    timer.start()
    assert list(stream) == [1]


def test_an_error_inside_a_stream_comes_after_the_items_before_it(thread):
    def failing(engine):
        yield 1
        raise GPAError("broken")

    stream = thread.stream(failing)
    assert next(stream) == 1
    with pytest.raises(GPAError, match="broken"):
        next(stream)


def test_weights_are_freed_after_idling_and_the_engine_is_used_again():
    with EngineThread(Engine, idle_unload_s=0.1) as thread:
        engine = thread.submit(lambda engine: engine).result(5)
        time.sleep(0.4)
        assert engine.closed == 1
        assert thread.submit(lambda engine: engine).result(5) is engine


def test_closing_cancels_everything_and_refuses_new_work():
    thread = EngineThread(Engine)
    engine = thread.submit(lambda engine: engine).result(5)
    jobs = [thread.submit(working) for _ in range(3)]
    assert thread.close(timeout_s=5)
    assert thread.state == "closed"
    assert engine.closed == 1
    for job in jobs:
        with pytest.raises(CancelledError):
            job.result(1)
    with pytest.raises(GPAError, match="closed"):
        thread.submit(lambda engine: 1)


def test_a_thread_that_never_worked_closes():
    assert EngineThread(Engine).close(timeout_s=1)


@pytest.fixture(scope="module")
def demo_engine():
    with load_shared(demo.demo_model()) as engine:
        yield engine


def test_a_model_that_is_not_there_is_refused_at_once(tmp_path):
    before = threading.active_count()
    with pytest.raises(ModelNotFoundError):
        load_shared(tmp_path / "nothing")
    assert threading.active_count() == before


@pytest.mark.slow
def test_eight_threads_get_what_one_gets(demo_engine):
    voices = demo.demo_voices()
    samples = [(sample.file, sample.text) for sample in demo.demo_samples()[:4]]
    options = GenerationOptions(temperature=0.2, seed=5)

    def speak(number):
        return demo_engine.speak("one two", voice=voices[number % len(voices)], options=options).codes.tolist()

    serial = [demo_engine.transcribe(file).text for file, _ in samples], [speak(n) for n in range(4)]
    with ThreadPoolExecutor(8) as pool:
        heard = [pool.submit(demo_engine.transcribe, file) for file, _ in samples]
        spoken = [pool.submit(speak, number) for number in range(4)]
        assert ([job.result().text for job in heard], [job.result() for job in spoken]) == serial
    assert serial[0] == [text for _, text in samples]


def test_speech_is_cancelled_within_a_token(demo_engine):
    voice = demo.demo_voices()[0]
    stream = demo_engine.stream_speak("one two three", voice=voice)
    started = time.monotonic()
    stream.close()
    assert demo_engine.max_segment_s > 0
    assert demo_engine.reference_s == 2
    assert time.monotonic() - started < 1


@pytest.mark.slow
def test_a_program_that_used_the_thread_ends_with_status_0():
    code = """
from gpa_mlx.model import demo
from gpa_mlx.engine.gpa import load
from gpa_mlx.engine.thread import EngineThread
thread = EngineThread(lambda: load(demo.demo_model()))
print(thread.submit(lambda gpa: gpa.transcribe(demo.demo_samples()[0].file).text).result())
assert thread.close(5)
"""
    for _ in range(3):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
