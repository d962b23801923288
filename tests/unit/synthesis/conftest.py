from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gpa_mlx.errors import NoSpeechError
from gpa_mlx.types import SAMPLE_RATE_HZ, SpeechChunk, Timings, Transcription, Voice


def finished(text):
    return Transcription(text=text, segments=(), finish_reason="stop", timings=Timings())


class ScriptedEngine:
    """Says a text as noise, 3 codes a character; `script` maps what is said to how its attempts end, in turn.

    `well`, `length`, `loop`, `silence`, `nothing`, `mumble` (ends well, is heard wrongly) or `quiet` (half as loud).
    """

    max_segment_s = 30.0

    def __init__(self, script=None):
        self.script = script or {}
        self.calls = []
        self.lookaheads = []
        self.closed = 0
        self._turns = Counter()
        self._heard = {}

    def stream_speak(self, text, *, voice, options=None, lookahead=None):
        self.lookaheads.append(lookahead)
        return self._say(text, options)

    def stream_convert_voice(self, audio, *, voice, options=None, lookahead=None):
        self.lookaheads.append(lookahead)
        return self._say(str(len(audio[0])), options, codes=len(audio[0]) // 320)

    def transcribe(self, audio, *, options=None, vad=True):
        return finished(self._heard.get(np.abs(audio[0]).sum(), "source"))

    def _say(self, text, options, codes=None):
        ends = self.script.get(text, ["well"])
        end = ends[min(self._turns[text], len(ends) - 1)]
        self._turns[text] += 1
        self.calls.append((text, options.seed, options.max_tokens))
        if end == "nothing":
            raise NoSpeechError("nothing")
        yield from self._chunks(
            text, end, np.random.default_rng([options.seed or 0, len(text)]), codes or 3 * len(text)
        )

    def _chunks(self, text, end, rng, count):
        codes = rng.integers(0, 4096, count)
        if end == "loop":
            codes = np.concatenate([codes, np.full(400, 7)])
        audio = rng.normal(0, 0.1 if end == "quiet" else 0.2, 320 * len(codes)).clip(-0.9, 0.9).astype(np.float32)
        if end == "silence":
            codes = np.concatenate([codes, rng.integers(0, 4096, 400)])
            audio = np.concatenate([audio, np.zeros(320 * 400, dtype=np.float32)])
        self._heard[np.abs(audio).sum()] = "something else entirely" if end == "mumble" else text
        try:
            for start in range(0, len(codes), 25):
                last = start + 25 >= len(codes)
                yield SpeechChunk(
                    audio=audio[320 * start : 320 * (start + 25)],
                    sample_rate=SAMPLE_RATE_HZ,
                    codes=codes[start : start + 25].astype(np.int32),
                    finish_reason=("length" if end == "length" else "stop") if last else None,
                    timings=Timings() if last else None,
                )
        finally:
            self.closed += 1


@pytest.fixture
def voice():
    return Voice(name="anna", global_tokens=(1, 2, 3))


@pytest.fixture
def scripted():
    return ScriptedEngine
