"""What front ends need of an engine: `gpa_mlx.engine.GPA`, `gpa_mlx.runner.SharedEngine` and the fakes of tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import (
        AudioLike,
        GenerationOptions,
        LiveStream,
        Speech,
        SpeechStream,
        Task,
        Transcription,
        TranscriptionStream,
        Waveform,
    )
    from gpa_mlx.voices import Voice


class SpeechEngine(Protocol):
    """A model that transcribes, speaks and converts voices; `gpa_mlx.engine.GPA` says what each method does."""

    @property
    def path(self) -> Path: ...

    @property
    def parts_loaded(self) -> tuple[str, ...]: ...

    @property
    def max_passage_chars(self) -> int: ...

    @property
    def max_segment_s(self) -> float: ...

    def default_options(self, task: Task) -> GenerationOptions: ...

    def warm(self, task: Task) -> None: ...

    def close(self) -> None: ...

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> Transcription: ...

    def stream_transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> TranscriptionStream: ...

    def stream_transcribe_live(
        self, blocks: Iterable[Waveform], *, options: GenerationOptions | None = None, vad: bool = True
    ) -> LiveStream: ...

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech: ...

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream: ...

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech: ...

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream: ...

    def make_voice(self, audio: AudioLike, *, name: str) -> Voice: ...
