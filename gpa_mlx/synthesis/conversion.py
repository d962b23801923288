"""Voice conversion of recordings of any length, segment by segment, the pauses kept."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.audio.recording import MIN_SAMPLES, require_min_duration
from gpa_mlx.audio.vad.registry import make_detector
from gpa_mlx.audio.vad.segmenter import AudioSegment, iter_segments
from gpa_mlx.codec.speech import LIVE_LOOKAHEAD
from gpa_mlx.errors import NoSpeechError
from gpa_mlx.synthesis.attempt import PassageEnd, SpeechRun
from gpa_mlx.synthesis.retry import BestAttempt, attempt_seed, best_attempt, with_seed
from gpa_mlx.text.metrics import character_error_rate
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.audio.files.reader import RecordingReader
    from gpa_mlx.protocols import SupportsConversion
    from gpa_mlx.types import AudioLike, GenerationOptions, Voice, Waveform

MAX_SEGMENT_S = 20.0
"""Longest segment that is converted in one go: the prompt grows by 50 tokens a second, the speech by as many."""

EARLY_SHARE = 0.5
"""A result below this share of its source's length stopped early; other voices say the same in 0.7 of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionSettings:
    """How a recording is converted.

    Attributes:
        retries: How often a segment that went wrong is converted again, with another seed.
        verify: Transcribe every segment before and after, and convert it again when they differ, within `retries`.
        live: Hand sound out while it is made, for playing; what is out cannot be repaired.
    """

    retries: int = 2
    verify: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedSegment:
    """One segment of speech, converted.

    Attributes:
        source_start_s: Where it begins in the source.
        source_end_s: Where it ends there.
        start_s: Where it begins in the result.
        end_s: Where it ends there.
        finish_reason: All but `stop` means that something is missing or wrong.
        seed: Of the attempt that was kept; None for greedy decoding.
        attempts: How often it was converted.
        error_rate: Share of characters transcribed differently in source and result; None when not verified.
    """

    source_start_s: float
    source_end_s: float
    start_s: float
    end_s: float
    finish_reason: PassageEnd
    seed: int | None
    attempts: int
    error_rate: float | None

    @property
    def stopped_early(self) -> bool:
        """Whether the result is so much shorter than the source that words must be missing."""
        return self.end_s - self.start_s < EARLY_SHARE * (self.source_end_s - self.source_start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionChunk:
    """A piece of a conversion; all pieces one after the other are the whole.

    Attributes:
        audio: float32 samples at 16 kHz, `(samples,)`; may be empty.
        source_s: How far into the source this is.
        segment: Set on the chunk that ends a segment.
    """

    audio: Waveform
    source_s: float
    segment: ConvertedSegment | None = None


ConversionStream: TypeAlias = Generator[ConversionChunk, None, None]
"""A running conversion; `close()` cancels it within one token."""


def convert_recording(
    engine: SupportsConversion,
    audio: AudioLike,
    *,
    voice: Voice,
    options: GenerationOptions,
    settings: ConversionSettings | None = None,
) -> ConversionStream:
    """Say what a recording of any length says in another voice.

    Every segment of speech of at most 20 s is converted on its own and put where it is in the source; what is not
    speech becomes silence of the same length. A result that is longer than its place moves what follows, until the
    next pauses have made up for it. With `options.constrain` off nothing of this happens: the recording is converted in
    one go, exactly as the reference does.

    Args:
        engine: Converts, and transcribes when segments are verified.
        audio: The source.
        voice: Who shall say it.
        options: Sampling; the n-th segment has the seed `options.seed + n`.
        settings: How to convert.

    Returns:
        The chunks. Closing the iterator cancels within a token.

    Raises:
        AudioFileError: The audio cannot be used.
        SettingsError: An option is out of range.
        VoiceError: The voice was made for another model.
        NoSpeechError: Nothing in the source sounds like speech, or nothing came out (raised at the end).
    """
    conversion = _Conversion(engine, voice, with_seed(options), settings or ConversionSettings())
    return (
        conversion.run(open_recording(audio, channels="speech")) if options.constrain else conversion.run_exactly(audio)
    )


class _Conversion:
    def __init__(
        self, engine: SupportsConversion, voice: Voice, options: GenerationOptions, settings: ConversionSettings
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._options = options
        self._settings = settings

    def run(self, reader: RecordingReader) -> ConversionStream:
        position, has_sound = 0, False
        with reader:
            longest_s = min(MAX_SEGMENT_S, self._engine.max_segment_s)
            segments = iter_segments(iter(reader), max_duration_s=longest_s, vad=make_detector(True))
            for number, segment in enumerate(segments):
                if len(segment.recording) < MIN_SAMPLES or not np.any(segment.recording.first_channel):
                    continue
                silence = max(0, round(segment.start_s * SAMPLE_RATE_HZ) - position)
                yield ConversionChunk(audio=np.zeros(silence, dtype=np.float32), source_s=segment.start_s)
                start = position = position + silence
                if self._settings.live:
                    seed = attempt_seed(self._options, number, 0)
                    run = self._begin(segment, seed)
                    for piece in run.pieces():
                        yield ConversionChunk(audio=piece, source_s=segment.start_s)
                    best = BestAttempt(kept=run.attempt(seed), count=1)
                    rest = np.zeros(0, dtype=np.float32)
                else:
                    best = self._best(segment, number)
                    rest = best.kept.audio
                position += len(best.kept.audio)
                has_sound = has_sound or position > start
                result = ConvertedSegment(
                    source_start_s=segment.start_s,
                    source_end_s=segment.end_s,
                    start_s=start / SAMPLE_RATE_HZ,
                    end_s=position / SAMPLE_RATE_HZ,
                    finish_reason=best.kept.finish_reason,
                    seed=best.kept.seed,
                    attempts=best.count,
                    error_rate=best.kept.error_rate,
                )
                yield ConversionChunk(audio=rest, source_s=segment.end_s, segment=result)
            end_s = reader.position_s
        require_min_duration(end_s, "The source")
        if not has_sound:
            raise NoSpeechError(
                "Nothing that sounds like speech was heard in the source, or nothing came out.",
                hint="Give a recording with speech.",
            )
        silence = max(0, round(end_s * SAMPLE_RATE_HZ) - position)
        yield ConversionChunk(audio=np.zeros(silence, dtype=np.float32), source_s=end_s)

    def run_exactly(self, audio: AudioLike) -> ConversionStream:
        speech = self._engine.stream_convert_voice(audio, voice=self._voice, options=self._options)
        run, samples = SpeechRun(speech, exact=True), 0
        for piece in run.pieces():
            samples += len(piece)
            yield ConversionChunk(audio=piece, source_s=0.0)
        if not samples:
            raise NoSpeechError(
                "The model ended without any speech.", hint="Try another seed, a higher temperature or other input."
            )
        end_s = samples / SAMPLE_RATE_HZ
        result = ConvertedSegment(
            source_start_s=0.0,
            source_end_s=end_s,
            start_s=0.0,
            end_s=end_s,
            finish_reason=run.finish_reason,
            seed=attempt_seed(self._options, 0, 0),
            attempts=1,
            error_rate=None,
        )
        yield ConversionChunk(audio=np.zeros(0, dtype=np.float32), source_s=end_s, segment=result)

    def _best(self, segment: AudioSegment, number: int) -> BestAttempt:
        error_rate = None
        if self._settings.verify:
            error_rate = partial(self._error_rate, self._transcribe(segment.recording.first_channel.astype(np.float32)))
        begin = partial(self._begin, segment)
        return best_attempt(1 + self._settings.retries, self._options, number, begin, error_rate)

    def _begin(self, segment: AudioSegment, seed: int | None) -> SpeechRun:
        source = segment.recording.first_channel, SAMPLE_RATE_HZ
        options = replace(self._options, seed=seed)
        lookahead = LIVE_LOOKAHEAD if self._settings.live else None
        speech = self._engine.stream_convert_voice(source, voice=self._voice, options=options, lookahead=lookahead)
        return SpeechRun(speech)

    def _error_rate(self, wanted: str, audio: Waveform) -> float:
        return character_error_rate([(wanted, self._transcribe(audio))])

    def _transcribe(self, audio: Waveform) -> str:
        return self._engine.transcribe((audio, SAMPLE_RATE_HZ), vad=False).text if len(audio) >= MIN_SAMPLES else ""
