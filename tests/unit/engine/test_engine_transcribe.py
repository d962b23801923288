"""How the engine hears long recordings: loops, batches, confidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gpa_mlx
from gpa_mlx.engine.transcriber import Transcriber
from gpa_mlx.errors import SettingsError
from gpa_mlx.lm.generate import Token
from gpa_mlx.lm.pool import DecodingPool
from gpa_mlx.types import GenerationOptions

GREEDY = GenerationOptions(max_tokens=24)


@pytest.fixture(scope="module")
def gpa(converted_small_a):
    with gpa_mlx.load(converted_small_a) as model:
        yield model


@pytest.fixture
def script(monkeypatch, gpa):
    """Let the language model write given texts, one per hearing; `*` at the end repeats the last word for ever."""

    def install(*texts):
        hearings = iter(texts)
        asked = []

        def begin(pool, request, head):
            asked.append(len(request.prompt))
            text = next(hearings)
            start, _, last = text.removesuffix("*").rpartition(" ")
            ids = gpa._parts.text.encode(start) if text.endswith("*") else gpa._parts.text.encode(text)
            yield from (Token(i, math.log(0.5)) for i in ids)
            while text.endswith("*"):
                yield from (Token(i, math.log(0.5)) for i in gpa._parts.text.encode(" " + last))
            yield Token(gpa._parts.layout.im_end, math.log(0.5))

        monkeypatch.setattr(DecodingPool, "begin", begin)
        return asked

    return install


def test_a_loop_is_heard_again_in_two_pieces(gpa, script, golden_audio):
    asked = script("so it goes and goes*", "so it goes", "and ends")
    result = gpa.transcribe(golden_audio("slt"))
    assert result.text == "so it goes and ends"
    assert result.finish_reason == "stop"
    assert result.segments[0].doubtful
    whole, first, second = asked
    assert 0.2 * whole < first < 0.8 * whole
    assert 0.2 * whole < second < 0.8 * whole


def test_the_stream_takes_back_what_it_said(gpa, script, golden_audio):
    script("so it goes and goes*", "so it goes", "and ends")
    text = ""
    for chunk in gpa.stream_transcribe(golden_audio("slt")):
        text = chunk.text if chunk.restarts else text + chunk.text
    assert text == "so it goes and ends"


def test_a_loop_that_stays_is_cut_where_it_begins_and_says_so(gpa, script, golden_audio):
    script("so it goes and goes*", "so it goes*", "and ends and ends*")
    result = gpa.transcribe(golden_audio("slt"))
    assert result.finish_reason == result.segments[0].finish_reason == "loop"
    assert result.text == "so it goes and ends and ends"


def test_confidence_is_the_mean_probability(gpa, script, golden_audio):
    script("so it goes")
    assert gpa.transcribe(golden_audio("slt")).segments[0].confidence == pytest.approx(0.5)


def test_confidence_comes_from_the_model(gpa, golden_audio):
    (segment,) = gpa.transcribe(golden_audio("slt"), options=GREEDY, vad=False).segments
    assert 0 < segment.confidence < 1
    assert not segment.doubtful


@pytest.fixture(scope="module")
def long_recording(gpa):
    """Noise in bursts, several segments of it, each of five seconds at most."""
    rng = np.random.default_rng(0)
    time_s = np.arange(28 * 16_000) / 16_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transcriber, "max_segment_s", 5.0)
        yield rng.normal(0, 0.1, len(time_s)) * (np.sin(2 * np.pi * 2.5 * time_s) > -0.5), 16_000


@pytest.fixture(scope="module")
def one_by_one(gpa, long_recording):
    return gpa.transcribe(long_recording, options=GREEDY)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [2, 8])
def test_a_batch_hears_the_same(gpa, long_recording, one_by_one, batch):
    together = gpa.transcribe(long_recording, options=GREEDY, batch=batch)
    assert len(together.segments) > 3
    assert together.text == one_by_one.text
    for ours, alone in zip(together.segments, one_by_one.segments, strict=True):
        assert (ours.start_s, ours.end_s, ours.text, ours.finish_reason) == (
            alone.start_s,
            alone.end_s,
            alone.text,
            alone.finish_reason,
        )
        assert ours.confidence == pytest.approx(alone.confidence, rel=1e-3)
    assert together.timings.generated_tokens >= one_by_one.timings.generated_tokens
    assert together.timings.prompt_tokens == one_by_one.timings.prompt_tokens


def test_a_batch_of_nothing_is_refused_at_the_call(gpa, golden_audio):
    with pytest.raises(SettingsError):
        gpa.stream_transcribe(golden_audio("slt"), batch=0)
