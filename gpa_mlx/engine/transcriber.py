"""How the engine transcribes: recordings in segments, one by one or several together, and live sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial, reduce

from gpa_mlx.audio.files.reader import open_recording
from gpa_mlx.audio.recording import require_min_duration, require_min_length
from gpa_mlx.audio.vad.registry import make_detector
from gpa_mlx.audio.vad.segmenter import AudioSegment, Segmenter, iter_segments, split_quietly
from gpa_mlx.engine.hypothesis import Hypothesis, HypothesisBuilder
from gpa_mlx.engine.local_agreement import follow
from gpa_mlx.engine.tasks import DEFAULT_MAX_TOKENS, glm_and_semantic_codes, head_of, load_parts, stop_ids_of
from gpa_mlx.errors import SettingsError
from gpa_mlx.lm.batch import BatchGenerator, BatchRequest
from gpa_mlx.lm.generate import Token
from gpa_mlx.model.parts import ModelParts
from gpa_mlx.model.prompts import transcribe_prompt
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.runtime.timing import TaskTimer
from gpa_mlx.text.joining import join_segments
from gpa_mlx.tokenizers.glm import GLMTokenizer, IncrementalGLMTokenizer
from gpa_mlx.types import (
    SAMPLE_RATE_HZ,
    AudioLike,
    FinishReason,
    GenerationOptions,
    LiveChunk,
    LiveStream,
    Segment,
    TranscriptionChunk,
    TranscriptionStream,
    VadChoice,
    Waveform,
)

Generate = Callable[[Sequence[int], GenerationOptions, TaskTimer], Generator[Token, None, None]]
"""Runs the language model on a prompt and adds to a clock."""


class Transcriber:
    """Transcribes with a loaded model; `gpa_mlx.engine.gpa.GPA` says what its streams are.

    Args:
        parts: The model's parts.
        generate: Its language model, for this task.
    """

    def __init__(self, parts: ModelParts, generate: Generate) -> None:
        self._parts = parts
        self._generate = generate

    @property
    def max_segment_s(self) -> float:
        """Longest stretch that the model hears in one go."""
        longest_s = self._parts.glm.max_samples / SAMPLE_RATE_HZ
        return min(longest_s, self._parts.manifest.max_segment_s or longest_s)

    def stream(
        self, audio: AudioLike, options: GenerationOptions, *, vad: VadChoice, batch: int
    ) -> TranscriptionStream:
        """Yield the text of a recording as it is decoded.

        Raises:
            AudioFileError: The audio cannot be used.
            SettingsError: The batch is empty.
        """
        if batch < 1:
            raise SettingsError(f"A batch of {batch} segments makes no sense.", hint="Give 1 or more.")
        detector = make_detector(vad)
        reader = open_recording(audio)

        def run() -> TranscriptionStream:
            clock = TaskTimer()
            reason: FinishReason = "no_speech"
            end_s = 0.0
            with reader:
                parts = iter_segments(iter(reader), max_duration_s=self.max_segment_s, vad=detector)
                hear = self._hear_one_by_one if batch == 1 else partial(self._hear_together, batch=batch)
                for chunk in hear(parts, options, clock):
                    if chunk.segment is not None:
                        reason = _worse(reason, chunk.segment.finish_reason)
                    yield chunk
                end_s = reader.position_s
            require_min_duration(end_s, "The recording")
            yield TranscriptionChunk(text="", start_s=end_s, finish_reason=reason, timings=clock.timings(end_s))

        return run()

    def stream_live(self, blocks: Iterable[Waveform], options: GenerationOptions, *, vad: VadChoice) -> LiveStream:
        """Yield what is known of a live source whenever that changes."""
        detector = make_detector(vad, is_live=True)

        def run() -> LiveStream:
            # What loading takes must not count as the time of the first hearing.
            load_parts(self._parts, "transcribe")
            clock = TaskTimer()
            reason: FinishReason = "no_speech"
            segmenter = Segmenter(max_duration_s=self.max_segment_s, vad=detector, is_live=True)
            with closing(follow(blocks, segmenter, _LiveDecoder(self, options, clock))) as chunks:
                for chunk in chunks:
                    if chunk.segment is not None:
                        reason = _worse(reason, chunk.segment.finish_reason)
                    clock.first_output()
                    yield chunk
            end_s = segmenter.position_s
            yield LiveChunk(heard_s=end_s, finish_reason=reason, timings=clock.timings(end_s))

        return run()

    def _hear_one_by_one(
        self, parts: Iterable[AudioSegment], options: GenerationOptions, clock: TaskTimer
    ) -> TranscriptionStream:
        for part in parts:
            prompt = self._transcribe_prompt(part, clock)
            builder = self._builder(options)
            with closing(self._generate(prompt, options, clock)) as tokens:
                for token in tokens:
                    if piece := builder.push(token):
                        clock.first_output()
                        yield TranscriptionChunk(text=piece, start_s=part.start_s)
                    if builder.is_done:
                        break
            tail = builder.flush()
            yield self.finished(part, builder.heard(), tail, options, clock)

    def _hear_together(
        self, parts: Iterable[AudioSegment], options: GenerationOptions, clock: TaskTimer, *, batch: int
    ) -> TranscriptionStream:
        """Decode several segments at the same time; they come out in order."""
        stop_ids = stop_ids_of(self._parts, options)
        budget = options.max_tokens or DEFAULT_MAX_TOKENS
        open_parts: dict[int, tuple[AudioSegment, HypothesisBuilder]] = {}

        def requests() -> Iterator[BatchRequest]:
            for index, part in enumerate(parts):
                prompt = self._transcribe_prompt(part, clock)
                clock.prompt_tokens += len(prompt)
                open_parts[index] = part, self._builder(options)
                yield BatchRequest(prompt=prompt, options=options, max_tokens=budget, stop_ids=stop_ids)

        done: set[int] = set()
        given_out = 0
        model, head = self._parts.language_model, head_of(self._parts, "transcribe", options)
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
                    yield self.finished(part, finished.heard(), finished.heard().text, options, clock)

    def finished(
        self, part: AudioSegment, heard: Hypothesis, text: str, options: GenerationOptions, clock: TaskTimer
    ) -> TranscriptionChunk:
        """Return the chunk that ends a segment, after a second hearing in two pieces if the model went in circles."""
        again = heard.finish_reason == "loop"
        if again and len(halves := split_quietly(part)) > 1:
            hearings = [self.hear(half, options, clock) for half in halves]
            heard = Hypothesis(
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

    def incremental_glm_tokenizer(self) -> IncrementalGLMTokenizer:
        """Return a GLM tokenizer for one segment that grows."""
        return self._parts.glm.growing()

    def _builder(self, options: GenerationOptions) -> HypothesisBuilder:
        parts = self._parts
        return HypothesisBuilder(
            parts.layout, parts.text, stop_ids_of(self._parts, options), exact=not options.constrain
        )

    def _transcribe_prompt(
        self, part: AudioSegment, clock: TaskTimer, glm: GLMTokenizer | IncrementalGLMTokenizer | None = None
    ) -> list[int]:
        require_min_length(part.recording, "The recording")
        started = time.perf_counter()
        glm_codes, semantic = glm_and_semantic_codes(self._parts, part.recording, glm)
        check_cancelled()
        clock.encode_s += time.perf_counter() - started
        return transcribe_prompt(self._parts.layout, glm_codes, semantic)

    def hear(
        self,
        part: AudioSegment,
        options: GenerationOptions,
        clock: TaskTimer,
        glm: GLMTokenizer | IncrementalGLMTokenizer | None = None,
    ) -> Hypothesis:
        """Hear a stretch in one go, with its GLM codes from `glm` instead of the model's tokenizer if there is one."""
        prompt = self._transcribe_prompt(part, clock, glm)
        builder = self._builder(options)
        with closing(self._generate(prompt, options, clock)) as tokens:
            for token in tokens:
                builder.push(token)
                if builder.is_done:
                    break
        builder.flush()
        return builder.heard()


class _LiveDecoder:
    """Hears one live source: open segments with what is already known of their codes, ended ones from scratch.

    BiCodec's codes change with all that follows, so they are computed anew each time; GLM codes of finished blocks do
    not, as `IncrementalGLMTokenizer` says.
    """

    def __init__(self, listener: Transcriber, options: GenerationOptions, clock: TaskTimer) -> None:
        self._listener = listener
        self._options = options
        self._clock = clock
        self._glm: IncrementalGLMTokenizer | None = None

    def decode_open(self, part: AudioSegment) -> str:
        self._glm = self._glm or self._listener.incremental_glm_tokenizer()
        return self._listener.hear(part, self._options, self._clock, self._glm).text

    def hear(self, part: AudioSegment) -> Segment:
        self._glm = None
        heard = self._listener.hear(part, self._options, self._clock)
        segment = self._listener.finished(part, heard, heard.text, self._options, self._clock).segment
        assert segment is not None
        return segment


_SEVERITY: tuple[FinishReason, ...] = ("no_speech", "stop", "length", "loop")


def _worse(first: FinishReason, second: FinishReason) -> FinishReason:
    """Return how the whole ended when its parts ended so: any speech is better known than none, any flaw than none."""
    return first if _SEVERITY.index(first) > _SEVERITY.index(second) else second
