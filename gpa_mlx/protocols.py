"""What callers need of an engine: `gpa_mlx.engine.gpa.GPA` says what each method does.

`GPA` has all of it, and so have `gpa_mlx.engine.shared.SharedEngine` and the fakes of tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import (
        AudioLike,
        AudioTokens,
        Capabilities,
        ChannelChoice,
        GenerationOptions,
        LiveStream,
        Samples,
        Speech,
        SpeechStream,
        Task,
        Transcription,
        TranscriptionStream,
        VadChoice,
        Voice,
        Waveform,
    )


class SupportsTranscription(Protocol):
    """Transcribes."""

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> Transcription: ...


class StreamsTranscription(Protocol):
    """Transcribes files piece by piece: what the job of transcribing needs."""

    def stream_transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> TranscriptionStream: ...


class SupportsSpeech(SupportsTranscription, Protocol):
    """Speaks, and transcribes its own speech."""

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream: ...


class SupportsConversion(SupportsTranscription, Protocol):
    """Converts voices, and transcribes its own speech."""

    @property
    def max_segment_s(self) -> float: ...

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream: ...


class SupportsTokens(Protocol):
    """Turns recordings into audio codes, and codes into sound."""

    def tokenize(self, audio: AudioLike) -> AudioTokens: ...

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform: ...


class SpeechEngine(SupportsSpeech, SupportsConversion, SupportsTokens, StreamsTranscription, Protocol):
    """A model that transcribes, speaks and converts voices."""

    @property
    def path(self) -> Path: ...

    @property
    def parts_loaded(self) -> tuple[str, ...]: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def max_passage_chars(self) -> int: ...

    @property
    def reference_s(self) -> float: ...

    def default_options(self, task: Task) -> GenerationOptions: ...

    def warm(self, task: Task) -> None: ...

    def close(self) -> None: ...

    def transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> Transcription: ...

    def stream_transcribe_live(
        self, blocks: Iterable[Samples], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream: ...

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech: ...

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech: ...

    def make_voice(self, audio: AudioLike, *, name: str, channels: ChannelChoice = "speech") -> Voice: ...
