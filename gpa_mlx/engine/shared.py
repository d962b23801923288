"""An engine for several threads, on top of an `EngineThread`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar

from gpa_mlx.engine.thread import EngineThread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import (
        AudioLike,
        AudioTokens,
        Capabilities,
        ChannelChoice,
        GenerationOptions,
        LiveChunk,
        LiveStream,
        Samples,
        Speech,
        SpeechChunk,
        SpeechStream,
        Task,
        Transcription,
        TranscriptionChunk,
        TranscriptionStream,
        VadChoice,
        Voice,
        Waveform,
    )

T = TypeVar("T")


def load_shared(
    path: str | os.PathLike[str],
    *,
    adapter: str | os.PathLike[str] | None = None,
    idle_unload_s: float | None = None,
) -> SharedEngine:
    """Open a converted model for several threads.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model.
        idle_unload_s: Free the weights after this many seconds without a call; None: keep them.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, or a damaged one.
    """
    from gpa_mlx.engine.gpa import load

    thread = EngineThread(lambda: load(path, adapter=adapter), idle_unload_s=idle_unload_s)
    try:
        thread.submit(lambda engine: None).result()
    except BaseException:
        thread.close()
        raise
    return SharedEngine(thread)


class SharedEngine:
    """A `SpeechEngine` for several threads: every call is a request to an `EngineThread`.

    Methods, results and errors are those of `gpa_mlx.GPA`; only, a stream's errors come with its first item. Streams
    take turns (see `EngineThread`); their readers may be slow or stop reading. A call or stream made inside
    `cancellable(scope)` ends with `CancelledError` when that scope is cancelled: within one token, and at once while it
    waits in line.

    Args:
        thread: Does the work. The engine must not be used on it.
        owns_thread: Whether `close` ends the thread; otherwise it does nothing.
    """

    def __init__(self, thread: EngineThread, *, owns_thread: bool = True) -> None:
        self._thread = thread
        self._owns_thread = owns_thread

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._ask(lambda engine: engine.path)

    @property
    def parts_loaded(self) -> tuple[str, ...]:
        """Names of the parts in memory."""
        return self._ask(lambda engine: engine.parts_loaded)

    @property
    def capabilities(self) -> Capabilities:
        """As `GPA.capabilities`."""
        return self._ask(lambda engine: engine.capabilities)

    @property
    def max_passage_chars(self) -> int:
        """As `GPA.max_passage_chars`."""
        return self._ask(lambda engine: engine.max_passage_chars)

    @property
    def reference_s(self) -> float:
        """As `GPA.reference_s`."""
        return self._ask(lambda engine: engine.reference_s)

    @property
    def max_segment_s(self) -> float:
        """As `GPA.max_segment_s`."""
        return self._ask(lambda engine: engine.max_segment_s)

    def default_options(self, task: Task) -> GenerationOptions:
        """As `GPA.default_options`."""
        return self._ask(lambda engine: engine.default_options(task))

    def warm(self, task: Task) -> None:
        """As `GPA.warm`; returns when the parts are loaded."""
        self._ask(lambda engine: engine.warm(task))

    def close(self) -> None:
        """Cancel all work and end the thread, if it is this engine's own."""
        if self._owns_thread:
            self._thread.close()

    def transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> Transcription:
        """As `GPA.transcribe`."""
        from gpa_mlx.transcripts.collector import collect  # NumPy, which the app's first picture must not wait for

        return collect(self.stream_transcribe(audio, options=options, vad=vad, batch=batch, channels=channels))

    def stream_transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> TranscriptionStream:
        """As `GPA.stream_transcribe`."""
        return self._thread.stream(
            lambda engine: engine.stream_transcribe(audio, options=options, vad=vad, batch=batch, channels=channels),
            is_repeated=_is_wordless,
        )

    def stream_transcribe_live(
        self, blocks: Iterable[Samples], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream:
        """As `GPA.stream_transcribe_live`.

        `blocks` are taken on the engine's thread, which serves others between two blocks: the source should wait for
        audio for 0.1 s at most and then hand out an empty block.
        """
        return self._thread.stream(
            lambda engine: engine.stream_transcribe_live(blocks, options=options, vad=vad), is_repeated=_shows_the_same
        )

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """As `GPA.speak`."""
        from gpa_mlx.engine.folding import fold_speech

        return fold_speech(self.stream_speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        """As `GPA.stream_speak`."""
        return self._thread.stream(
            lambda engine: engine.stream_speak(text, voice=voice, options=options, lookahead=lookahead),
            is_repeated=_is_silent,
        )

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """As `GPA.convert_voice`."""
        from gpa_mlx.engine.folding import fold_speech

        return fold_speech(self.stream_convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        """As `GPA.stream_convert_voice`."""
        return self._thread.stream(
            lambda engine: engine.stream_convert_voice(audio, voice=voice, options=options, lookahead=lookahead),
            is_repeated=_is_silent,
        )

    def make_voice(self, audio: AudioLike, *, name: str, channels: ChannelChoice = "speech") -> Voice:
        """As `GPA.make_voice`."""
        return self._ask(lambda engine: engine.make_voice(audio, name=name, channels=channels))

    def tokenize(self, audio: AudioLike) -> AudioTokens:
        """As `GPA.tokenize`."""
        return self._ask(lambda engine: engine.tokenize(audio))

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """As `GPA.detokenize`."""
        return self._ask(lambda engine: engine.detokenize(semantic, global_tokens))

    def _ask(self, question: Callable[[SpeechEngine], T]) -> T:
        request = self._thread.submit(question)
        try:
            return request.result()
        except BaseException:
            request.cancel()  # an interrupt here must not leave the work running
            raise


def _is_silent(_: SpeechChunk | None, chunk: SpeechChunk) -> bool:
    """Return whether a chunk only gives others a turn."""
    return not len(chunk.audio) and chunk.finish_reason is None


def _is_wordless(_: TranscriptionChunk | None, chunk: TranscriptionChunk) -> bool:
    """Return whether a chunk only gives others a turn."""
    return not (chunk.text or chunk.restarts) and chunk.segment is None and chunk.finish_reason is None


def _shows_the_same(before: LiveChunk | None, chunk: LiveChunk) -> bool:
    if chunk.segment is not None or chunk.finish_reason is not None:
        return False
    shown = ("", "") if before is None else (before.confirmed, before.unconfirmed)
    return (chunk.confirmed, chunk.unconfirmed) == shown
