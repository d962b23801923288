"""`/v1/audio/transcriptions`, as OpenAI's: a recording becomes text, at once or in events."""

from __future__ import annotations

import asyncio
import math
import os
import zlib
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpa_mlx.errors import GPAError
from gpa_mlx.jobs.events import RecordingDone, RecordingFailed, TextChunk
from gpa_mlx.jobs.recordings import RecordingInput
from gpa_mlx.jobs.transcribe import TranscribeJob, TranscribeRequest
from gpa_mlx.server.answers import UnbrokenStream, pinged, server_sent, while_connected
from gpa_mlx.server.errors import ApiError, api_error, invalid, unsupported
from gpa_mlx.server.headers import ignored_header
from gpa_mlx.server.lengths import check_length, too_long
from gpa_mlx.server.speech import Sampling, read_sampling
from gpa_mlx.server.state import ServerState, state_of
from gpa_mlx.server.uploads import form_of, recordings_of
from gpa_mlx.text.cjk import is_cjk
from gpa_mlx.text.custom_vocabulary import CustomVocabulary
from gpa_mlx.transcripts.chunk_documents import chunk_document
from gpa_mlx.transcripts.emptiness import EMPTY_REASONS
from gpa_mlx.transcripts.formats import render

if TYPE_CHECKING:
    from starlette.requests import Request

    from gpa_mlx.server.fields import Fields
    from gpa_mlx.server.work import Work
    from gpa_mlx.types import AudioFile, Segment, Transcription, TranscriptionChunk

TextFormat: TypeAlias = Literal["json", "text", "srt", "verbose_json", "vtt"]

TEXT_FORMATS: tuple[TextFormat, ...] = ("json", "text", "srt", "verbose_json", "vtt")

_STREAM_FORMATS = ("events", "chunks")
_IGNORED = ("prompt", "language", "languages")
_GRANULARITIES = ("segment", "word")
_CONTENT_TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
_PLAIN_FORMATS = {"srt": "srt", "vtt": "vtt"}


async def create_transcription(request: Request) -> Response:
    """Transcribe an uploaded recording."""
    state = state_of(request)
    async with AsyncExitStack() as stack:
        fields = await stack.enter_async_context(form_of(request))
        state.check_model(fields.text("model"))
        wanted = fields.raw("response_format")
        if wanted == "diarized_json":
            raise unsupported("response_format", "The model does not tell speakers apart: use 'verbose_json'.")
        text_format = fields.choice("response_format", "json", TEXT_FORMATS)
        _check_granularities(fields, text_format)
        if "logprobs" in fields.texts("include"):
            raise unsupported("include", "'logprobs' cannot be had; 'verbose_json' has a confidence for each segment.")
        streams = fields.switch("stream")
        if streams and text_format not in ("json", "text"):
            raise unsupported("stream", f"'{text_format}' cannot be streamed: use 'json' or 'text'.")
        in_chunks = fields.choice("stream_format", "events", _STREAM_FORMATS) == "chunks"
        sampling, keywords = read_sampling(fields), _keywords(fields)
        vad = _vad(fields)
        ignored = [name for name in _IGNORED if fields.raw(name) or fields.raw(f"{name}[]")] + list(fields.unused)
        (recording,) = await stack.enter_async_context(recordings_of(fields, "file"))
        duration_s = await asyncio.to_thread(check_length, recording, state.options.limits)
        headers = ignored_header(ignored)

        def start() -> Generator[TextChunk | RecordingDone, None, None]:
            return transcribed(state, recording, sampling, vad=vad)

        if streams:
            work = await stack.enter_async_context(state.runner.run(start))
            events = _chunks(work) if in_chunks else _events(work, keywords, duration_s)
            return UnbrokenStream(events, stack.pop_all(), "text/event-stream", headers)
        async with state.runner.run(start) as work:
            transcription = await while_connected(request, last_of(work))
        if transcription.empty_reason is not None:
            headers["X-Finish-Reason"] = transcription.empty_reason
        return _answer(transcription, text_format, keywords, headers)


def transcribed(
    state: ServerState, recording: AudioFile, sampling: Sampling, *, vad: bool
) -> Generator[TextChunk | RecordingDone, None, None]:
    """Transcribe a recording, on a job's thread: its text as it comes, then the whole.

    Raises:
        GPAError: It cannot be used.
        ApiError: It turned out to be too long.
    """
    path = Path(os.fspath(recording))
    name = recording.name or path.name
    job = TranscribeJob(
        state.engine,
        TranscribeRequest(
            recordings=(
                RecordingInput(
                    name=name, label=name, path=path, place=Path(path.stem), spool=lambda: nullcontext(path)
                ),
            ),
            options=sampling.options(state.engine, "transcribe"),
            vad=vad,
        ),
    )
    with closing(job.run()) as events:
        for event in events:
            if isinstance(event, RecordingFailed):
                raise event.error
            if isinstance(event, TextChunk):
                if event.position_s > state.options.limits.duration_s:
                    raise too_long(state.options.limits)
                yield event
            elif isinstance(event, RecordingDone):
                yield event


async def last_of(work: Work[TextChunk | RecordingDone]) -> Transcription:
    """Return the whole text of a transcription."""
    async for event in work:
        if isinstance(event, RecordingDone):
            return event.transcription
    raise ApiError(500, "The transcription ended without a result.", code="failed")


def _check_granularities(fields: Fields, text_format: TextFormat) -> None:
    granularities = fields.texts("timestamp_granularities")
    for granularity in granularities:
        if granularity not in _GRANULARITIES:
            raise invalid("timestamp_granularities", "'timestamp_granularities' may be 'segment' and 'word'.")
    if "word" in granularities:
        raise unsupported("timestamp_granularities", "This model tells the times of segments, not of words.")
    if granularities and text_format != "verbose_json":
        raise invalid("timestamp_granularities", "'timestamp_granularities' needs 'response_format=verbose_json'.")


def _keywords(fields: Fields) -> CustomVocabulary | None:
    """Return the client's own spellings."""
    words = fields.texts("keywords")
    return CustomVocabulary(words, "keywords") if words else None


def _vad(fields: Fields) -> bool:
    """Return whether speech is looked for; the details of a detector of another kind are ignored."""
    fields.raw("chunking_strategy")
    for name in ("type", "threshold", "prefix_padding_ms", "silence_duration_ms"):
        fields.raw(f"chunking_strategy[{name}]")
    return fields.switch("vad", default=True)


def _corrected(text: str, keywords: CustomVocabulary | None) -> str:
    return text if keywords is None else keywords.correct(text).text


def _answer(
    transcription: Transcription, text_format: TextFormat, keywords: CustomVocabulary | None, headers: dict[str, str]
) -> Response:
    text, segments = _corrected(transcription.text, keywords), transcription.segments
    if text_format == "json":
        return JSONResponse({"text": text, "usage": _usage(transcription)}, headers=headers)
    if text_format == "verbose_json":
        document = {
            "task": "transcribe",
            "language": "",
            "duration": transcription.timings.audio_s,
            "text": text,
            "segments": [_segment(number, segment, keywords) for number, segment in enumerate(segments)],
            "usage": _usage(transcription),
        }
        return JSONResponse(document, headers=headers)
    content = f"{text}\n" if text_format == "text" else render(_PLAIN_FORMATS[text_format], segments)
    return PlainTextResponse(content, media_type=_CONTENT_TYPES[text_format], headers=headers)


def _usage(transcription: Transcription) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(transcription.timings.audio_s)}


def _segment(number: int, segment: Segment, keywords: CustomVocabulary | None) -> dict[str, Any]:
    """Return a segment with all fields that OpenAI's clients require; what the model does not tell is neutral."""
    text = _corrected(segment.text, keywords)
    content = text.encode()
    return {
        "id": number,
        "seek": round(segment.start_s * 100),
        "start": segment.start_s,
        "end": segment.end_s,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": math.log(segment.confidence) if segment.confidence else 0.0,
        "compression_ratio": len(content) / len(zlib.compress(content)) if content else 0.0,
        "no_speech_prob": 0.0,
    }


class TextDeltas:
    """The text of a transcription in pieces that are only ever added to, as it comes.

    What was sent cannot be taken back. A segment whose text begins anew is held back until it is complete, and then
    sent as far as it goes on what was sent; so is every segment where the client's spellings may change words.

    Args:
        keywords: The client's spellings.
    """

    def __init__(self, keywords: CustomVocabulary | None) -> None:
        self._keywords = keywords
        self._last = ""
        self._segment = ""
        self._is_held = keywords is not None

    def take(self, chunk: TranscriptionChunk) -> str:
        """Return what is to be sent after one more chunk."""
        self._is_held = self._is_held or chunk.restarts
        delta = "" if self._is_held else self._grown(self._segment + chunk.text)
        if chunk.segment is not None:
            delta += self._grown(_corrected(chunk.segment.text, self._keywords))
            self._segment, self._is_held = "", self._keywords is not None
        return delta

    def _grown(self, segment: str) -> str:
        """Return what a segment has more than was sent of it, with a blank between segments where one belongs."""
        segment = segment.lstrip()
        if not segment.startswith(self._segment) or len(segment) == len(self._segment):
            return ""
        more = segment[len(self._segment) :]
        glue = "" if self._segment or not self._last or is_cjk(self._last) or is_cjk(more[0]) else " "
        self._segment, self._last = segment, segment[-1]
        return glue + more


async def _events(
    work: Work[TextChunk | RecordingDone], keywords: CustomVocabulary | None, duration_s: float | None
) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events as OpenAI's clients read them, with how far the work is, and the segments at the end."""
    deltas = TextDeltas(keywords)
    try:
        async for event in pinged(work):
            if event is None:
                yield b": ping\n\n"
            elif isinstance(event, RecordingDone):
                transcription = event.transcription
                segments = enumerate(transcription.segments)
                yield server_sent(
                    {
                        "type": "transcript.text.done",
                        "text": _corrected(transcription.text, keywords),
                        "usage": _usage(transcription),
                        "segments": [_segment(number, segment, keywords) for number, segment in segments],
                        "empty_reason": transcription.empty_reason,
                        "message": EMPTY_REASONS[reason] if (reason := transcription.empty_reason) else None,
                    }
                )
            elif delta := deltas.take(event.chunk):
                done = {"position_s": round(event.position_s, 2), "duration_s": duration_s}
                yield server_sent({"type": "transcript.text.delta", "delta": delta, **done})
    except (GPAError, ApiError) as error:
        yield server_sent(api_error(error).document)


async def _chunks(work: Work[TextChunk | RecordingDone]) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events with all that the engine says, as `gpa-mlx transcribe --server` reads them."""
    try:
        async for event in pinged(work):
            if event is None:
                yield b": ping\n\n"
            elif isinstance(event, TextChunk):
                yield server_sent({"type": "transcript.chunk", "chunk": chunk_document(event.chunk)})
    except (GPAError, ApiError) as error:
        yield server_sent(api_error(error).document)


async def create_translation(request: Request) -> Response:
    """Refuse: the model writes down what is said in the language it is said in."""
    async with form_of(request):
        raise unsupported("model", "This model transcribes; it does not translate.")
