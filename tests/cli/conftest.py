"""Runs the command line inside the test process, on the converted golden model or on a scripted engine."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from gpa_mlx.cli import cli
from gpa_mlx.cli.program import run
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.types import (
    GenerationOptions,
    Segment,
    SpeechChunk,
    Task,
    Timings,
    Transcription,
    TranscriptionChunk,
    Voice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpa_mlx.types import AudioLike, SpeechStream


MANIFEST = {
    "format_version": 1,
    "converter_version": "0.1.0",
    "model_family": "scripted",
    "model_name": "nobody",
    "source": {"location": "nowhere", "revision": None, "sha256": {}},
    "parts": {},
    "files": {"model.safetensors": {"size": 1, "sha256": "ab" * 32}},
}
"""What the scripted engine's model directory says."""


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

    Speech is noise that follows from the text, or the source's length, and the seed: 3 codes a character.

    Attributes:
        failures: By method name, by file name for transcriptions, or by text for speech: what to raise.
        finish_reason: How every task ends.
        ends: By text, how its speech ends instead: `length`, `loop`, `silence` or `nothing`.
        misheard: How many recordings are heard wrongly before one is heard as it was said.
        path: The model directory.
        calls: Method names and their options, in order.
        said: What was to be spoken, in order.
        warmed: What was loaded before it was used, in order.
    """

    failures: dict[str, BaseException] = field(default_factory=dict)
    finish_reason: Any = "stop"
    ends: dict[str, str] = field(default_factory=dict)
    misheard: int = 0
    path: Path = Path()
    calls: list[tuple[str, GenerationOptions | None]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    warmed: list[Task] = field(default_factory=list)
    sample_rate: int = 16_000
    max_passage_chars: int = 200
    max_segment_s: float = 30.0
    reference_s: float = 6.0

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

    def warm(self, task: Task) -> None:
        self.warmed.append(task)

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions, lookahead: int | None = None
    ) -> SpeechStream:
        self._called("stream_speak", options, text)
        self.said.append(text)
        return self._speech(text, 3 * len(text), options)

    def stream_convert_voice(
        self, audio: AudioLike, *, voice: Voice, options: GenerationOptions, lookahead: int | None = None
    ) -> SpeechStream:
        self._called("stream_convert_voice", options)
        return self._speech("", len(audio[0]) // 320 if isinstance(audio, tuple) else 50, options)

    def transcribe(self, audio: AudioLike, *, vad: bool, options: GenerationOptions | None = None) -> Transcription:
        self._called("transcribe", options)
        self.misheard -= 1
        text = "xyz" if self.misheard >= 0 else self.said[-1] if self.said else "words"
        return Transcription(text=text, segments=(), finish_reason="stop", timings=Timings())

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
        yield TranscriptionChunk(
            text="", start_s=3.0, finish_reason=self.finish_reason, timings=Timings(encode_s=0.75, audio_s=3.0)
        )

    def _called(self, method: str, options: GenerationOptions | None, name: str = "") -> None:
        self.calls.append((method, options))
        for key in (method, name):
            if key in self.failures:
                raise self.failures[key]

    def _speech(self, text: str, count: int, options: GenerationOptions) -> SpeechStream:
        end = self.ends.get(text, self.finish_reason)
        if end == "nothing":
            raise NoSpeechError("nothing")
        rng = np.random.default_rng([options.seed or 0, count])
        codes = rng.integers(0, 4096, count).astype(np.int32)
        audio = (0.2 * rng.uniform(-1, 1, 320 * count)).astype(np.float32)
        if end in ("loop", "silence"):
            more = np.full(400, 7, dtype=np.int32) if end == "loop" else rng.integers(0, 4096, 400).astype(np.int32)
            codes = np.concatenate([codes, more])
            audio = np.concatenate([audio, np.full(320 * 400, 0.1 if end == "loop" else 0, dtype=np.float32)])
        for start in range(0, len(codes), 25):
            is_last = start + 25 >= len(codes)
            yield SpeechChunk(
                audio=audio[320 * start : 320 * (start + 25)],
                sample_rate=self.sample_rate,
                codes=codes[start : start + 25],
                finish_reason=(end if end == "length" else "stop") if is_last else None,
                timings=Timings() if is_last else None,
            )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> ScriptedEngine:
    """The scripted engine, in the place of the model that `--model` names."""
    scripted = ScriptedEngine(path=tmp_path_factory.mktemp("model"))
    (scripted.path / "gpa_mlx.json").write_text(json.dumps(MANIFEST))
    monkeypatch.setattr("gpa_mlx.engine.gpa.load", lambda path, **options: scripted)
    return scripted


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[], Sequence[str]]:
    """Names of everything below the test's folder, to see that nothing half-written stays."""
    return lambda: sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
