"""The data that crosses module borders: frozen, typed, without MLX arrays."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from gpa_mlx.errors import VoiceError

Waveform: TypeAlias = npt.NDArray[np.float32]
"""Mono samples in [-1, 1], shape `(samples,)`, float32: what the model and the decoders give."""

Samples: TypeAlias = npt.NDArray[np.float64]
"""Mono samples, shape `(samples,)`, float64: what was recorded, in a file or by a microphone. Wide, because the
reference resamples, averages and sums powers in float64."""

Codes: TypeAlias = npt.NDArray[np.int32]
"""Discrete audio codes (not vocabulary ids), shape `(codes,)`, int32."""

AudioLike: TypeAlias = str | os.PathLike[str] | tuple[npt.NDArray[np.floating], int]
"""A file, or samples `(samples,)` or `(samples, channels)` with their rate in Hz."""


@dataclass(frozen=True, slots=True)
class AudioFile(os.PathLike[str]):
    """A file, where more than its path is to be said of it.

    Attributes:
        path: The file.
        track: Which of several audio tracks, from 1; None chooses the default one, or one with speech.
        name: What messages call it; None means its path.
    """

    path: str
    track: int | None = None
    name: str | None = None

    def __fspath__(self) -> str:
        """Return the path."""
        return self.path


ChannelChoice: TypeAlias = Literal["speech", "reference"] | int
"""Which mono a recording with several channels is read as. `speech`: both halves of the model hear the channel, or the
mix, that has the speech; where all channels have it that is the reference's rule. `reference`: BiCodec hears channel 0,
the GLM tokenizer the mean of all channels. A number: that channel alone, counted from 0."""

FinishReason: TypeAlias = Literal["stop", "length", "loop", "cancelled", "no_speech"]
"""`stop`: the model ended by itself. `length`: the token budget ran out, the result is cut. `loop`: the model began to
repeat itself, the result is cut there.
`cancelled`: the caller closed the stream. `no_speech`: there was nothing to transcribe."""

EmptyReason: TypeAlias = Literal[
    "silent", "too_quiet", "too_short", "only_noise", "no_speech", "other_channel", "no_words"
]
"""Why there is no text. `silent`: every sample is zero. `too_quiet`: below -65 dB throughout. `too_short`: under 0.1 s.
`only_noise`: the level hardly changes. `no_speech`: the detector took nothing for speech. `other_channel`: there is
sound, but not in the channels that were heard, or these cancel. `no_words`: the model made no words of the speech."""

Task: TypeAlias = Literal["transcribe", "speak", "vc"]

VadChoice: TypeAlias = bool | str
"""Finding speech: True for the default detector, a name from `gpa_mlx.audio.vad.registry`, False for not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model can do.

    Attributes:
        family: Name of its model family.
        tasks: The tasks.
        words: All words that it can say and understand; None where it knows any.
    """

    family: str
    tasks: frozenset[Task]
    words: tuple[str, ...] | None = None


SAMPLE_RATE_HZ = 16_000
"""GPA reads and writes 16 kHz mono."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """How tokens are drawn from the language model.

    The processing order and meaning are those of Hugging Face `generate`: repetition penalty over prompt and
    generated ids (once per distinct id), then temperature, top-k, top-p.

    Attributes:
        max_tokens: Most new tokens of one pass; reaching it gives `finish_reason="length"`. None means the task's own
            budget: 512, for voice conversion at least 1.25 times the source's codes.
        temperature: 0 means greedy (top-k, top-p and seed are then unused).
        top_k: Keep the k best ids and everything tied with the k-th; 0 keeps all.
        top_p: Keep the smallest set of ids whose probability reaches this; 1.0 keeps all.
        repetition_penalty: > 1 makes ids that occurred before less likely; 1.0 is off.
        seed: Makes sampling repeatable; None draws a fresh seed.
        constrain: Allow only ids the task can use (semantic codes and stop, or text and stop), and stop at
            `<|end_content|>` too. False reproduces the reference exactly: full vocabulary, stop at `<|im_end|>`, and
            the mean of the whole utterance removed from speech, so that a stream has all its audio in the last chunk.
    """

    max_tokens: int | None = None
    temperature: float = 0.0
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    constrain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Wall-clock seconds of one task, and the audio it processed or produced.

    Attributes:
        read_s: File to segments of speech: decoding, resampling, voice activity detection.
        encode_s: Audio to codes (feature extraction and both tokenizers).
        prefill_s: Prompt through the language model, up to the first new token.
        generate_s: All further tokens.
        decode_s: Codes to waveform.
        first_output_s: From the call to the first text or audio handed out.
        audio_s: Seconds of audio transcribed or produced.
        prompt_tokens: Tokens in all prompts.
        generated_tokens: New tokens.
    """

    read_s: float = 0.0
    encode_s: float = 0.0
    prefill_s: float = 0.0
    generate_s: float = 0.0
    decode_s: float = 0.0
    first_output_s: float = 0.0
    audio_s: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0

    @property
    def processing_s(self) -> float:
        """Seconds of work, the sum of the five stages."""
        return self.read_s + self.encode_s + self.prefill_s + self.generate_s + self.decode_s

    @property
    def real_time_factor(self) -> float:
        """Processing time / audio time: below 1 is faster than real time (0 when there is no audio)."""
        return self.processing_s / self.audio_s if self.audio_s > 0 else 0.0

    @property
    def speed(self) -> float:
        """Audio time / processing time: above 1 is faster than real time (0 when nothing ran)."""
        return self.audio_s / self.processing_s if self.processing_s > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTokens:
    """One recording as discrete codes.

    Attributes:
        glm: GLM-4-voice codes, 12.5 per second, int32, of the first `glm_duration_s`.
        semantic: BiCodec semantic codes, 50 per second, int32.
        global_tokens: BiCodec speaker codes (32 for GPA), int32.
        duration_s: Length of the recording.
        glm_duration_s: How much of it the GLM codes cover: at most 30 s, the tokenizer's limit.
    """

    glm: Codes
    semantic: Codes
    global_tokens: Codes
    duration_s: float
    glm_duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a recording and its words; times in seconds from the start of the recording.

    Attributes:
        start_s: Where its speech begins, at most 0.1 s early; of a live source, and without a detector of speech, where
            the samples begin that were decoded.
        end_s: Where its speech ends, or those samples.
        text: Its words.
        finish_reason: `length` and `loop` mean that the text is cut.
        doubtful: The model went into a loop here, and the segment was decoded again in two pieces.
        confidence: Geometric mean of the probabilities of its tokens, 0 to 1; None where nothing was decoded.
        channel: What its channel is called where channels are transcribed apart: `left`, `right`, `channel 3`.
    """

    start_s: float
    end_s: float
    text: str
    finish_reason: FinishReason = "stop"
    confidence: float | None = None
    doubtful: bool = False
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionChunk:
    """A piece of a running transcription.

    Attributes:
        text: New text since the previous chunk.
        start_s: Start of the segment this text belongs to.
        restarts: The text of this segment so far is void, and it is decoded again: `text` is its new beginning.
        segment: The finished segment, set on the chunk that ends it.
        finish_reason: Set on the last chunk of the stream only.
        timings: Set on the last chunk of the stream only.
        empty_reason: Set on the last chunk when there was no text at all.
        channel: As for `Segment`; not set on the last chunk.
    """

    text: str
    start_s: float
    restarts: bool = False
    segment: Segment | None = None
    finish_reason: FinishReason | None = None
    timings: Timings | None = None
    empty_reason: EmptyReason | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """The words of a recording.

    Attributes:
        text: All of them.
        segments: Where which of them are.
        finish_reason: How it ended.
        timings: Where the time went.
        empty_reason: Why there is no text; None where there is some, and of what was cancelled.
    """

    text: str
    segments: tuple[Segment, ...]
    finish_reason: FinishReason
    timings: Timings
    empty_reason: EmptyReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChunk:
    """What is known of live speech at one moment.

    Attributes:
        confirmed: Words of the open segment that two passes in a row agree on; they only grow until it ends.
        unconfirmed: What the last pass has after them, with the blank between the two; it may still change.
            `confirmed + unconfirmed` is the text to show.
        start_s: Where the open segment begins; None while there is none.
        heard_s: Seconds of audio taken in so far.
        segment: The finished segment, set on the chunk that ends it: its text is that of `transcribe` for the same
            samples, whatever was shown before. The next chunk speaks of the next segment.
        finish_reason: Set on the last chunk of the stream only.
        timings: Set on the last chunk of the stream only.
    """

    confirmed: str = ""
    unconfirmed: str = ""
    start_s: float | None = None
    heard_s: float = 0.0
    segment: Segment | None = None
    finish_reason: FinishReason | None = None
    timings: Timings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechChunk:
    """A piece of generated speech; all pieces of a stream one after the other are the `Speech`.

    Attributes:
        audio: float32 samples, `(samples,)`, mean removed.
        sample_rate: Rate of `audio` in Hz.
        codes: The semantic codes of this audio, 320 samples each.
        finish_reason: Set on the last chunk of the stream only.
        timings: Set on the last chunk of the stream only.
        seed: Set on the last chunk when sampling: what reproduces this speech.
    """

    audio: Waveform
    sample_rate: int
    codes: Codes
    finish_reason: FinishReason | None = None
    timings: Timings | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Generated speech.

    Attributes:
        audio: float32 samples, `(samples,)`, mean removed (`DCOffsetRemover` states how), pauses silent.
        sample_rate: Rate of `audio` in Hz.
        codes: The semantic codes behind the audio, 320 samples each.
        finish_reason: `length` means the token budget ran out and the speech is cut.
        timings: Where the time went.
        seed: The seed that reproduces this sample; None for greedy decoding.
    """

    audio: Waveform
    sample_rate: int
    codes: Codes
    finish_reason: FinishReason
    timings: Timings
    seed: int | None = None


TranscriptionStream: TypeAlias = Generator[TranscriptionChunk, None, None]
"""A running transcription; `close()` cancels it within one token."""

LiveStream: TypeAlias = Generator[LiveChunk, None, None]
"""A running live transcription; `close()` cancels it."""

SpeechStream: TypeAlias = Generator[SpeechChunk, None, None]
"""Speech that is being made; `close()` cancels it within one token."""


_MAX_CODE = 2**31 - 1
"""Codes are int32; how many of these values a model has, only the model knows."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceOrigin:
    """What a voice was made from.

    Attributes:
        source_sha256: SHA-256 of the recording, 64 lower-case hexadecimal digits: of the file, or of the float32
            samples where there was no file.
        start_s: Where in the recording the part begins that the voice was made from.
        end_s: Where it ends.
        made_on: The day, as ISO date.
        consent: What the maker said about the right to use the voice, in one line; may be empty.
    """

    source_sha256: str
    start_s: float
    end_s: float
    made_on: str
    consent: str = ""

    def check(self, source: str) -> None:
        """Refuse values that mean nothing.

        Args:
            source: Where they came from, for error messages.

        Raises:
            VoiceError: A value is not what it should be.
        """
        if not isinstance(self.source_sha256, str) or not _SHA256.fullmatch(self.source_sha256):
            raise _malformed(source, "'source_sha256' must be 64 lower-case hexadecimal digits")
        for name, time_s in (("start_s", self.start_s), ("end_s", self.end_s)):
            if type(time_s) not in (int, float) or not 0 <= time_s <= sys.float_info.max:
                raise _malformed(source, f"'{name}' must be a time in seconds, not {time_s!r}")
        if self.end_s <= self.start_s:
            raise _malformed(source, f"its part of the recording ends at {self.end_s} s, before it begins")
        if not _is_date(self.made_on):
            raise _malformed(source, f"'made_on' must be a date such as 2026-11-21, not {self.made_on!r}")
        if not _is_line(self.consent):
            raise _malformed(source, f"'consent' must be a line of text, not {self.consent!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks.

    Attributes:
        name: For people.
        global_tokens: BiCodec speaker codes, as many as the model's config says (32 for GPA).
        family: The model family (see `Manifest.model_family`) whose models know these codes; empty when unknown.
        description: One line about the voice; may be empty.
        origin: What it was made from; None when unknown.
    """

    name: str
    global_tokens: tuple[int, ...]
    family: str = ""
    description: str = ""
    origin: VoiceOrigin | None = None

    def check(self, source: str) -> None:
        """Refuse values that mean nothing.

        Args:
            source: Where they came from, for error messages.

        Raises:
            VoiceError: A value is not what it should be.
        """
        if not _is_line(self.name) or not self.name or set(self.name) & set("/\\"):
            raise _malformed(source, f"'name' must be a line of text without slashes, not {self.name!r}")
        if not _is_line(self.family):
            raise _malformed(source, f"'family' must be a line of text, not {self.family!r}")
        if not _is_line(self.description):
            raise _malformed(source, f"'description' must be a line of text, not {self.description!r}")
        if not self.global_tokens:
            raise _malformed(source, "'global_tokens' is empty")
        for position, code in enumerate(self.global_tokens):
            if type(code) is not int or not 0 <= code <= _MAX_CODE:
                raise _malformed(source, f"'global_tokens'[{position}] is {code!r}, not a code")
        if self.origin is not None:
            self.origin.check(source)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value == value.strip()


def _malformed(source: str, problem: str) -> VoiceError:
    return VoiceError(f"{source} is not a voice: {problem}.", hint="Make the voice again from a recording.")
