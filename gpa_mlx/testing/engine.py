"""A fake engine: `gpa_mlx.protocols.SpeechEngine` without a model, its results given in advance.

Recordings are transcribed to `texts`, what the engine said itself to the text that it said. Speech is noise, three
codes a character, that follows from its length and the seed. Live transcription shows one more word with every block
that is not empty, confirms the word before it, and ends a segment when its words are used up or the blocks end.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from gpa_mlx.engine.folding import fold_speech
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.text.joining import join_segments
from gpa_mlx.transcripts.collector import collect
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioTokens,
    Capabilities,
    ChannelChoice,
    GenerationOptions,
    LiveChunk,
    Segment,
    Speech,
    SpeechChunk,
    Timings,
    TranscriptionChunk,
    VadChoice,
    Voice,
)

if TYPE_CHECKING:
    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.types import (
        AudioLike,
        Codes,
        FinishReason,
        LiveStream,
        Samples,
        SpeechStream,
        Task,
        Transcription,
        TranscriptionStream,
        Waveform,
    )

Ending: TypeAlias = Literal["stop", "length", "loop", "silence", "nothing", "quiet", "unintelligible"]
"""How an attempt at speech goes: well, cut by its budget, with a repeating code, with a long silence, without a code,
half as loud, or so that it is transcribed wrongly."""

_CODE_SAMPLES = 320
_CHUNK_CODES = 25
_FAILED_CODES = 400
_CODES_PER_CHARACTER = 3
_WRONG_TEXT = "xyz"


class EngineCall(NamedTuple):
    """One call: the method's name, its options, and the text, the file's name or the number of samples it was given.

    Attributes:
        method: Its name.
        options: Of the generation.
        subject: The text, the file's name, or the number of samples.
        lookahead: Of streams of speech.
        channels: Of transcriptions, and of recordings that become voices.
    """

    method: str
    options: GenerationOptions | None
    subject: str
    lookahead: int | None = None
    channels: ChannelChoice | None = None


@dataclass
class FakeEngine:
    """The whole engine, its results given in advance.

    Attributes:
        texts: The text of every segment of a recording, one second each, or the segments themselves; empty: no speech.
        finish_reason: How transcriptions end that have speech.
        ending: How every attempt at speech ends, or how the first, the second ... of a text end; the last one holds on.
        endings: The same for single texts, and for conversions of sources with so many samples, as a decimal number.
        failures: What to raise, by the name of a method, the text that is spoken or the name of the file; a stream of
            transcription raises it with its first item.
        delay_s: Time that every word and every chunk takes.
        hold: If given, a live stream waits for it after its first chunk.
        path: The model directory.
        calls: Everything but loading and closing, in order.
        warmed: What was loaded before it was used, in order.
        live_samples: Samples taken in by all live streams.
        live_vad: The `vad` of every live stream.
        streams_closed: How many streams of speech have ended or were closed.
        closed: How often the weights were freed.
    """

    texts: Sequence[str | Segment] = ("hello world",)
    finish_reason: FinishReason = "stop"
    ending: Ending | Sequence[Ending] = "stop"
    endings: dict[str, Ending | Sequence[Ending]] = field(default_factory=dict)
    failures: dict[str, BaseException] = field(default_factory=dict)
    delay_s: float = 0.0
    hold: threading.Event | None = None
    path: Path = Path("fake-model")
    calls: list[EngineCall] = field(default_factory=list)
    warmed: list[Task] = field(default_factory=list)
    live_samples: int = 0
    live_vad: list[VadChoice] = field(default_factory=list)
    streams_closed: int = 0
    closed: int = 0
    parts_loaded: tuple[str, ...] = ()
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(family="gpa", tasks=frozenset({"transcribe", "speak", "vc"}))
    )
    max_passage_chars: int = 200
    max_segment_s: float = 30.0
    reference_s: float = 6.0
    _attempts: Counter[str] = field(default_factory=Counter)
    _own_speech: dict[float, str] = field(default_factory=dict)

    def __enter__(self) -> FakeEngine:
        """Return the engine."""
        return self

    def __exit__(self, *error: object) -> None:
        """Free it."""
        self.close()

    @property
    def spoken(self) -> list[str]:
        """What was to be spoken, in order."""
        return [call.subject for call in self.calls if call.method == "stream_speak"]

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(call.method == method for call in self.calls)

    def default_options(self, task: Task) -> GenerationOptions:
        """Greedy transcription, sampled speech."""
        if task == "transcribe":
            return GenerationOptions()
        return GenerationOptions(temperature=0.2, repetition_penalty=1.2)

    def warm(self, task: Task) -> None:
        """Note the task."""
        self._fail("warm")
        self.warmed.append(task)

    def close(self) -> None:
        """Note it."""
        self.closed += 1

    def transcribe(
        self,
        audio: AudioLike,
        *,
        options: GenerationOptions | None = None,
        vad: VadChoice = True,
        batch: int = 1,
        channels: ChannelChoice | None = None,
    ) -> Transcription:
        """Fold `stream_transcribe`."""
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
        """Yield every word, and every segment after its last word."""
        self._called("stream_transcribe", options, _subject(audio), channels=channels)
        own = self._own_speech.get(_fingerprint(audio[0])) if isinstance(audio, tuple) else None
        texts = () if self.finish_reason == "no_speech" else self.texts if own is None else (own,)
        end_s = 0.0
        for segment in _segments(texts):
            words = segment.text.split()
            for number, word in enumerate(words):
                self._step()
                blank = " " if number + 1 < len(words) else ""
                yield TranscriptionChunk(text=word + blank, start_s=segment.start_s)
            yield TranscriptionChunk(text="", start_s=segment.start_s, segment=segment)
            end_s = segment.end_s
        yield TranscriptionChunk(
            text="",
            start_s=end_s,
            finish_reason=self.finish_reason if texts else "no_speech",
            timings=Timings(encode_s=end_s / 4, audio_s=end_s),
            empty_reason=None if any(segment.text for segment in _segments(texts)) else "no_speech",
        )

    def stream_transcribe_live(
        self, blocks: Iterable[Samples], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream:
        """Yield one more word for every block that is not empty."""
        self._called("stream_transcribe_live", options, "")
        self.live_vad.append(vad)
        rest = iter(blocks)
        taken_s, running = 0.0, True
        for segment in _segments(self.texts):
            words = segment.text.split()
            shown = 0
            while running and shown < len(words):
                block = next(rest, None)
                running = block is not None
                if block is None:
                    break
                self._step()
                if not len(block):
                    continue
                self.live_samples += len(block)
                taken_s += len(block) / SAMPLE_RATE_HZ
                shown += 1
                glue = " " if shown > 1 else ""
                yield LiveChunk(
                    confirmed=" ".join(words[: shown - 1]),
                    unconfirmed=glue + words[shown - 1],
                    start_s=segment.start_s,
                    heard_s=taken_s,
                )
                self._wait_for_hold()
            end_s = max(taken_s, segment.start_s + 0.1)
            whole = Segment(start_s=segment.start_s, end_s=end_s, text=segment.text, confidence=segment.confidence)
            yield LiveChunk(heard_s=taken_s, segment=whole)
        for block in rest:
            self._step()
            self.live_samples += len(block)
            taken_s += len(block) / SAMPLE_RATE_HZ
        reason = "stop" if self.texts else "no_speech"
        yield LiveChunk(heard_s=taken_s, finish_reason=reason, timings=Timings(audio_s=taken_s))

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Fold `stream_speak`."""
        return fold_speech(self.stream_speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        """Yield noise, three codes a character."""
        self._called("stream_speak", options, text, lookahead)
        return self._speech(text, text, _CODES_PER_CHARACTER * len(text), options)

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Fold `stream_convert_voice`."""
        return fold_speech(self.stream_convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        """Yield noise as long as the source, of a file one second."""
        subject = _subject(audio)
        self._called("stream_convert_voice", options, subject, lookahead)
        text = join_segments(segment.text for segment in _segments(self.texts))
        return self._speech(subject, text, len(audio[0]) // _CODE_SAMPLES if isinstance(audio, tuple) else 50, options)

    def make_voice(self, audio: AudioLike, *, name: str, channels: ChannelChoice = "speech") -> Voice:
        """Return the same voice for every recording."""
        self._called("make_voice", None, _subject(audio), channels=channels)
        return Voice(name=name, global_tokens=(1, 2, 3))

    def tokenize(self, audio: AudioLike) -> AudioTokens:
        """Return codes that count up, 12.5 and 50 for every second; a file lasts one second."""
        self._called("tokenize", None, _subject(audio))
        duration_s = len(audio[0]) / audio[1] if isinstance(audio, tuple) else 1.0
        return AudioTokens(
            glm=np.arange(int(12.5 * duration_s), dtype=np.int32),
            semantic=np.arange(int(50 * duration_s), dtype=np.int32),
            global_tokens=np.array((1, 2, 3), dtype=np.int32),
            duration_s=duration_s,
            glm_duration_s=min(duration_s, 30.0),
        )

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Return noise, 320 samples a code."""
        self._called("detokenize", None, str(len(semantic)))
        return _noise(len(semantic), 0, "stop")[1]

    def _called(
        self,
        method: str,
        options: GenerationOptions | None,
        subject: str,
        lookahead: int | None = None,
        channels: ChannelChoice | None = None,
    ) -> None:
        self.calls.append(EngineCall(method, options, subject, lookahead, channels))
        self._fail(method, subject)

    def _fail(self, *reasons: str) -> None:
        for reason in reasons:
            if reason in self.failures:
                raise self.failures[reason]

    def _step(self) -> None:
        check_cancelled()
        time.sleep(self.delay_s)

    def _wait_for_hold(self) -> None:
        while self.hold is not None and not self.hold.wait(0.02):
            check_cancelled()

    def _next_ending(self, subject: str) -> Ending:
        """Return how the next attempt at a text or at a source ends."""
        planned = self.endings.get(subject, self.ending)
        endings: Sequence[Ending] = (planned,) if isinstance(planned, str) else planned
        self._attempts[subject] += 1
        return endings[min(self._attempts[subject], len(endings)) - 1]

    def _speech(self, subject: str, text: str, count: int, options: GenerationOptions | None) -> SpeechStream:
        ending = self._next_ending(subject)
        seed = None if options is None else options.seed
        try:
            if ending == "nothing":
                raise NoSpeechError("The model ended without any speech.")
            codes, audio = _noise(count, seed or 0, ending)
            self._own_speech[_fingerprint(audio)] = _WRONG_TEXT if ending == "unintelligible" else text
            for start in range(0, len(codes), _CHUNK_CODES):
                self._step()
                is_last = start + _CHUNK_CODES >= len(codes)
                yield SpeechChunk(
                    audio=audio[_CODE_SAMPLES * start : _CODE_SAMPLES * (start + _CHUNK_CODES)],
                    sample_rate=SAMPLE_RATE_HZ,
                    codes=codes[start : start + _CHUNK_CODES],
                    finish_reason=("length" if ending == "length" else "stop") if is_last else None,
                    timings=Timings(audio_s=len(codes) / 50) if is_last else None,
                    seed=seed if is_last else None,
                )
        finally:
            self.streams_closed += 1


def _segments(texts: Iterable[str | Segment]) -> Iterator[Segment]:
    """Yield segments as they are, and texts as segments of one second."""
    for number, text in enumerate(texts):
        if isinstance(text, Segment):
            yield text
        else:
            yield Segment(start_s=float(number), end_s=number + 1.0, text=text, confidence=0.9)


def _subject(audio: AudioLike) -> str:
    return str(len(audio[0])) if isinstance(audio, tuple) else Path(os.fspath(audio)).name


def _fingerprint(audio: np.ndarray) -> float:
    return float(np.abs(audio).sum(dtype=np.float64))


def _noise(count: int, seed: int, ending: Ending) -> tuple[Codes, Waveform]:
    """Return `(codes,)` int32 and their `(320 * codes,)` float32 samples, uniform in ±0.2."""
    rng = np.random.default_rng([seed, count])
    codes = rng.integers(0, 4096, count).astype(np.int32)
    level = 0.1 if ending == "quiet" else 0.2
    audio = (level * rng.uniform(-1, 1, _CODE_SAMPLES * count)).astype(np.float32)
    if ending in ("loop", "silence"):
        is_loop = ending == "loop"
        more = np.full(_FAILED_CODES, 7, np.int32) if is_loop else rng.integers(0, 4096, _FAILED_CODES, np.int32)
        codes = np.concatenate([codes, more])
        tail = np.full(_CODE_SAMPLES * _FAILED_CODES, 0.1 if is_loop else 0.0, dtype=np.float32)
        audio = np.concatenate([audio, tail])
    return codes, audio


if TYPE_CHECKING:
    _whole_protocol: SpeechEngine = FakeEngine()
