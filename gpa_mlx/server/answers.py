"""Speech as an answer: bytes while it is made, server-sent events, or a finished file with its tag."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from gpa_mlx.audio.files.tagged_content import read_content
from gpa_mlx.errors import CancelledError, GPAError
from gpa_mlx.jobs.audio_output import AudioTarget
from gpa_mlx.jobs.events import AudioChunk, UnknownWords
from gpa_mlx.server.encoders import STREAMED_FORMATS, SpeechEncoder, StreamedFormat, mark_of
from gpa_mlx.server.errors import ApiError, api_error, unsupported
from gpa_mlx.server.headers import header_text
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from gpa_mlx.server.fields import Fields
    from gpa_mlx.server.state import ServerState
    from gpa_mlx.server.work import Work

logger = logging.getLogger(__name__)

T = TypeVar("T")

Delivery: TypeAlias = Literal["audio", "sse", "file"]
"""`audio`: bytes while the speech is made. `sse`: the same in events. `file`: when it is complete, with its tag."""

DELIVERIES: tuple[Delivery, ...] = ("audio", "sse", "file")

_CODE_SAMPLES = 320
_PING_S = 15.0


class SpeechJob(Protocol):
    """What `SpeakJob` and `ConvertJob` have in common."""

    result: Any

    def run(self) -> Generator[Any, None, None]:
        """Generate."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechShape:
    """How speech is sent.

    Attributes:
        name: Of the format, a key of `STREAMED_FORMATS`.
        rate_hz: Of its samples.
        delivery: See `Delivery`.
    """

    name: str
    rate_hz: int
    delivery: Delivery

    @property
    def format(self) -> StreamedFormat:
        """The format."""
        return STREAMED_FORMATS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """All of the speech has been sent.

    Attributes:
        duration_s: Its length.
        text_chars: Characters of the text; 0 where there was none.
    """

    duration_s: float
    text_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechDefaults:
    """How speech is sent where a request does not say.

    Attributes:
        format: A key of `STREAMED_FORMATS`.
        delivery: See `Delivery`.
        rate_hz: None takes that of the format.
    """

    format: str
    delivery: Delivery = "audio"
    rate_hz: int | None = None


def read_shape(fields: Fields, defaults: SpeechDefaults) -> SpeechShape:
    """Return how a request wants its speech.

    Raises:
        ApiError: That cannot be done.
        AudioFileError: Nothing here can encode the format.
    """
    name = fields.choice("response_format", defaults.format, tuple(STREAMED_FORMATS))
    chosen = STREAMED_FORMATS[name]
    chosen.check()
    delivery = fields.choice("stream_format", defaults.delivery, DELIVERIES)
    rate = fields.integer("sample_rate", defaults.rate_hz, 1, 1_000_000)
    if rate is not None and rate not in chosen.rates_hz:
        rates = ", ".join(map(str, chosen.rates_hz))
        raise unsupported("sample_rate", f"'{name}' has one of the rates {rates}.")
    if delivery == "file" and (not chosen.suffix or rate not in (None, SAMPLE_RATE_HZ)):
        raise unsupported("stream_format", f"'{name}' at this rate has no place for a tag: leave out 'stream_format'.")
    return SpeechShape(name=name, rate_hz=rate or chosen.rate_hz, delivery=delivery)


async def answer_speech(
    request: Request,
    state: ServerState,
    plan: Callable[[AudioTarget | None], SpeechJob],
    shape: SpeechShape,
    *,
    task: str,
    headers: dict[str, str],
    text_chars: int = 0,
    cleanup: AsyncExitStack,
) -> Response:
    """Answer with speech. Nothing is sent before the first sound, so that what fails until then has its status code.

    Args:
        request: The request.
        state: The server's.
        plan: Makes the job, on a thread of its own, for a file or for no file.
        shape: How the speech is sent.
        task: What the mark calls it.
        headers: Of the answer.
        text_chars: Characters of the text.
        cleanup: What is to be done when the answer is complete; this function sees to it.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(cleanup.aclose)
        if shape.delivery == "file":
            return await _whole(request, state, plan, shape, headers, stack)
        encoder = shape.format.make(shape.rate_hz, mark_of(task))
        work = await stack.enter_async_context(
            state.runner.run(lambda: _encoded(plan(None), encoder, text_chars=text_chars))
        )
        first, words = await while_connected(request, _first_sound(work))
        headers |= {"X-Sample-Rate": str(shape.rate_hz)}
        if words:
            headers["X-Unknown-Words"] = header_text(", ".join(words))
        rest = _from_first(first, work)
        if shape.delivery == "sse":
            return UnbrokenStream(_events(rest), stack.pop_all(), "text/event-stream", headers)
        content = (piece async for piece in rest if isinstance(piece, bytes))
        return UnbrokenStream(content, stack.pop_all(), shape.format.content_type, headers)


def _encoded(
    job: SpeechJob, encoder: SpeechEncoder, *, text_chars: int
) -> Generator[bytes | UnknownWords | Spoken, None, None]:
    """Run a job, on its thread, and yield its sound encoded."""
    with closing(job.run()) as events:
        for event in events:
            if isinstance(event, AudioChunk):
                if content := encoder.encode(event.audio):
                    yield content
            elif isinstance(event, UnknownWords):
                yield event
    if content := encoder.finish():
        yield content
    yield Spoken(duration_s=job.result.duration_s, text_chars=text_chars)


_Piece: TypeAlias = "bytes | UnknownWords | Spoken"


async def _first_sound(work: Work[_Piece]) -> tuple[_Piece | None, list[str]]:
    """Return the first sound, and the words that the model cannot say."""
    words: list[str] = []
    async for piece in work:
        if not isinstance(piece, UnknownWords):
            return piece, words
        words += piece.words
    return None, words


async def _from_first(first: _Piece | None, work: Work[_Piece]) -> AsyncGenerator[_Piece, None]:
    if first is not None:
        yield first
    async for piece in work:
        yield piece


async def _events(pieces: AsyncIterator[_Piece]) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events as OpenAI's clients read them; an error is an event, too."""
    try:
        async for piece in pinged(pieces):
            if piece is None:
                yield b": ping\n\n"
            elif isinstance(piece, bytes):
                yield server_sent({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
            elif isinstance(piece, Spoken):
                yield server_sent({"type": "speech.audio.done", "usage": _usage(piece)})
    except (GPAError, ApiError) as error:
        yield server_sent(api_error(error).document)


def _usage(spoken: Spoken) -> dict[str, int]:
    """Return what was used: characters of the text, codes of the speech."""
    codes = round(spoken.duration_s * SAMPLE_RATE_HZ / _CODE_SAMPLES)
    return {
        "input_tokens": spoken.text_chars,
        "output_tokens": codes,
        "total_tokens": spoken.text_chars + codes,
    }


async def _whole(
    request: Request,
    state: ServerState,
    plan: Callable[[AudioTarget | None], SpeechJob],
    shape: SpeechShape,
    headers: dict[str, str],
    stack: AsyncExitStack,
) -> Response:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="gpa-mlx-"))
    stack.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
    path = folder / f"speech{shape.format.suffix}"

    def make() -> str:
        job = plan(AudioTarget(path=path, sidecar=False))
        with closing(job.run()) as events:
            for _ in events:
                pass
        return read_content(path).sha256

    digest = await while_connected(request, state.runner.ask(make))
    headers |= {"X-Sample-Rate": str(shape.rate_hz), "X-Audio-SHA256": digest}
    return FileResponse(
        path,
        media_type=shape.format.content_type,
        headers=headers,
        background=BackgroundTask(stack.pop_all().aclose),
    )


def server_sent(document: dict[str, Any]) -> bytes:
    """Return one event."""
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


async def pinged(items: AsyncIterator[T]) -> AsyncGenerator[T | None, None]:
    """Yield what comes, and None whenever nothing has come for a while: proxies cut connections that are silent."""
    coming: asyncio.Task[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next_of(items))
            done, _ = await asyncio.wait({coming}, timeout=_PING_S)
            if not done:
                yield None
                continue
            task, coming = coming, None
            try:
                yield task.result()
            except StopAsyncIteration:
                return
    finally:
        if coming is not None:
            coming.cancel()


async def _next_of(items: AsyncIterator[T]) -> T:
    return await anext(items)


class UnbrokenStream(StreamingResponse):
    """A stream that ends only when it is complete: what fails on the way resets the connection.

    A client must be able to tell a whole recording from half of one.

    Args:
        content: The bytes.
        cleanup: What is to be done when the stream has ended, however it does.
        content_type: Of HTTP.
        headers: More of them.
    """

    def __init__(
        self,
        content: AsyncIterator[bytes],
        cleanup: AsyncExitStack,
        content_type: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, media_type=content_type, headers={"Cache-Control": "no-store", **(headers or {})})
        self._cleanup = cleanup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, until all is sent or the client has left."""
        async with self._cleanup:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self.body_iterator:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:
            logger.warning("an answer was broken off: %s", error, exc_info=not isinstance(error, GPAError))
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await work, and end it when the client leaves before it has an answer; its body must have been read.

    Raises:
        CancelledError: The client has left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CancelledError("The client has left.")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
