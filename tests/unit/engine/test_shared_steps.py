"""Streams that are asked for at the same time are one batch from their beginning, and say what each says alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.engine.shared import SharedEngine
from gpa_mlx.engine.thread import EngineThread
from gpa_mlx.lm.pool import DecodingPool

TOKENS = 40
STREAMS = 4


@pytest.fixture
def thread(converted_small_a):
    """The small model on a thread of its own."""
    with EngineThread(lambda: gpa_mlx.load(converted_small_a)) as thread:
        yield thread


@pytest.fixture
def rows(monkeypatch):
    """How many sequences shared each step."""
    counted: list[int] = []
    advance = DecodingPool.advance

    def counting(pool: DecodingPool) -> None:
        counted.append(len(pool._batch))
        advance(pool)

    monkeypatch.setattr(DecodingPool, "advance", counting)
    return counted


def all_at_once(thread, calls):
    """Have several calls wait in line before the first begins; return their results."""
    go = threading.Event()
    thread.submit(lambda _: go.wait(60))
    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(call) for call in calls]
        while len(thread._line) < len(calls):
            pass
        go.set()
        return [one.result(120) for one in running]


def test_speech_that_begins_together_shares_its_steps(thread, rows, golden_audio):
    engine = SharedEngine(thread, owns_thread=False)
    voice = engine.make_voice(golden_audio("rms"), name="rms")
    options = replace(engine.default_options("speak"), max_tokens=TOKENS, temperature=0.0)
    texts = ["the first", "the second one", "a third", "the last of all"]

    def say(text):
        try:
            return engine.speak(text, voice=voice, options=options)
        except Exception as error:
            return repr(error)

    alone = [say(text) for text in texts]
    steps_alone = len(rows)
    rows.clear()
    together = all_at_once(thread, [lambda text=text: say(text) for text in texts])
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, str):
            assert one == other
        else:
            assert np.array_equal(one.codes, other.codes)
    assert steps_alone > 2 * TOKENS, "the texts are too short to tell"
    assert len(rows) < steps_alone / 2
    assert max(rows) == STREAMS


def test_a_stream_that_gives_a_turn_gives_its_reader_nothing(thread, golden_audio):
    engine = SharedEngine(thread, owns_thread=False)
    voice = engine.make_voice(golden_audio("rms"), name="rms")
    options = replace(engine.default_options("speak"), max_tokens=TOKENS, seed=1)

    def pieces():
        return list(engine.stream_speak("some words", voice=voice, options=options))

    for chunks in all_at_once(thread, [pieces] * STREAMS):
        assert all(len(chunk.audio) for chunk in chunks[:-1])
        assert [chunk.finish_reason is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_transcriptions_that_begin_together_share_their_steps(thread, rows, golden_audio):
    engine = SharedEngine(thread, owns_thread=False)
    options = replace(engine.default_options("transcribe"), max_tokens=TOKENS)

    def text():
        return engine.transcribe(golden_audio("rms"), options=options, vad=False)

    alone = text()
    steps_alone = len(rows)
    rows.clear()
    together = all_at_once(thread, [text] * STREAMS)
    assert {one.text for one in together} == {alone.text}
    assert len(rows) < 2 * steps_alone
