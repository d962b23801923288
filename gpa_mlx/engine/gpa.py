"""GPA: one object that transcribes, speaks and converts voices.

Every `stream_x` checks its arguments at the call and yields numpy and text as they appear; its last item alone carries
`finish_reason` and `timings`. Every `x` is the fold of its stream.

Speech is decoded while its codes are generated, in the chunks of `SpeechChunker`; a chunk has the codes of its audio.
The mean is removed as the speech goes (`DCOffsetRemover`), and pauses are made silent (`NoiseGate`); only with
`constrain=False` it is the mean of the whole utterance and nothing else, as in the reference, and all audio is in the
last chunk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.audio.recording import Recording, require_min_length
from gpa_mlx.codec.speech import SpeechChunker
from gpa_mlx.engine.tasks import (
    DEFAULT_MAX_TOKENS,
    checked,
    glm_and_semantic_codes,
    head_of,
    load_parts,
    semantic_codes,
    stop_ids_of,
)
from gpa_mlx.engine.transcriber import Transcriber
from gpa_mlx.errors import GPAError, NoSpeechError, VoiceError
from gpa_mlx.lm.generate import Token, generate_tokens
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.model.prompts import convert_voice_prompt, speak_prompt
from gpa_mlx.runtime.timing import TaskTimer
from gpa_mlx.text.joining import check_text, join_segments
from gpa_mlx.tokenizers.bicodec import bicodec_waveform
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioLike,
    AudioTokens,
    Codes,
    FinishReason,
    GenerationOptions,
    LiveStream,
    Segment,
    Speech,
    SpeechChunk,
    SpeechStream,
    Task,
    Transcription,
    TranscriptionStream,
    VadChoice,
    Voice,
    Waveform,
)

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
_MAX_PASSAGE_CHARS = 200


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
        self._listener = Transcriber(parts, partial(self._generate, task="transcribe"))

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
        return self._listener.max_segment_s

    @property
    def reference_s(self) -> float:
        """Seconds of a recording that the model makes a voice from; what comes after them is not heard."""
        return self._parts.bicodec_args.ref_segment_duration

    def warm(self, task: Task) -> None:
        """Load the parts a task needs now instead of at its first use."""
        load_parts(self._parts, task)

    # -- transcribe ---------------------------------------------------------------------------------------------------

    def transcribe(
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: VadChoice = True, batch: int = 1
    ) -> Transcription:
        """Turn speech into text.

        Args:
            audio: A file, or samples and their rate. Longer than 30 s is cut at silences.
            options: Sampling; greedy by default.
            vad: Skip what is not speech, by the default detector or the one named. Without it everything goes to the
                model, which invents words for silence.
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
        self, audio: AudioLike, *, options: GenerationOptions | None = None, vad: VadChoice = True, batch: int = 1
    ) -> TranscriptionStream:
        """Yield text as it is decoded; arguments and errors as for `transcribe`.

        With a batch of several segments the text of each comes in one piece.
        """
        options = checked(options or self.default_options("transcribe"))
        return self._listener.stream(audio, options, vad=vad, batch=batch)

    def stream_transcribe_live(
        self, blocks: Iterable[Waveform], *, options: GenerationOptions | None = None, vad: VadChoice = True
    ) -> LiveStream:
        """Yield what is being said while it is said; `close` cancels.

        A pause of 1 s ends a segment, and so does `max_segment_s`. Its final text is that of `transcribe` with
        `vad=False` for the samples from its start to its end; what is shown before it ends is provisional.

        Args:
            blocks: 16 kHz mono float32, `(samples,)` of any length, also empty ("nothing new"), until the source ends.
                Waiting for audio is the source's business; it should hand out all it has at once.
            options: Sampling; greedy by default.
            vad: Hear only what may be speech, see `transcribe`. Without it everything is heard.

        Raises:
            SettingsError: An option is out of range.
        """
        options = checked(options or self.default_options("transcribe"))
        return self._listener.stream_live(blocks, options, vad=vad)

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
        options = checked(options or self.default_options("speak"))
        check_text(text)
        self._check_voice(voice)
        prompt = speak_prompt(self._parts.layout, voice.global_tokens, self._parts.text.encode(text))
        return self._stream_speech(prompt, voice, options, "speak", TaskTimer(), lookahead)

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
        options = checked(options or self.default_options("vc"))
        self._check_voice(voice)
        recording = load_recording(audio, max_duration_s=MAX_PASS_S)
        require_min_length(recording, "The source")
        if not np.any(recording.first_channel):
            raise GPAError("The source is silent.", hint="Give a recording with speech on its first channel.")

        def run() -> SpeechStream:
            clock = TaskTimer()
            semantic = semantic_codes(self._parts, recording)
            clock.encode_s = time.perf_counter() - clock.start
            prompt = convert_voice_prompt(self._parts.layout, voice.global_tokens, semantic)
            budget = max(DEFAULT_MAX_TOKENS, len(semantic) * 5 // 4)
            bounded = options if options.max_tokens is not None else replace(options, max_tokens=budget)
            yield from self._stream_speech(prompt, voice, bounded, "vc", clock, lookahead)

        return run()

    def _stream_speech(
        self,
        prompt: Sequence[int],
        voice: Voice,
        options: GenerationOptions,
        task: Task,
        clock: TaskTimer,
        lookahead: int | None,
    ) -> SpeechStream:
        layout = self._parts.layout
        decoder = self._parts.vocoder.stream(voice.global_tokens, lookahead=lookahead)
        chunker = SpeechChunker(decoder, as_reference=not options.constrain)
        codes: list[int] = []
        handed_out = 0
        finish: FinishReason = "length"
        in_speech = True
        stop_ids = stop_ids_of(self._parts, options)
        for token in (generated.id for generated in self._generate(prompt, options, clock, task=task)):
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
            audio: One clean voice; the first `reference_s` count.
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
                hint=f"Use {self.reference_s:g} s of clean speech.",
            )
        if not np.any(recording.first_channel):
            raise VoiceError(
                "The recording for the voice is silent.", hint=f"Use {self.reference_s:g} s of clean speech."
            )
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
        glm, semantic = glm_and_semantic_codes(self._parts, recording)
        return AudioTokens(
            glm=glm,
            semantic=semantic,
            global_tokens=self._global_codes(recording),
            duration_s=recording.duration_s,
            glm_duration_s=min(len(recording), self._parts.glm.max_samples) / SAMPLE_RATE_HZ,
        )

    def detokenize(self, semantic: Sequence[int], global_tokens: Sequence[int]) -> Waveform:
        """Decode codes to sound: `(320 * len(semantic),)` float32, the decoder's output as it is.

        Raises:
            GPAError: No codes, or codes this model does not have.
        """
        return self._parts.vocoder.decode(semantic, global_tokens)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _generate(
        self, prompt: Sequence[int], options: GenerationOptions, clock: TaskTimer, *, task: Task
    ) -> Generator[Token, None, None]:
        clock.prompt_tokens += len(prompt)
        tokens = generate_tokens(
            self._parts.language_model,
            head_of(self._parts, task, options),
            prompt,
            options,
            max_tokens=options.max_tokens or DEFAULT_MAX_TOKENS,
            stop_ids=stop_ids_of(self._parts, options),
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

    def _global_codes(self, recording: Recording) -> Codes:
        return self._parts.speaker.encode(bicodec_waveform(recording.first_channel, self._parts.bicodec_args))

    def _check_voice(self, voice: Voice) -> None:
        speaker = self._parts.bicodec_args.speaker_encoder
        if len(voice.global_tokens) != speaker.token_num or max(voice.global_tokens) >= speaker.codebook_size:
            raise VoiceError(
                f"The voice '{voice.name}' does not fit this model.", hint="Make the voice again with this model."
            )


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
