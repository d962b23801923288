"""One turn of a live session: samples come in until a commit, items with their text go out."""

from __future__ import annotations

import asyncio
import queue
import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.server.errors import ApiError, api_error
from gpa_mlx.text.joining import join_segments

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gpa_mlx.audio.recording import Samples
    from gpa_mlx.server.state import ServerState
    from gpa_mlx.types import LiveChunk, Segment

_HEARD = "conversation.item.input_audio_transcription"
_WAIT_S = 0.1
_MOST_WAITING_S = 120.0


class Client(Protocol):
    """Who is told.

    Attributes:
        previous_item: The last item that was committed; None before.
    """

    previous_item: str | None

    async def tell(self, kind: str, **more: object) -> None:
        """Send an event."""
        ...

    async def complain(self, error: ApiError, event_id: object = None) -> None:
        """Say what went wrong."""
        ...


class _Inlet:
    """Samples from the event loop to the engine's thread; what comes too fast is refused, not dropped.

    Args:
        rate_hz: Of what comes.
        idle_s: After so long without sound there is no more.
    """

    def __init__(self, rate_hz: int, idle_s: float) -> None:
        self._resampler = StreamResampler(rate_hz)
        self._pieces: queue.SimpleQueue[Samples | None] = queue.SimpleQueue()
        self._rate_hz, self._idle_s = rate_hz, idle_s
        self._put = self._taken = 0  # samples; each is counted by one thread

    @property
    def duration_s(self) -> float:
        """Seconds of sound that have come."""
        return self._put / self._rate_hz

    def put(self, content: bytes) -> None:
        """Take 16-bit samples.

        Raises:
            ApiError: Too much waits already.
        """
        samples = np.frombuffer(content, "<i2").astype(np.float64) / 32768
        if self._put + len(samples) - self._taken > _MOST_WAITING_S * self._rate_hz:
            raise ApiError(429, "The audio comes faster than it can be heard.", code="too_fast")
        self._put += len(samples)
        self._pieces.put(samples)

    def end(self) -> None:
        """No more comes."""
        self._pieces.put(None)

    def blocks(self) -> Iterator[Samples]:
        """Yield what has come, at 16 kHz; an empty block when nothing has for a while."""
        last_s = time.monotonic()
        while (piece := self._next()) is not None:
            if len(piece):
                last_s = time.monotonic()
                self._taken += len(piece)
                yield self._resampler.push(piece)
            elif time.monotonic() - last_s > self._idle_s:
                break
            else:
                yield piece
        yield self._resampler.flush()

    def _next(self) -> Samples | None:
        try:
            return self._pieces.get(timeout=_WAIT_S)
        except queue.Empty:
            return np.zeros(0)


class LiveTurn:
    """A turn, heard while it comes. It begins with its first samples and ends with a commit, or without sound for long.

    Args:
        state: The server's.
        client: Who is told.
        rate_hz: Of the samples.
        offset_s: When the turn begins, in the session.
        vad: A pause ends an item; otherwise the whole turn is one, told when it ends.
        shows_unconfirmed: Tell what may still change, too.

    Attributes:
        task: Hears; cancelling it forgets the turn.
    """

    def __init__(
        self, state: ServerState, client: Client, *, rate_hz: int, offset_s: float, vad: bool, shows_unconfirmed: bool
    ) -> None:
        self._state, self._client = state, client
        self._offset_s, self._vad, self._shows_unconfirmed = offset_s, vad, shows_unconfirmed
        self._inlet = _Inlet(rate_hz, state.options.limits.stall_s)
        self._item = self._sent = ""
        self._texts: list[str] = []
        self._is_committed = self._is_answered = False
        self.task = asyncio.create_task(self._hear())

    def append(self, content: bytes) -> None:
        """Take 16-bit samples.

        Raises:
            ApiError: They come faster than they are heard.
        """
        self._inlet.put(content)

    def commit(self) -> None:
        """End the turn: an item is committed in any case."""
        self._is_committed = True
        self._inlet.end()

    async def _hear(self) -> None:
        def start() -> Generator[LiveChunk]:
            return self._state.engine.stream_transcribe_live(self._inlet.blocks(), vad=self._vad)

        try:
            async with self._state.runner.run(start) as work:
                async for chunk in work:
                    if not self._vad:
                        self._texts += [] if chunk.segment is None else [chunk.segment.text]
                    elif chunk.segment is None:
                        await self._follow(chunk)
                    else:
                        await self._complete(chunk.segment)
            await self._finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            if self._item:
                await self._client.tell(f"{_HEARD}.failed", **self._place, error=api_error(error).document["error"])
            await self._client.complain(api_error(error))

    async def _follow(self, chunk: LiveChunk) -> None:
        """Tell what is known of the open segment."""
        if not (self._item or chunk.confirmed or chunk.unconfirmed):
            return
        if not self._item:
            await self._begin_item(chunk.heard_s if chunk.start_s is None else chunk.start_s)
        await self._grow(chunk.confirmed)
        if self._shows_unconfirmed:
            await self._client.tell("gpa.transcription.unconfirmed", **self._place, text=chunk.unconfirmed)

    async def _complete(self, segment: Segment) -> None:
        """Tell that a segment has ended, and its text."""
        if not self._item:
            await self._begin_item(segment.start_s)
        await self._grow(segment.text)
        await self._client.tell(
            "input_audio_buffer.speech_stopped", item_id=self._item, audio_end_ms=self._ms(segment.end_s)
        )
        await self._commit_item()
        await self._tell_text(segment.text, segment.end_s - segment.start_s)

    async def _finish(self) -> None:
        """Tell the turn as one item, or that a commit had no speech behind it."""
        text = join_segments(self._texts)
        if self._is_answered or not (self._is_committed or text):
            return
        self._new_item()
        await self._add_item()
        await self._grow(text)
        await self._commit_item()
        await self._tell_text(text, self._inlet.duration_s)

    # -- items --------------------------------------------------------------------------------------------------------

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "content_index": 0}

    def _new_item(self) -> None:
        self._item, self._sent = f"item_{secrets.token_hex(8)}", ""

    async def _begin_item(self, start_s: float) -> None:
        self._new_item()
        await self._client.tell(
            "input_audio_buffer.speech_started", item_id=self._item, audio_start_ms=self._ms(start_s)
        )
        await self._add_item()

    async def _add_item(self) -> None:
        """Tell that there is an item, before anything is told of its text."""
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": self._item, "type": "message", "role": "user", "status": "in_progress", "content": content}
        previous = self._client.previous_item
        await self._client.tell("conversation.item.added", item=item, previous_item_id=previous)

    async def _grow(self, text: str) -> None:
        """Tell what a text has more than was told; what was told otherwise stays, until the whole text comes."""
        if len(text) > len(self._sent) and text.startswith(self._sent):
            await self._client.tell(f"{_HEARD}.delta", **self._place, delta=text[len(self._sent) :])
            self._sent = text

    async def _commit_item(self) -> None:
        previous, self._client.previous_item = self._client.previous_item, self._item
        await self._client.tell("input_audio_buffer.committed", item_id=self._item, previous_item_id=previous)

    async def _tell_text(self, text: str, duration_s: float) -> None:
        usage = {"type": "duration", "seconds": round(duration_s, 2)}
        await self._client.tell(f"{_HEARD}.completed", **self._place, transcript=text, usage=usage)
        self._is_answered = self._is_committed or not self._vad
        self._item = self._sent = ""

    def _ms(self, time_s: float) -> int:
        return round(1000 * (self._offset_s + time_s))
