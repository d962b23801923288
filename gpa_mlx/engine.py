"""GPA: one object that transcribes, speaks and converts voices.

Every `stream_x` checks its arguments at the call and yields numpy and text as they appear; its last item alone carries
`finish_reason` and `timings`. Every `x` is the fold of its stream.

Speech is decoded while its codes are generated, in the chunks of `SpeechChunker`; a chunk has the codes of its audio.
The mean is removed as the speech goes (`MeanRemover`); only with `constrain=False` it is that of the whole utterance,
as in the reference, and all audio is in the last chunk.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gpa_mlx.audio.io import load_recording, open_recording
from gpa_mlx.audio.recording import Recording, require_min_duration, require_min_length
from gpa_mlx.audio.segments import AudioSegment, EnergyGate, iter_segments, split_quietly
from gpa_mlx.clock import TaskClock
from gpa_mlx.codec.speech import SpeechChunker
from gpa_mlx.errors import GPAError, NoSpeechError, SettingsError, VoiceError
from gpa_mlx.lm.batch import BatchGenerator, BatchRequest
from gpa_mlx.lm.generate import Token, generate_tokens
from gpa_mlx.lm.head import SlicedHead
from gpa_mlx.lm.sampling import check_options
from gpa_mlx.loading import ModelParts
from gpa_mlx.prompts import convert_voice_prompt, speak_prompt, transcribe_prompt
from gpa_mlx.text import check_text, join_segments
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.transcript import Heard, TranscriptBuilder
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioLike,
    AudioTokens,
    Codes,
    FinishReason,
    GenerationOptions,
    Segment,
    Speech,
    SpeechChunk,
    SpeechStream,
    Task,
    Transcription,
    TranscriptionChunk,
    TranscriptionStream,
    Waveform,
)
from gpa_mlx.voices import Voice

MAX_PASS_S = 60.0
"""Longest recording that is tokenised in one piece: attention over it needs memory in the square of its length."""

MAX_REFERENCE_S = 600.0
"""Longest recording a voice is made from: loudness is measured over all of it."""

MIN_VOICE_S = 0.5
"""Shortest recording a voice is made from."""

REFERENCE_OPTIONS: dict[Task, GenerationOptions] = {
    "transcribe": GenerationOptions(),
    "speak": GenerationOptions(temperature=0.2, repetition_penalty=1.2),
    "vc": GenerationOptions(temperature=0.2, repetition_penalty=1.2),
}
_DEFAULT_MAX_TOKENS = 512
_MAX_PASSAGE_CHARS = 200

_NEEDS: dict[Task, tuple[str, ...]] = {
    "transcribe": ("glm", "semantic", "text_head"),
    "speak": ("speech_head", "vocoder"),
    "vc": ("semantic", "speech_head", "vocoder"),
}


def load(path: str | os.PathLike[str], *, adapter: str | os.PathLike[str] | None = None) -> GPA:
    """Open a converted model; weights are read when a task first needs them.

    Args:
        path: A directory written by `gpa-mlx convert`.
        adapter: A directory written by `gpa-mlx train lm --lora`, to be added to the language model.

    Raises:
        ModelNotFoundError: Nothing at `path` or `adapter`.
        ModelFormatError: Not a converted model, or a damaged one.
    """
    return GPA(ModelParts(path, adapter))


class GPA:
    """A loaded model. Use it from one thread: MLX streams belong to the thread that made them.

    Args:
        parts: The model's parts; `load` makes them from a directory.
    """

    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, parts: ModelParts) -> None:
        self._parts = parts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free all weights; the object stays usable and loads them again."""
        self._parts.unload()

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._parts.path

    @property
    def parts_loaded(self) -> tuple[str, ...]:
        """Names of the parts in memory, in the order they were loaded."""
        return tuple(self._parts.loaded)

    def default_options(self, task: Task) -> GenerationOptions:
        """Return what is used when no options are given.

        That is what the reference uses, greedy for text, temperature 0.2 and penalty 1.2 for speech, unless the model's
        manifest has another penalty.
        """
        options, penalty = REFERENCE_OPTIONS[task], self._parts.manifest.speech_repetition_penalty
        return options if task == "transcribe" or penalty is None else replace(options, repetition_penalty=penalty)

    @property
    def max_passage_chars(self) -> int:
        """Passages of a long text should be shorter than this many characters: what the model can say in one go."""
        return self._parts.manifest.speech_max_chars or _MAX_PASSAGE_CHARS

    @property
    def max_segment_s(self) -> float:
        """Longest stretch of a recording that the model hears in one go."""
        longest_s = self._parts.glm.max_samples / SAMPLE_RATE_HZ
        return min(longest_s, self._parts.manifest.max_segment_s or longest_s)

    def warm(self, task: Task) -> None:
        """Load the parts a task needs now instead of at its first use."""
        for name in _NEEDS[task]:
            getattr(self._parts, name)

    # -- transcribe ---------------------------------------------------------------------------------------------------

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> Transcription:
        """Turn speech into text.

        Args:
            audio: A file, or samples and their rate. Longer than 30 s is cut at silences.
            options: Sampling; greedy by default.
            vad: Skip what is not speech. Without it everything goes to the model, which invents words for silence.
            batch: Segments that are decoded at the same time: faster for long recordings, with more memory and a later
                first word.

        Returns:
            Text and segments; `finish_reason` is `no_speech` when nothing was heard, `length` when a segment's text
            ran out of tokens, `loop` when the model repeated itself, also after the segment had been cut in two.

        Raises:
            AudioFileError: The audio cannot be used.
            SettingsError: An option is out of range.
        """
        segments: list[Segment] = []
        for chunk in self.stream_transcribe(audio, options=options, vad=vad, batch=batch):
            if chunk.segment is not None:
                segments.append(chunk.segment)
            if chunk.finish_reason is not None and chunk.timings is not None:
                return Transcription(
                    text=join_segments(segment.text for segment in segments),
                    segments=tuple(segments),
                    finish_reason=chunk.finish_reason,
                    timings=chunk.timings,
                )
        raise AssertionError("a stream always ends with a finish reason")

    def stream_transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: bool = True, batch: int = 1
    ) -> TranscriptionStream:
        """Yield text as it is decoded; arguments and errors as for `transcribe`.

        With a batch of several segments the text of each comes in one piece.
        """
        options = _checked(options or self.default_options("transcribe"))
        if batch < 1:
            raise SettingsError(f"A batch of {batch} segments makes no sense.", hint="Give 1 or more.")
        reader = open_recording(audio)

        def run() -> TranscriptionStream:
            clock = TaskClock()
            reason: FinishReason = "no_speech"
            end_s = 0.0
            with reader:
                gate = EnergyGate() if vad else None
                parts = iter_segments(iter(reader), max_duration_s=self.max_segment_s, vad=gate)
                hear = self._hear_one_by_one if batch == 1 else partial(self._hear_together, batch=batch)
                for chunk in hear(parts, options, clock):
                    if chunk.segment is not None:
                        reason = _worse(reason, chunk.segment.finish_reason)
                    yield chunk
                end_s = reader.position_s
            require_min_duration(end_s, "The recording")
            yield TranscriptionChunk(text="", start_s=end_s, finish_reason=reason, timings=clock.timings(end_s))

        return run()

    def _hear_one_by_one(
        self, parts: Iterable[AudioSegment], options: GenerationOptions, clock: TaskClock
    ) -> TranscriptionStream:
        for part in parts:
            prompt = self._transcribe_prompt(part, clock)
            builder = self._builder(options)
            with closing(self._generate(prompt, options, "transcribe", clock)) as tokens:
                for token in tokens:
                    if piece := builder.push(token):
                        clock.first_output()
                        yield TranscriptionChunk(text=piece, start_s=part.start_s)
                    if builder.is_done:
                        break
            tail = builder.flush()
            yield self._finished(part, builder.heard(), tail, options, clock)

    def _hear_together(
        self, parts: Iterable[AudioSegment], options: GenerationOptions, clock: TaskClock, *, batch: int
    ) -> TranscriptionStream:
        """Decode several segments at the same time; they come out in order."""
        stop_ids = self._stop_ids(options)
        budget = options.max_tokens or _DEFAULT_MAX_TOKENS
        open_parts: dict[int, tuple[AudioSegment, TranscriptBuilder]] = {}

        def requests() -> Iterator[BatchRequest]:
            for index, part in enumerate(parts):
                prompt = self._transcribe_prompt(part, clock)
                clock.prompt_tokens += len(prompt)
                open_parts[index] = part, self._builder(options)
                yield BatchRequest(prompt=prompt, options=options, max_tokens=budget, stop_ids=stop_ids)

        done: set[int] = set()
        given_out = 0
        model, head = self._parts.language_model, self._head("transcribe", options)
        with closing(BatchGenerator(model, head, requests(), rows=batch)) as items:
            for item in clock.generating(items):
                builder = open_parts[item.index][1]
                builder.push(item.token)
                if builder.is_done or item.finish_reason:
                    items.cancel(item.index)
                    done.add(item.index)
                while given_out in done:
                    part, finished = open_parts.pop(given_out)
                    given_out += 1
                    clock.first_output()
                    finished.flush()
                    yield self._finished(part, finished.heard(), finished.heard().text, options, clock)

    def _finished(
        self, part: AudioSegment, heard: Heard, text: str, options: GenerationOptions, clock: TaskClock
    ) -> TranscriptionChunk:
        """Return the chunk that ends a segment, after a second hearing in two pieces if the model went in circles."""
        again = heard.finish_reason == "loop"
        if again and len(halves := split_quietly(part)) > 1:
            hearings = [self._hear(half, options, clock) for half in halves]
            heard = Heard(
                text=join_segments(hearing.text for hearing in hearings),
                finish_reason=reduce(_worse, [hearing.finish_reason for hearing in hearings]),
                confidence=min(hearing.confidence for hearing in hearings),
            )
        segment = Segment(
            start_s=part.start_s,
            end_s=part.end_s,
            text=heard.text,
            finish_reason=heard.finish_reason,
            confidence=heard.confidence,
            doubtful=again,
        )
        return TranscriptionChunk(
            text=heard.text if again else text, start_s=part.start_s, restarts=again, segment=segment
        )

    def _hear(self, part: AudioSegment, options: GenerationOptions, clock: TaskClock) -> Heard:
        builder = self._builder(options)
        with closing(self._generate(self._transcribe_prompt(part, clock), options, "transcribe", clock)) as tokens:
            for token in tokens:
                builder.push(token)
                if builder.is_done:
                    break
        builder.flush()
        return builder.heard()

    def _builder(self, options: GenerationOptions) -> TranscriptBuilder:
        parts = self._parts
        return TranscriptBuilder(parts.layout, parts.text, self._stop_ids(options), exact=not options.constrain)

    def _transcribe_prompt(self, part: AudioSegment, clock: TaskClock) -> list[int]:
        require_min_length(part.recording, "The recording")
        started = time.perf_counter()
        glm = self._parts.glm.encode(part.recording.channel_mean.astype(np.float32))
        semantic = self._semantic_codes(part.recording)
        clock.encode_s += time.perf_counter() - started
        return transcribe_prompt(self._parts.layout, glm, semantic)

    # -- speak and convert --------------------------------------------------------------------------------------------

    def speak(self, text: str, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Turn text into speech.

        Args:
            text: What to say, as written.
            voice: Who says it.
            options: Sampling; the reference's by default.

        Raises:
            InputTextError: Nothing that can be spoken.
            InputTooLongError: More text than one pass takes.
            VoiceError: The voice was made for another model.
            NoSpeechError: The model produced no speech.
            SettingsError: An option is out of range.
        """
        return _fold(self.stream_speak(text, voice=voice, options=options))

    def stream_speak(
        self, text: str, *, voice: Voice, options: GenerationOptions | None = None, lookahead: int | None = None
    ) -> SpeechStream:
        """Yield speech as it is made; arguments and errors as for `speak`.

        With a `lookahead` sound starts that many codes after the first chunk's, which is sooner and no longer exact:
        `StreamingDecoder` tells by how much.
        """
        options = _checked(options or self.default_options("speak"))
        check_text(text)
        self._check_voice(voice)
        prompt = speak_prompt(self._parts.layout, voice.global_tokens, self._parts.text.encode(text))
        return self._stream_speech(prompt, voice, options, "speak", TaskClock(), lookahead)

    def convert_voice(self, audio: AudioLike, *, voice: Voice, options: GenerationOptions | None = None) -> Speech:
        """Say the same thing in another voice.

        Args:
            audio: The source, at most 60 s.
            voice: Who shall say it.
            options: Sampling; the reference's by default, with a token budget that follows the source's length.

        Raises:
            AudioFileError: The audio cannot be used.
            InputTooLongError: More than 60 s.
            VoiceError: The voice was made for another model.
            NoSpeechError: The model produced no speech.
            SettingsError: An option is out of range.
        """
        return _fold(self.stream_convert_voice(audio, voice=voice, options=options))

    def stream_convert_voice(
        self,
        audio: AudioLike,
        *,
        voice: Voice,
        options: GenerationOptions | None = None,
        lookahead: int | None = None,
    ) -> SpeechStream:
        """Yield converted speech as it is made; `lookahead` as for `stream_speak`, all else as for `convert_voice`."""
        options = _checked(options or self.default_options("vc"))
        self._check_voice(voice)
        recording = load_recording(audio, max_duration_s=MAX_PASS_S)
        require_min_length(recording, "The source")
        if not np.any(recording.first_channel):
            raise GPAError("The source is silent.", hint="Give a recording with speech on its first channel.")

        def run() -> SpeechStream:
            clock = TaskClock()
            semantic = self._semantic_codes(recording)
            clock.encode_s = time.perf_counter() - clock.start
            prompt = convert_voice_prompt(self._parts.layout, voice.global_tokens, semantic)
            budget = max(_DEFAULT_MAX_TOKENS, len(semantic) * 5 // 4)
            bounded = options if options.max_tokens is not None else replace(options, max_tokens=budget)
            yield from self._stream_speech(prompt, voice, bounded, "vc", clock, lookahead)

        return run()

    def _stream_speech(
        self,
        prompt: Sequence[int],
        voice: Voice,
        options: GenerationOptions,
        task: Task,
        clock: TaskClock,
        lookahead: int | None,
    ) -> SpeechStream:
        layout = self._parts.layout
        decoder = self._parts.vocoder.stream(voice.global_tokens, lookahead=lookahead)
        chunker = SpeechChunker(decoder, whole_mean=not options.constrain)
        codes: list[int] = []
        handed_out = 0
        finish: FinishReason = "length"
        in_speech = True
        stop_ids = self._stop_ids(options)
        for token in (generated.id for generated in self._generate(prompt, options, task, clock)):
            if token in stop_ids:
                finish = "stop"
                break
            # The reference reads up to a second end marker and ignores everything that is not a semantic token.
            in_speech = in_speech and token != layout.end_content
            if not in_speech or token not in layout.semantic:
                continue
            codes.append(layout.semantic.code_of(token))
            started = time.perf_counter()
            audio = chunker.push(codes[-1])
            clock.decode_s += time.perf_counter() - started
            if len(audio):
                clock.first_output()
                first, handed_out = handed_out, handed_out + len(audio) // decoder.samples_per_code
                yield SpeechChunk(
                    audio=audio,
                    sample_rate=SAMPLE_RATE_HZ,
                    codes=np.asarray(codes[first:handed_out], dtype=np.int32),
                )
        if not codes:
            raise NoSpeechError(
                "The model ended without any speech.", hint="Try another seed, a higher temperature or other input."
            )
        started = time.perf_counter()
        audio = chunker.finish()
        clock.decode_s += time.perf_counter() - started
        clock.first_output()
        yield SpeechChunk(
            audio=audio,
            sample_rate=SAMPLE_RATE_HZ,
            codes=np.asarray(codes[handed_out:], dtype=np.int32),
            finish_reason=finish,
            timings=clock.timings(len(codes) * decoder.samples_per_code / SAMPLE_RATE_HZ),
            seed=options.seed,
        )

    # -- voices and codes ---------------------------------------------------------------------------------------------

    def make_voice(self, audio: AudioLike, *, name: str) -> Voice:
        """Make a voice from a recording; only the speaker encoder runs.

        Args:
            audio: 3 to 10 s of one clean voice is best; the first 6 s count.
            name: For people.

        Raises:
            AudioFileError: The audio cannot be used.
            VoiceError: Silent or shorter than 0.5 s.
            InputTooLongError: Longer than 10 minutes.
        """
        recording = load_recording(audio, max_duration_s=MAX_REFERENCE_S)
        if recording.duration_s < MIN_VOICE_S:
            raise VoiceError(
                f"The recording for the voice is {recording.duration_s:.2f} s long; it takes at least {MIN_VOICE_S} s.",
                hint="Use 3 to 10 s of clean speech.",
            )
        if not np.any(recording.first_channel):
            raise VoiceError("The recording for the voice is silent.", hint="Use 3 to 10 s of clean speech.")
        return Voice(name=name, global_tokens=tuple(int(code) for code in self._global_codes(recording)))

    def tokenize(self, audio: AudioLike) -> AudioTokens:
        """Turn a recording into its three kinds of codes, as the reference does.

        GLM codes cover at most the first 30 s, the tokenizer's limit, as `glm_duration_s` tells.

        Raises:
            AudioFileError: The audio cannot be used.
            InputTooLongError: More than 60 s.
        """
        recording = load_recording(audio, max_duration_s=MAX_PASS_S)
        require_min_length(recording, "The recording")
        mean = recording.channel_mean[: self._parts.glm.max_samples]
        return AudioTokens(
            glm=self._parts.glm.encode(mean.astype(np.float32)),
            semantic=self._semantic_codes(recording),
            global_tokens=self._global_codes(recording),
            duration_s=recording.duration_s,
            glm_duration_s=len(mean) / SAMPLE_RATE_HZ,
        )

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Decode codes to sound: `(320 * len(semantic),)` float32, the decoder's output as it is.

        Raises:
            GPAError: No codes, or codes this model does not have.
        """
        return self._parts.vocoder.decode(semantic, global_tokens)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _generate(
        self, prompt: Sequence[int], options: GenerationOptions, task: Task, clock: TaskClock
    ) -> Generator[Token, None, None]:
        clock.prompt_tokens += len(prompt)
        tokens = generate_tokens(
            self._parts.language_model,
            self._head(task, options),
            prompt,
            options,
            max_tokens=options.max_tokens or _DEFAULT_MAX_TOKENS,
            stop_ids=self._stop_ids(options),
        )
        mark = time.perf_counter()
        for count, token in enumerate(tokens):
            now = time.perf_counter()
            if count == 0:
                clock.prefill_s += now - mark
            else:
                clock.generate_s += now - mark
            clock.generated_tokens += 1
            yield token
            mark = time.perf_counter()

    def _head(self, task: Task, options: GenerationOptions) -> SlicedHead:
        if not options.constrain:
            return self._parts.full_head
        return self._parts.text_head if task == "transcribe" else self._parts.speech_head

    def _stop_ids(self, options: GenerationOptions) -> frozenset[int]:
        layout = self._parts.layout
        return frozenset({layout.im_end, layout.end_content} if options.constrain else {layout.im_end})

    def _semantic_codes(self, recording: Recording) -> Codes:
        return self._parts.semantic.encode(bicodec_waveform(recording.first_channel, self._parts.bicodec_args))

    def _global_codes(self, recording: Recording) -> Codes:
        return self._parts.speaker.encode(bicodec_waveform(recording.first_channel, self._parts.bicodec_args))

    def _check_voice(self, voice: Voice) -> None:
        speaker = self._parts.bicodec_args.speaker_encoder
        if len(voice.global_tokens) != speaker.token_num or max(voice.global_tokens) >= speaker.codebook_size:
            raise VoiceError(
                f"The voice '{voice.name}' does not fit this model.", hint="Make the voice again with this model."
            )


def _checked(options: GenerationOptions) -> GenerationOptions:
    check_options(options)
    if options.temperature > 0 and options.seed is None:
        options = replace(options, seed=secrets.randbits(31))
    return options


_SEVERITY: tuple[FinishReason, ...] = ("no_speech", "stop", "length", "loop")


def _worse(first: FinishReason, second: FinishReason) -> FinishReason:
    """Return how the whole ended when its parts ended so: any speech is better known than none, any flaw than none."""
    return first if _SEVERITY.index(first) > _SEVERITY.index(second) else second


def _fold(chunks: Iterator[SpeechChunk]) -> Speech:
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
