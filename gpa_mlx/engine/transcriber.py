"""Transcription with any family's model: recordings in segments, one by one or in a batch, and live sources."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial, reduce

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.audio.level_survey import LevelSurvey
from gpa_mlx.audio.recording import Recording, require_min_duration, require_min_length
from gpa_mlx.audio.vad.registry import make_detector
from gpa_mlx.audio.vad.segmenter import AudioSegment, Segmenter, iter_segments, split_quietly
from gpa_mlx.engine.decoding import BatchDecoder, DecodingPass, checked, generate, heard_channels
from gpa_mlx.engine.hypothesis import Hypothesis, HypothesisBuilder
from gpa_mlx.engine.local_agreement import follow
from gpa_mlx.engine.timing import TaskTimer
from gpa_mlx.errors import SettingsError
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.model.tasks import Prompt, RecordingEncoder, TranscriptionTask
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.turns import turn_wanted
from gpa_mlx.text.joining import join_segments
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioLike,
    ChannelChoice,
    EmptyReason,
    FinishReason,
    GenerationOptions,
    LiveChunk,
    LiveStream,
    Samples,
    Segment,
    TranscriptionChunk,
    TranscriptionStream,
    VadChoice,
)


class Transcriber:
    """Transcribes with a loaded model; `gpa_mlx.engine.gpa.GPA` says what its streams are.

    Args:
        parts: The model.
        task: Its transcription.
    """

    def __init__(self, parts: ModelParts, task: TranscriptionTask) -> None:
        self._parts = parts
        self._task = task

    @property
    def max_segment_s(self) -> float:
        """Longest segment of one decoding pass, in seconds; asking loads nothing."""
        longest_s = self._task.max_samples / SAMPLE_RATE_HZ
        return min(longest_s, self._parts.manifest.max_segment_s or longest_s)

    def stream(
        self,
        audio: AudioLike,
        options: GenerationOptions,
        *,
        vad: VadChoice,
        batch: int,
        channels: ChannelChoice | None = None,
    ) -> TranscriptionStream:
        """Yield the text of a recording as it is decoded; arguments as for `GPA.transcribe`.

        Raises:
            AudioFileError: The audio cannot be used.
            SettingsError: The batch is empty, or an option is out of range.
        """
        options = checked(options)
        if batch < 1:
            raise SettingsError(f"A batch of {batch} segments makes no sense.", hint="Give 1 or more.")
        detector = make_detector(vad)
        clock = TaskTimer()
        reader = open_recording(audio, channels=heard_channels(options) if channels is None else channels)
        clock.read_s = time.perf_counter() - clock.start  # several tracks are looked into, a pipe is read to its end

        def run() -> TranscriptionStream:
            decoding = DecodingPass(options, clock)
            reason: FinishReason = "no_speech"
            end_s, has_text = 0.0, False
            survey = LevelSurvey()

            def surveyed() -> Iterator[Recording]:
                for block in reader:
                    survey.push(block)
                    yield block

            with reader:
                segments = clock.reading(iter_segments(surveyed(), max_duration_s=self.max_segment_s, vad=detector))
                decode = self._decode_one_by_one if batch == 1 else partial(self._decode_batch, batch=batch)
                for chunk in decode(segments, decoding):
                    if chunk.segment is not None:
                        reason = _worse(reason, chunk.segment.finish_reason)
                        has_text = has_text or bool(chunk.segment.text.strip())
                    yield chunk
                end_s = reader.position_s
            require_min_duration(end_s, reader.name)
            timings = decoding.clock.timings(end_s)
            empty: EmptyReason | None = None
            if not has_text:
                empty = survey.reason(reader.peak) if reason == "no_speech" else "no_words"
            yield TranscriptionChunk(text="", start_s=end_s, finish_reason=reason, timings=timings, empty_reason=empty)

        return run()

    def stream_live(self, blocks: Iterable[Samples], options: GenerationOptions, *, vad: VadChoice) -> LiveStream:
        """Yield what is known of a live source whenever that changes.

        Raises:
            SettingsError: An option is out of range.
        """
        options = checked(options)
        detector = make_detector(vad, is_live=True)

        def run() -> LiveStream:
            # What loading takes must not count as the time of the first pass.
            self._parts.load("transcribe")
            decoding = DecodingPass(options, TaskTimer())
            reason: FinishReason = "no_speech"
            segmenter = Segmenter(max_duration_s=self.max_segment_s, vad=detector, is_live=True)
            with closing(follow(blocks, segmenter, _LiveSegmentDecoder(self, self._task, decoding))) as chunks:
                for chunk in chunks:
                    if chunk.segment is not None:
                        reason = _worse(reason, chunk.segment.finish_reason)
                    decoding.clock.first_output()
                    yield chunk
            end_s = segmenter.position_s
            yield LiveChunk(heard_s=end_s, finish_reason=reason, timings=decoding.clock.timings(end_s))

        return run()

    def decode(
        self, segment: AudioSegment, decoding: DecodingPass, encoder: RecordingEncoder | None = None
    ) -> Hypothesis:
        """Decode a segment in one pass, encoded by `encoder` instead of the task's own if there is one."""
        prompt = self._prompt(segment, decoding, encoder)
        builder = self._builder(decoding)
        output = self._task.output(decoding.options)
        with closing(generate(self._parts.pool, output, prompt, decoding)) as tokens:
            for token in tokens:
                if token is not None:
                    builder.push(token)
                if builder.is_done:
                    break
        builder.flush()
        return builder.hypothesis()

    def finished(
        self, segment: AudioSegment, hypothesis: Hypothesis, text: str, decoding: DecodingPass
    ) -> TranscriptionChunk:
        """Return the chunk that ends a segment; if the model went into a loop, after decoding it anew in two pieces.

        Args:
            segment: What was decoded.
            hypothesis: The result of the first pass.
            text: What of it was in no chunk yet.
            decoding: Options and clock.
        """
        is_loop = hypothesis.finish_reason == "loop"
        if is_loop and len(halves := split_quietly(segment)) > 1:
            passes = [self.decode(half, decoding) for half in halves]
            hypothesis = Hypothesis(
                text=join_segments(half.text for half in passes),
                finish_reason=reduce(_worse, [half.finish_reason for half in passes]),
                confidence=min(half.confidence for half in passes),
            )
        transcribed = Segment(
            start_s=segment.speech_s[0],
            end_s=segment.speech_s[1],
            text=hypothesis.text,
            finish_reason=hypothesis.finish_reason,
            confidence=hypothesis.confidence,
            doubtful=is_loop,
        )
        return TranscriptionChunk(
            text=hypothesis.text if is_loop else text,
            start_s=segment.speech_s[0],
            restarts=is_loop,
            segment=transcribed,
        )

    def _decode_one_by_one(self, segments: Iterable[AudioSegment], decoding: DecodingPass) -> TranscriptionStream:
        for segment in segments:
            prompt = self._prompt(segment, decoding)
            builder = self._builder(decoding)
            output = self._task.output(decoding.options)
            with closing(generate(self._parts.pool, output, prompt, decoding)) as tokens:
                for token in tokens:
                    if token is None:
                        yield TranscriptionChunk(text="", start_s=segment.speech_s[0])
                    elif piece := builder.push(token):
                        decoding.clock.first_output()
                        yield TranscriptionChunk(text=piece, start_s=segment.speech_s[0])
                    if builder.is_done:
                        break
            tail = builder.flush()
            yield self.finished(segment, builder.hypothesis(), tail, decoding)

    def _decode_batch(
        self, segments: Iterable[AudioSegment], decoding: DecodingPass, *, batch: int
    ) -> TranscriptionStream:
        """Decode several segments at the same time; they come out in order."""
        open_segments: dict[int, tuple[AudioSegment, HypothesisBuilder]] = {}

        def prompts() -> Iterator[Prompt]:
            for index, segment in enumerate(segments):
                prompt = self._prompt(segment, decoding)
                open_segments[index] = segment, self._builder(decoding)
                yield prompt

        done: set[int] = set()
        given_out = 0
        output = self._task.output(decoding.options)
        decoder = BatchDecoder(self._parts.pool, output, prompts(), decoding, batch=batch)
        with closing(decoder.tokens()) as items:
            for item in items:
                builder = open_segments[item.index][1]
                builder.push(item.token)
                if builder.is_done or item.finish_reason:
                    decoder.cancel(item.index)
                    done.add(item.index)
                if turn_wanted():
                    yield TranscriptionChunk(text="", start_s=open_segments[item.index][0].speech_s[0])
                while given_out in done:
                    segment, finished = open_segments.pop(given_out)
                    given_out += 1
                    decoding.clock.first_output()
                    finished.flush()
                    hypothesis = finished.hypothesis()
                    yield self.finished(segment, hypothesis, hypothesis.text, decoding)

    def _builder(self, decoding: DecodingPass) -> HypothesisBuilder:
        return HypothesisBuilder(self._task.output(decoding.options), exact=not decoding.options.constrain)

    def _prompt(self, segment: AudioSegment, decoding: DecodingPass, encoder: RecordingEncoder | None = None) -> Prompt:
        require_min_length(segment.recording, "The recording")
        with decoding.clock.encoding():
            prompt = (encoder or self._task).prompt(segment.recording)
            check_cancelled()
        return prompt


class _LiveSegmentDecoder:
    """Decodes one live source: open segments with what is already known of them, ended ones from scratch."""

    def __init__(self, transcriber: Transcriber, task: TranscriptionTask, decoding: DecodingPass) -> None:
        self._transcriber = transcriber
        self._task = task
        self._decoding = decoding
        self._encoder: RecordingEncoder | None = None

    def decode_open(self, segment: AudioSegment) -> str:
        self._encoder = self._encoder or self._task.incremental()
        return self._transcriber.decode(segment, self._decoding, self._encoder).text

    def decode(self, segment: AudioSegment) -> Segment:
        self._encoder = None
        hypothesis = self._transcriber.decode(segment, self._decoding)
        transcribed = self._transcriber.finished(segment, hypothesis, hypothesis.text, self._decoding).segment
        assert transcribed is not None
        return transcribed


_SEVERITY: tuple[FinishReason, ...] = ("no_speech", "stop", "length", "loop")


def _worse(first: FinishReason, second: FinishReason) -> FinishReason:
    """Return how the whole ended when its parts ended so: any speech is better known than none, any flaw than none."""
    return first if _SEVERITY.index(first) > _SEVERITY.index(second) else second
