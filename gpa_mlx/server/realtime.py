"""`/v1/realtime`: live transcription over a WebSocket, with the events of OpenAI's transcription sessions.

Deltas have confirmed words only, for they cannot be taken back; what may still change is an event of ours that a
session asks for. A pause ends an item, as the engine's own detector finds it, and so does a commit.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
import json
import queue
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from gpa_mlx.audio.dsp.resample import StreamResampler
from gpa_mlx.server.errors import ApiError, api_error
from gpa_mlx.server.state import ServerState, state_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from gpa_mlx.audio.recording import Samples
    from gpa_mlx.types import LiveChunk

USUAL_HZ = 24_000
LOWEST_HZ, HIGHEST_HZ = 8_000, 48_000
_WAIT_S = 0.1
_MOST_WAITING_S = 120.0
_TRY_AGAIN_LATER = 1013
_HEARD = "conversation.item.input_audio_transcription"
_UPDATES = ("session.update", "transcription_session.update")
_PROTOCOL = "realtime"


class _Inlet:
    """Samples from the event loop to the engine's thread; what is not taken in time is refused, not dropped."""

    def __init__(self, rate_hz: int) -> None:
        self._resampler = StreamResampler(rate_hz)
        self._pieces: queue.SimpleQueue[Samples | None] = queue.SimpleQueue()
        self._rate_hz = rate_hz
        self._put = self._taken = 0  # samples; each is counted by one thread

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
        while True:
            try:
                piece = self._pieces.get(timeout=_WAIT_S)
            except queue.Empty:
                yield np.zeros(0)
                continue
            if piece is None:
                yield self._resampler.flush()
                return
            self._taken += len(piece)
            yield self._resampler.push(piece)


class _Session:
    """One client: what it sends becomes items, each transcribed while it is said.

    Args:
        socket: Accepted.
        state: The server's.
    """

    def __init__(self, socket: WebSocket, state: ServerState) -> None:
        self._socket, self._state = socket, state
        self._numbers = itertools.count(1)
        self._rate_hz, self._shows_unconfirmed, self._vad = USUAL_HZ, False, True
        self._inlet: _Inlet | None = None
        self._listening: asyncio.Task[None] | None = None
        self._offset_s = self._taken_s = 0.0
        self._item = self._previous = ""
        self._sent = ""

    async def run(self) -> None:
        """Answer events until the client leaves."""
        await self._tell("session.created", session=self._document)
        try:
            while True:
                await self._take(await self._socket.receive_text())
        except (WebSocketDisconnect, KeyError):  # a binary message has no text
            pass
        finally:
            if self._listening is not None:
                self._listening.cancel()
                await asyncio.gather(self._listening, return_exceptions=True)

    @property
    def _document(self) -> dict[str, Any]:
        detection = {"type": "server_vad"} if self._vad else None
        audio_format = {"type": "audio/pcm", "rate": self._rate_hz}
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "audio": {"input": {"format": audio_format, "turn_detection": detection}},
        }

    async def _take(self, text: str) -> None:
        event_id = None
        try:
            event = json.loads(text)
            event_id = event.get("event_id") if isinstance(event, dict) else None
            await self._answer(event)
        except (ValueError, RecursionError):
            await self._complain(ApiError(400, "The event is not valid JSON.", code="invalid_json"), event_id)
        except ApiError as error:
            await self._complain(error, event_id)

    async def _answer(self, event: object) -> None:
        if not isinstance(event, dict) or not isinstance(kind := event.get("type"), str):
            raise ApiError(400, "An event is an object with a 'type'.", code="invalid_event")
        if kind in _UPDATES:
            self._update(event.get("session"))
            name = "session.updated" if kind == _UPDATES[0] else "transcription_session.updated"
            await self._tell(name, session=self._document)
        elif kind == "input_audio_buffer.append":
            await self._append(event.get("audio"))
        elif kind == "input_audio_buffer.commit":
            await self._commit()
        elif kind == "input_audio_buffer.clear":
            await self._end(cancel=True)
            await self._tell("input_audio_buffer.cleared")
        else:
            raise ApiError(400, f"Events of the type '{kind[:80]}' mean nothing here.", code="invalid_event")

    def _update(self, session: object) -> None:
        """Heed what a session can be told; both shapes that OpenAI has had for it."""
        if not isinstance(session, dict):
            raise ApiError(400, "'session' must be an object.", code="invalid_event", param="session")
        audio = session.get("audio")
        given = audio.get("input") if isinstance(audio, dict) else session
        given = given if isinstance(given, dict) else {}
        shape = given.get("format", session.get("input_audio_format"))
        if isinstance(shape, dict):
            if shape.get("type") != "audio/pcm":
                raise ApiError(400, "The format must be audio/pcm.", code="unsupported_value", param="format")
            rate = shape.get("rate", USUAL_HZ)
            if type(rate) is not int or not LOWEST_HZ <= rate <= HIGHEST_HZ:
                message = f"The rate goes from {LOWEST_HZ} to {HIGHEST_HZ}."
                raise ApiError(400, message, code="invalid_value", param="rate")
            if self._inlet is not None and rate != self._rate_hz:
                raise ApiError(400, "The rate cannot change while sound comes.", code="invalid_value", param="rate")
            self._rate_hz = rate
        elif shape not in (None, "pcm16"):
            raise ApiError(400, "The format must be pcm16.", code="unsupported_value", param="input_audio_format")
        detection = given.get("turn_detection", session.get("turn_detection", {}))
        if isinstance(detection, dict) and detection.get("type", "server_vad") != "server_vad":
            raise ApiError(
                400, "Turns are found by 'server_vad' here.", code="unsupported_value", param="turn_detection"
            )
        self._vad = detection is not None
        self._shows_unconfirmed = bool(session.get("gpa_unconfirmed", self._shows_unconfirmed))

    async def _append(self, audio: object) -> None:
        if not isinstance(audio, str):
            raise ApiError(400, "'audio' must be base64.", code="invalid_value", param="audio")
        try:
            content = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ApiError(400, "'audio' is not valid base64.", code="invalid_value", param="audio") from error
        if len(content) % 2:
            raise ApiError(400, "'audio' has half a sample.", code="invalid_value", param="audio")
        if not content:
            return
        if self._inlet is None:
            self._inlet = _Inlet(self._rate_hz)
            self._listening = asyncio.create_task(self._listen(self._inlet))
        self._inlet.put(content)
        self._taken_s += len(content) / 2 / self._rate_hz

    async def _commit(self) -> None:
        if self._inlet is None:
            raise ApiError(400, "There is no sound to commit.", code="input_audio_buffer_commit_empty")
        await self._end()

    async def _end(self, *, cancel: bool = False) -> None:
        """Have everything that has come transcribed, or forgotten; the next sound begins anew."""
        inlet, listening = self._inlet, self._listening
        self._inlet = self._listening = None
        if inlet is None or listening is None:
            return
        if cancel:
            listening.cancel()
        inlet.end()
        await asyncio.gather(listening, return_exceptions=True)
        self._offset_s, self._item, self._sent = self._taken_s, "", ""

    # -- what is heard ------------------------------------------------------------------------------------------------

    async def _listen(self, inlet: _Inlet) -> None:
        def start() -> Generator[LiveChunk]:
            return self._state.engine.stream_transcribe_live(inlet.blocks(), vad=self._vad)

        try:
            async with AsyncExitStack() as stack:
                work = await stack.enter_async_context(self._state.runner.run(start))
                async for chunk in work:
                    await self._hear(chunk)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            if self._item:
                await self._tell(f"{_HEARD}.failed", **self._place, error=api_error(error).document["error"])
            if self._inlet is inlet:  # the next sound begins anew
                self._inlet = self._listening = None
                self._offset_s, self._item, self._sent = self._taken_s, "", ""
            await self._complain(api_error(error), None)

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "content_index": 0}

    async def _hear(self, chunk: LiveChunk) -> None:
        segment = chunk.segment
        if (chunk.confirmed or chunk.unconfirmed or segment is not None) and not self._item:
            self._item = f"item_{next(self._numbers)}"
            start_s = chunk.heard_s if segment is None else segment.start_s
            await self._tell("input_audio_buffer.speech_started", item_id=self._item, audio_start_ms=self._ms(start_s))
        if len(chunk.confirmed) > len(self._sent):
            await self._tell(f"{_HEARD}.delta", **self._place, delta=chunk.confirmed[len(self._sent) :])
            self._sent = chunk.confirmed
        if self._shows_unconfirmed and self._item and segment is None:
            await self._tell("gpa.transcription.unconfirmed", **self._place, text=chunk.unconfirmed)
        if segment is None:
            return
        item = self._item
        if segment.text.startswith(self._sent) and len(segment.text) > len(self._sent):
            await self._tell(f"{_HEARD}.delta", **self._place, delta=segment.text[len(self._sent) :])
        await self._tell("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=self._ms(segment.end_s))
        await self._tell("input_audio_buffer.committed", item_id=item, previous_item_id=self._previous or None)
        content = [{"type": "input_audio", "transcript": None}]
        listed = {"id": item, "type": "message", "role": "user", "status": "completed", "content": content}
        await self._tell("conversation.item.added", item=listed, previous_item_id=self._previous or None)
        usage = {"type": "duration", "seconds": round(segment.end_s - segment.start_s, 2)}
        await self._tell(f"{_HEARD}.completed", **self._place, transcript=segment.text, usage=usage)
        self._previous, self._item, self._sent = item, "", ""

    def _ms(self, time_s: float) -> int:
        return round(1000 * (self._offset_s + time_s))

    async def _complain(self, error: ApiError, event_id: object) -> None:
        document = error.document["error"]
        await self._tell("error", error={**document, "event_id": event_id if isinstance(event_id, str) else None})

    async def _tell(self, kind: str, **more: object) -> None:
        event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **more}
        with suppress(WebSocketDisconnect, RuntimeError):  # who has left is noticed where it is listened to
            await self._socket.send_text(json.dumps(event, ensure_ascii=False))


async def realtime(socket: WebSocket) -> None:
    """Transcribe live."""
    state = state_of(socket)
    offered = socket.scope.get("subprotocols") or []
    await socket.accept(_PROTOCOL if _PROTOCOL in offered else None)
    if state.runner.is_draining:
        await socket.close(_TRY_AGAIN_LATER)
        return
    await _Session(socket, state).run()
