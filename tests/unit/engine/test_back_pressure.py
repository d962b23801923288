"""Streams that share the engine's thread: readers that do not read, turns, order, and what closing frees."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from contextlib import closing

import numpy as np
import pytest

from gpa_mlx.engine.requests import BUFFER_ITEMS
from gpa_mlx.engine.shared import SharedEngine
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.errors import CancelledError, GPAError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable, check_cancelled, current_scopes
from gpa_mlx.runtime.turns import turn_wanted
from gpa_mlx.testing import FakeEngine
from gpa_mlx.types import LiveChunk


class Recorded:
    """Streams whose items and ends are written down, with the thread that made them."""

    def __init__(self):
        self.made, self.ended_on = [], []

    def stream(self, name, count=10**9, wait_s=0.0):
        def work(engine):
            try:
                for number in range(count):
                    check_cancelled()
                    time.sleep(wait_s)
                    self.made.append((name, number))
                    yield number
            finally:
                self.ended_on.append((name, threading.current_thread().name))

        return work

    def numbers(self, name):
        return [number for who, number in self.made if who == name]


@pytest.fixture
def thread():
    thread = EngineThread(FakeEngine)
    yield thread
    assert thread.close(timeout_s=5)


@pytest.fixture
def recorded():
    return Recorded()


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_reader_that_never_reads_stops_neither_calls_nor_streams(thread, recorded):
    unread = thread.stream(recorded.stream("unread"))
    until(lambda: recorded.numbers("unread"))
    assert thread.submit(lambda engine: 7).result(5) == 7
    assert list(thread.stream(recorded.stream("read", 100))) == list(range(100))
    assert list(thread.stream(recorded.stream("read again", 100))) == list(range(100))
    assert len(recorded.numbers("unread")) == BUFFER_ITEMS
    assert [next(unread) for _ in range(20)] == list(range(20))
    until(lambda: len(recorded.numbers("unread")) == 20 + BUFFER_ITEMS)


def test_many_unread_streams_are_parked_and_resumed_in_order(thread, recorded):
    streams = [thread.stream(recorded.stream(number, 50)) for number in range(20)]
    until(lambda: len(recorded.made) == 20 * BUFFER_ITEMS)
    assert [list(stream) for stream in streams] == [list(range(50))] * 20


def test_streams_begin_in_order_and_take_turns(thread, recorded):
    gate = threading.Event()
    thread.submit(lambda engine: gate.wait(5))
    first, second = (thread.stream(recorded.stream(name, 30, wait_s=0.001)) for name in ("first", "second"))
    results = {}
    readers = [
        threading.Thread(target=lambda name=name, stream=stream: results.update({name: list(stream)}))
        for name, stream in (("first", first), ("second", second))
    ]
    for reader in readers:
        reader.start()
    gate.set()
    for reader in readers:
        reader.join(5)
    assert results == {"first": list(range(30)), "second": list(range(30))}
    assert recorded.made[0] == ("first", 0)
    halfway = recorded.made[:30]
    assert 8 <= sum(name == "first" for name, _ in halfway) <= 22


def test_a_call_runs_between_two_items_of_a_stream_and_in_the_order_of_calls(thread, recorded):
    stream = thread.stream(recorded.stream("endless", wait_s=0.001))
    order = []
    reader = threading.Thread(target=lambda: [None for _ in stream])
    reader.start()
    calls = [thread.submit(lambda engine, number=number: order.append(number)) for number in range(10)]
    for call in calls:
        call.result(5)
    assert order == list(range(10))
    stream.close()
    reader.join(5)
    assert not reader.is_alive()


def test_a_stream_goes_on_between_calls_that_never_stop_coming(thread, recorded):
    stop = threading.Event()

    def call_for_ever():
        while not stop.is_set():
            thread.submit(lambda engine: time.sleep(0.001))
            thread.submit(lambda engine: time.sleep(0.001)).result(5)

    caller = threading.Thread(target=call_for_ever)
    caller.start()
    try:
        assert list(thread.stream(recorded.stream("some", 50))) == list(range(50))
    finally:
        stop.set()
        caller.join(5)


def test_closing_a_parked_stream_closes_its_generator_on_the_engines_thread(thread, recorded):
    stream = thread.stream(recorded.stream("parked"))
    until(lambda: len(recorded.made) == BUFFER_ITEMS)
    assert recorded.ended_on == []
    stream.close()
    until(lambda: recorded.ended_on == [("parked", "gpa-mlx engine")])
    assert list(stream) == list(range(BUFFER_ITEMS))


def test_a_parked_stream_that_nobody_holds_any_more_frees_what_it_held(thread):
    class Weight:
        pass

    held = []

    def work(engine):
        weight = Weight()
        held.append(weakref.ref(weight))
        while True:
            yield weight

    stream = thread.stream(work)
    next(stream)
    del stream
    assert thread.submit(lambda engine: 1).result(5) == 1
    until(lambda: gc.collect() >= 0 and held[0]() is None)


def test_closing_the_thread_ends_parked_streams_and_their_readers_hear_of_it(recorded):
    thread = EngineThread(FakeEngine)
    parked, waiting = thread.stream(recorded.stream("parked")), thread.stream(recorded.stream("waiting", wait_s=0.01))
    until(lambda: len(recorded.numbers("parked")) == BUFFER_ITEMS)
    failures = []

    def read():
        try:
            for _ in waiting:
                pass
        except CancelledError as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert thread.close(timeout_s=5)
    reader.join(5)
    assert len(failures) == 1
    assert {name for name, _ in recorded.ended_on} == {"parked", "waiting"}
    assert {where for _, where in recorded.ended_on} == {"gpa-mlx engine"}
    with pytest.raises(CancelledError):
        next(parked)
    assert list(parked) == []


def test_weights_stay_while_a_stream_is_parked():
    with EngineThread(FakeEngine, idle_unload_s=0.05) as thread:
        engine = thread.submit(lambda engine: engine).result(5)
        stream = thread.stream(lambda engine: iter_forever())
        next(stream)
        time.sleep(0.3)
        assert (engine.closed, thread.state) == (0, "idle")
        stream.close()
        until(lambda: engine.closed == 1)
        time.sleep(0.15)
        assert engine.closed == 1


def iter_forever():
    while True:
        yield 1


def test_a_call_in_line_ends_at_once_when_it_is_cancelled_and_never_runs(thread):
    gate, ran = threading.Event(), []
    running = thread.submit(lambda engine: gate.wait(5))
    waiting = thread.submit(lambda engine: ran.append(1))
    assert waiting.cancel()
    with pytest.raises(CancelledError):
        waiting.result(0)
    gate.set()
    assert running.result(5)
    assert thread.submit(lambda engine: 7).result(5) == 7
    assert ran == []
    assert not running.cancel()


def test_a_stream_in_line_ends_at_once_when_its_scope_is_cancelled_and_never_begins(thread, recorded):
    gate, scope = threading.Event(), CancelScope()
    running = thread.submit(lambda engine: gate.wait(5))
    with cancellable(scope):
        stream = thread.stream(recorded.stream("never"))
    scope.cancel()
    with pytest.raises(CancelledError):
        next(stream)
    assert list(stream) == []
    gate.set()
    assert running.result(5)
    thread.submit(lambda engine: 1).result(5)
    assert recorded.made == []


@pytest.mark.parametrize("level", ["inner", "outer"])
def test_the_callers_scopes_end_running_calls_and_streams(thread, recorded, level):
    scopes = {"outer": CancelScope(), "inner": CancelScope()}
    shared = SharedEngine(thread, owns_thread=False)
    began = threading.Event()

    def endless(engine):
        began.set()
        while True:
            check_cancelled()
            time.sleep(0.001)

    with cancellable(scopes["outer"]), cancellable(scopes["inner"]):
        stream = thread.stream(recorded.stream("some"))
        assert next(stream) == 0
        canceller = threading.Thread(target=lambda: (began.wait(5), scopes[level].cancel()))
        canceller.start()
        with pytest.raises(CancelledError):
            shared._ask(endless)
        with pytest.raises(CancelledError):
            next(stream)
    canceller.join()
    until(lambda: recorded.ended_on == [("some", "gpa-mlx engine")])


def test_scopes_are_left_alone_when_the_work_is_done(thread, recorded):
    scope = CancelScope()
    with cancellable(scope):
        call = thread.submit(lambda engine: 1)
        stream = thread.stream(recorded.stream("some", 3))
        assert (call.result(5), list(stream)) == (1, [0, 1, 2])
    until(lambda: not scope._callbacks)
    scope.cancel()
    assert call.result(0) == 1


def test_the_context_of_one_stream_is_not_that_of_another(thread):
    def work(engine):
        with cancellable(CancelScope()):
            for number in range(20):
                assert len(current_scopes()) == 2
                yield number

    def plain(engine):
        for number in range(20):
            assert len(current_scopes()) == 1
            yield number

    streams = [thread.stream(work), thread.stream(plain), thread.stream(work)]
    for pair in zip(*streams, strict=True):
        assert len(set(pair)) == 1
    assert thread.submit(lambda engine: len(current_scopes())).result(5) == 1


def test_a_stream_without_news_lets_others_have_the_thread(thread):
    """As live transcription of silence does; only turns that are wanted are given."""
    repeats = []

    def silent(engine):
        yield "begun"
        while True:
            check_cancelled()
            time.sleep(0.001)
            if turn_wanted():
                repeats.append(1)
                yield "begun"

    stream = thread.stream(silent, is_repeated=lambda before, item: before == item)
    assert next(stream) == "begun"
    time.sleep(0.05)
    assert repeats == []
    for number in range(3 * BUFFER_ITEMS):
        assert thread.submit(lambda engine, number=number: number).result(5) == number
    assert repeats
    with closing(stream):
        reader = threading.Timer(0.1, stream.close)
        reader.start()
        assert list(stream) == []


def test_a_live_stream_of_silence_does_not_stop_the_engine(recorded):
    class Live(FakeEngine):
        def stream_transcribe_live(self, blocks, *, options=None, vad=True):
            from gpa_mlx.audio.vad.segmenter import Segmenter
            from gpa_mlx.engine.local_agreement import follow

            yield from follow(blocks, Segmenter(max_duration_s=30.0, vad=None, is_live=True), None)
            yield LiveChunk(finish_reason="no_speech")

        def make_voice(self, audio, *, name, channels="speech"):
            return name

    ended = threading.Event()

    def blocks():
        while not ended.is_set():
            check_cancelled()
            time.sleep(0.01)
            yield np.zeros(0, dtype=np.float32)

    with SharedEngine(EngineThread(Live)) as engine:
        live = engine.stream_transcribe_live(blocks())
        assert [engine.make_voice(None, name=name) for name in "abcdefgh"] == list("abcdefgh")
        ended.set()
        assert [chunk.finish_reason for chunk in live] == ["no_speech"]


def test_a_shared_engine_does_not_close_a_thread_that_is_not_its_own(thread):
    with SharedEngine(thread, owns_thread=False):
        pass
    assert thread.submit(lambda engine: 1).result(5) == 1
    SharedEngine(thread).close()
    with pytest.raises(GPAError, match="closed"):
        thread.submit(lambda engine: 1)
