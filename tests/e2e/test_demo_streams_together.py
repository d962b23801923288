"""Tasks that run at the same time share their steps, and each gives what it gives alone."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.lm.batch import Batch
from gpa_mlx.types import GenerationOptions, Voice

SPEECH = {"temperature": 0.2, "repetition_penalty": 1.2, "max_tokens": 60}


@pytest.fixture(scope="module")
def engine(converted_small_a):
    with gpa_mlx.load(converted_small_a) as engine:
        yield engine


def streams(engine, golden_audio):
    voice = Voice(name="a", global_tokens=tuple(range(32)))
    return [
        engine.stream_speak("good morning", voice=voice, options=GenerationOptions(seed=3, **SPEECH)),
        engine.stream_speak("hello", voice=voice, options=GenerationOptions(seed=4, **SPEECH)),
        engine.stream_transcribe(golden_audio("slt"), vad=False, options=GenerationOptions(max_tokens=40)),
        engine.stream_convert_voice(golden_audio("rms"), voice=voice, options=GenerationOptions(seed=5, **SPEECH)),
    ]


def whole(chunks):
    """Text, codes and sound of a stream."""
    if hasattr(chunks[0], "text"):
        return "".join(chunk.text for chunk in chunks)
    return np.concatenate([chunk.codes for chunk in chunks]), np.concatenate([chunk.audio for chunk in chunks])


def test_speech_conversion_and_transcription_together(engine, golden_audio, monkeypatch):
    steps = []
    step = Batch.step
    monkeypatch.setattr(Batch, "step", lambda batch: steps.append(len(batch)) or step(batch))
    alone = [whole(list(stream)) for stream in streams(engine, golden_audio)]
    apart = len(steps)
    steps.clear()
    turns = zip_longest(*streams(engine, golden_audio))
    together = [whole([item for item in column if item is not None]) for column in zip(*turns, strict=True)]
    assert max(steps) >= 3  # a stream begins with its first turn
    assert len(steps) < 0.9 * apart
    for found, expected in zip(together, alone, strict=True):
        if isinstance(expected, str):
            assert found == expected
        else:
            assert np.array_equal(found[0], expected[0])
            assert np.array_equal(found[1], expected[1])
