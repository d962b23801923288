"""An engine and a microphone that follow a script: the whole interface, no model, no device.

Live recognition shows one more word with every block that is not empty, confirms the word before it, and ends a segment
when its words are used up or the blocks end.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.text.joining import join_segments
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    GenerationOptions,
    LiveChunk,
    Segment,
    Speech,
    SpeechChunk,
    Timings,
    Transcription,
    TranscriptionChunk,
    VadChoice,
    Voice,
)

if TYPE_CHECKING:
    from gpa_mlx.types import (
        AudioLike,
        LiveStream,
        SpeechStream,
        Task,
        TranscriptionStream,
        Waveform,
    )


@dataclass
class FakeEngine:
    """Hears `texts` and says noise; `gpa_mlx.protocols.SpeechEngine`.

    Attributes:
        texts: The text of every segment of what is heard; without any, nothing was said.
        failures: By method name, what to raise; of a stream, with its first item.
        delay_s: Time every step takes.
        hold: If given, a live stream waits for it after its first chunk.
        path: The model directory.
        calls: Names of the methods called, in order.
        heard: Samples taken in by all live streams.
        live_vad: The `vad` of every live stream.
        warmed: What was loaded before it was used.
        closed: Whether the weights were freed.
    """

    texts: tuple[str, ...] = ("hello world",)
    failures: dict[str, BaseException] = field(default_factory=dict)
    delay_s: float = 0.0
    hold: threading.Event | None = None
    path: Path = Path("fake-model")
    calls: list[str] = field(default_factory=list)
    heard: int = 0
    live_vad: list[bool] = field(default_factory=list)
    warmed: list[Task] = field(default_factory=list)
    closed: bool = False
    parts_loaded: tuple[str, ...] = ()
    max_passage_chars: int = 200
    max_segment_s: float = 30.0
    reference_s: float = 6.0

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def default_options(self, task: Task) -> GenerationOptions:
        if task == "transcribe":
            return GenerationOptions()
        return GenerationOptions(temperature=0.2, repetition_penalty=1.2)

    def warm(self, task: Task) -> None:
        self._called("warm")
        self.warmed.append(task)

    def close(self) -> None:
        self.closed = True

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: VadChoice = True, batch: int = 1
    ) -> Transcription:
        chunks = list(self.stream_transcribe(audio, options=options, vad=vad, batch=batch))
        segments = tuple(chunk.segment for chunk in chunks if chunk.segment is not None)
        assert chunks[-1].finish_reason is not None
        assert chunks[-1].timings is not None
        return Transcription(
            text=join_segments(segment.text for segment in segments),
            segments=segments,
            finish_reason=chunks[-1].finish_reason,
            timings=chunks[-1].timings,
        )

    def stream_transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: VadChoice = True, batch: int = 1
    ) -> TranscriptionStream:
        self._called("stream_transcribe")
        for number, text in enumerate(self.texts):
            self._step()
            segment = Segment(start_s=float(number), end_s=number + 1.0, text=text, confidence=0.9)
            yield TranscriptionChunk(text=text, start_s=float(number), segment=segment)
        reason = "stop" if self.texts else "no_speech"
        yield TranscriptionChunk(
            text="", start_s=float(len(self.texts)), finish_reason=reason, timings=Timings(audio_s=len(self.texts))
        )

    def stream_transcribe_live(
        self, blocks: Iterable[Waveform], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream:
        self._called("stream_transcribe_live")
        self.live_vad.append(vad)
        rest = iter(blocks)
        heard_s, running = 0.0, True
        for number, text in enumerate(self.texts):
            words = text.split()
            shown = 0
            while running and shown < len(words):
                block = next(rest, None)
                running = block is not None
                if block is None:
                    break
                self._step()
                if not len(block):
                    continue
                self.heard += len(block)
                heard_s += len(block) / SAMPLE_RATE_HZ
                shown += 1
                glue = " " if shown > 1 else ""
                yield LiveChunk(
                    confirmed=" ".join(words[: shown - 1]), unconfirmed=glue + words[shown - 1], heard_s=heard_s
                )
                if self.hold is not None:
                    while not self.hold.wait(0.02):
                        check_cancelled()
            segment = Segment(start_s=float(number), end_s=max(heard_s, number + 0.1), text=text, confidence=0.9)
            yield LiveChunk(heard_s=heard_s, segment=segment)
        for block in rest:
            self._step()
            self.heard += len(block)
            heard_s += len(block) / SAMPLE_RATE_HZ
        reason = "stop" if self.texts else "no_speech"
        yield LiveChunk(heard_s=heard_s, finish_reason=reason, timings=Timings(audio_s=heard_s))

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        return _whole(self.stream_speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        self._called("stream_speak")
        return self._speech(3 * len(text), options)

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        return _whole(self.stream_convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        self._called("stream_convert_voice")
        return self._speech(len(audio[0]) // 320 if isinstance(audio, tuple) else 50, options)

    def make_voice(self, audio: AudioLike, *, name: str) -> Voice:
        self._called("make_voice")
        return Voice(name=name, global_tokens=(1, 2, 3))

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.failures:
            raise self.failures[method]

    def _step(self) -> None:
        check_cancelled()
        time.sleep(self.delay_s)

    def _speech(self, count: int, options: GenerationOptions | None) -> SpeechStream:
        rng = np.random.default_rng(count)
        codes = rng.integers(0, 4096, count).astype(np.int32)
        for start in range(0, count, 25):
            self._step()
            piece = codes[start : start + 25]
            is_last = start + 25 >= count
            yield SpeechChunk(
                audio=(0.2 * rng.uniform(-1, 1, 320 * len(piece))).astype(np.float32),
                sample_rate=SAMPLE_RATE_HZ,
                codes=piece,
                finish_reason="stop" if is_last else None,
                timings=Timings(audio_s=count / 50) if is_last else None,
                seed=options.seed if is_last and options is not None else None,
            )


class FakeMicrophone:
    """Hands out what a test puts in; `gpa_mlx.audio.devices.microphone.AudioInput`.

    Args:
        blocks: Waits to be taken as soon as the recording starts.
        ends: By itself after these blocks, as if the user had stopped it.
        failure: Raised after these blocks, as a device does that is unplugged.
        unusable: Raised when it is opened.
    """

    name = "fake microphone"

    def __init__(
        self,
        blocks: Iterable[Waveform] = (),
        *,
        ends: bool = False,
        failure: Exception | None = None,
        unusable: Exception | None = None,
    ) -> None:
        self._initial = list(blocks)
        self._ends, self._failure, self._unusable = ends, failure, unusable
        self._blocks: queue.SimpleQueue[Waveform | Exception | None] = queue.SimpleQueue()
        self.zero_s = 0.0
        self.overflows = 0
        self.opened = self.closed = 0

    def open(self) -> None:
        if self._unusable is not None:
            raise self._unusable
        self.opened += 1

    def start(self) -> None:
        self._blocks = queue.SimpleQueue()
        self.zero_s = 0.0
        for block in self._initial:
            self._blocks.put(block)
        if self._failure is not None:
            self._blocks.put(self._failure)
        elif self._ends:
            self._blocks.put(None)

    def put(self, block: Waveform) -> None:
        """Let the microphone hear this."""
        self._blocks.put(block)

    def fail(self, error: Exception) -> None:
        """Unplug it."""
        self._blocks.put(error)

    def stop(self) -> None:
        self._blocks.put(None)

    def close(self) -> None:
        self.closed += 1
        self._blocks.put(None)

    def __iter__(self) -> Iterator[Waveform]:
        blocks = self._blocks
        while (block := blocks.get()) is not None:
            if isinstance(block, Exception):
                raise block
            self.zero_s = 0.0 if block.any() else self.zero_s + len(block) / SAMPLE_RATE_HZ
            yield block


def _whole(chunks: SpeechStream) -> Speech:
    pieces = list(chunks)
    last = pieces[-1]
    assert last.finish_reason is not None
    assert last.timings is not None
    return Speech(
        audio=np.concatenate([piece.audio for piece in pieces]),
        sample_rate=last.sample_rate,
        codes=np.concatenate([piece.codes for piece in pieces]),
        finish_reason=last.finish_reason,
        timings=last.timings,
        seed=last.seed,
    )
