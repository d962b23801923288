from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.synthesis.failure_detector import LOOP_CODES, LOOP_PERIOD_CODES, SILENCE_S, FailureDetector, code_budget
from gpa_mlx.types import SAMPLE_RATE_HZ, SpeechChunk

RNG = np.random.default_rng(0)
SPEECH_CODES = RNG.integers(0, 8192, 4000).astype(np.int32)


def chunks(codes, audio=None, size=37):
    """Cut codes and their samples into chunks."""
    codes = np.asarray(codes, dtype=np.int32)
    audio = RNG.normal(0, 0.1, 320 * len(codes)).astype(np.float32) if audio is None else audio
    for start in range(0, len(codes), size):
        stop = start + size
        yield SpeechChunk(audio=audio[320 * start : 320 * stop], sample_rate=SAMPLE_RATE_HZ, codes=codes[start:stop])


def found(pieces):
    detector = FailureDetector()
    return next((failure for piece in pieces if (failure := detector.push(piece))), None)


@pytest.mark.parametrize("size", [1, 10, 37, 400])
def test_speech_is_left_alone(size):
    assert found(chunks(SPEECH_CODES, size=size)) is None


@pytest.mark.parametrize("size", [1, 10, 100, 600])
@pytest.mark.parametrize("period", [1, 2, 7, LOOP_PERIOD_CODES])
def test_a_loop_is_found_wherever_it_is_cut(period, size):
    loop = np.tile(SPEECH_CODES[:period], 400)[: LOOP_CODES + period]
    assert found(chunks([*SPEECH_CODES[:90], *loop], size=size)) == "loop"
    assert found(chunks([*SPEECH_CODES[:90], *loop, *SPEECH_CODES[:300]], size=size)) == "loop"


def test_a_sound_held_for_two_seconds_is_no_loop():
    assert found(chunks([*SPEECH_CODES[:90], *[5] * 100, *SPEECH_CODES[:300]])) is None


@pytest.mark.parametrize(("seconds", "expected"), [(SILENCE_S - 0.3, None), (SILENCE_S + 0.3, "silence")])
def test_a_long_silence_is_found(seconds, expected):
    audio = RNG.normal(0, 0.1, 320 * 400).astype(np.float32)
    audio[8000 : 8000 + int(seconds * SAMPLE_RATE_HZ)] *= 1e-3
    assert found(chunks(SPEECH_CODES[:400], audio)) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("The quick brown fox jumps over the lazy dog.", 3.5),
        ("我们今天去公园散步，天气很好。", 4.0),
        ("9781 4028 9462", 6.5),
        ("no", 0.5),
    ],
)
def test_the_budget_is_ample_and_not_boundless(text, seconds):
    assert 1.5 * seconds * 50 <= code_budget(text) <= 4 * seconds * 50 + 150
