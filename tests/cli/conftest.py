"""Runs the command line inside the test process, on the converted golden model or on a scripted engine."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from gpa_mlx.cli import cli
from gpa_mlx.cli.diagnostics import run
from gpa_mlx.types import (
    GenerationOptions,
    Segment,
    Speech,
    Task,
    Timings,
    Transcription,
    TranscriptionChunk,
)
from gpa_mlx.voices import Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Outcome(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


class _Stdin(io.TextIOWrapper):
    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


@pytest.fixture
def gpa_mlx(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run `gpa-mlx ARGUMENTS...` and return exit code, standard output and standard error."""
    monkeypatch.delenv("GPA_MLX_MODEL", raising=False)

    def invoke(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        capsys.readouterr()
        code = run(cli, [str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return invoke


@dataclass
class ScriptedEngine:
    """Stands in for the engine where a test needs an outcome that the golden model does not give.

    Attributes:
        failures: By method name, or by file name for transcriptions: what to raise.
        finish_reason: How every task ends.
        calls: Method names and their options, in order.
    """

    failures: dict[str, BaseException] = field(default_factory=dict)
    finish_reason: Any = "stop"
    calls: list[tuple[str, GenerationOptions | None]] = field(default_factory=list)
    sample_rate: int = 16_000

    def __enter__(self) -> ScriptedEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def default_options(self, task: Task) -> GenerationOptions:
        if task == "transcribe":
            return GenerationOptions()
        return GenerationOptions(temperature=0.2, repetition_penalty=1.2)

    def make_voice(self, audio: Path, *, name: str) -> Voice:
        self._called("make_voice", None)
        return Voice(name=name, global_tokens=(1, 2, 3))

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions) -> Speech:
        self._called("speak", options)
        return self._speech()

    def convert_voice(self, audio: Path, *, voice: Voice, options: GenerationOptions) -> Speech:
        self._called("convert_voice", options)
        return self._speech()

    def transcribe(self, audio: Path, *, options: GenerationOptions, vad: bool) -> Transcription:
        self._called("transcribe", options)
        return Transcription(text="words", segments=(), finish_reason="stop", timings=Timings())

    def stream_transcribe(
        self, audio: Path, *, options: GenerationOptions, vad: bool, batch: int
    ) -> Iterator[TranscriptionChunk]:
        self._called("transcribe", options, audio.name)
        heard = ((0.0, ("first ", "words")), (2.0, ("second",)))
        for start_s, words in () if self.finish_reason == "no_speech" else heard:
            for word in words:
                yield TranscriptionChunk(text=word, start_s=start_s)
            segment = Segment(start_s=start_s, end_s=start_s + 1, text="".join(words))
            yield TranscriptionChunk(text="", start_s=start_s, segment=segment)
        yield TranscriptionChunk(text="", start_s=3.0, finish_reason=self.finish_reason, timings=Timings(encode_s=0.75, audio_s=3.0))

    def _called(self, method: str, options: GenerationOptions | None, name: str = "") -> None:
        self.calls.append((method, options))
        for key in (method, name):
            if key in self.failures:
                raise self.failures[key]

    def _speech(self) -> Speech:
        return Speech(
            audio=np.linspace(-0.5, 0.5, 640, dtype=np.float32),
            sample_rate=self.sample_rate,
            codes=np.array([5, 6], dtype=np.int32),
            finish_reason=self.finish_reason,
            timings=Timings(generate_s=0.02, audio_s=0.04, generated_tokens=3),
            seed=7,
        )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The scripted engine, in the place of the model that `--model` names."""
    scripted = ScriptedEngine()
    monkeypatch.setattr("gpa_mlx.engine.load", lambda path, **options: scripted)
    return scripted


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[], Sequence[str]]:
    """Names of everything below the test's folder, to see that nothing half-written stays."""
    return lambda: sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
