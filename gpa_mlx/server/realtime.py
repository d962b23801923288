"""`/v1/realtime`: live transcription over a WebSocket, with the events of OpenAI's transcription sessions.

Deltas have confirmed words only, for they cannot be taken back; what may still change is an event of ours that a
session asks for. With `server_vad` a pause ends an item, as the engine's own detector finds it, and so does a commit;
without it only a commit does.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from gpa_mlx.server.errors import ApiError
from gpa_mlx.server.lengths import too_long
from gpa_mlx.server.live_turn import LiveTurn
from gpa_mlx.server.state import ServerState, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL_HZ = 24_000
LOWEST_HZ, HIGHEST_HZ = 8_000, 48_000
_TRY_AGAIN_LATER = 1013
_UPDATES = ("session.update", "transcription_session.update")
_PROTOCOL = "realtime"
_MOST_SHOWN = 80


class _Session:
    """One client: what it sends is heard turn by turn; a turn ends with a commit, or when nothing comes for long.

    Args:
        socket: Accepted.
        state: The server's.
    """

    def __init__(self, socket: WebSocket, state: ServerState) -> None:
        self._socket, self._state = socket, state
        self._numbers = itertools.count(1)
        self._rate_hz, self._shows_unconfirmed, self._vad = USUAL_HZ, False, True
        self.previous_item: str | None = None
        self._turn: LiveTurn | None = None
        self._turns: set[asyncio.Task[None]] = set()
        self._taken_s = 0.0

    async def run(self) -> None:
        """Answer events until the client leaves."""
        await self.tell("session.created", session=self._document)
        try:
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                await self._take(message.get("text"))
        finally:
            for turn in self._turns:
                turn.cancel()
            await asyncio.gather(*self._turns, return_exceptions=True)

    async def tell(self, kind: str, **more: object) -> None:
        """Send an event."""
        event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **more}
        with suppress(WebSocketDisconnect, RuntimeError):  # who has left is noticed where it is listened to
            await self._socket.send_text(json.dumps(event, ensure_ascii=False))

    async def complain(self, error: ApiError, event_id: object = None) -> None:
        """Say what went wrong; the session goes on."""
        document = error.document["error"]
        await self.tell("error", error={**document, "event_id": event_id if isinstance(event_id, str) else None})

    @property
    def _document(self) -> dict[str, Any]:
        """What holds now: a client sees which of its wishes were heeded."""
        detection = {"type": "server_vad"} if self._vad else None
        audio_format = {"type": "audio/pcm", "rate": self._rate_hz}
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "audio": {"input": {"format": audio_format, "turn_detection": detection}},
            "gpa_unconfirmed": self._shows_unconfirmed,
        }

    async def _take(self, text: str | None) -> None:
        event_id = None
        try:
            event = json.loads(text or "")
            event_id = event.get("event_id") if isinstance(event, dict) else None
            await self._answer(event)
        except (ValueError, RecursionError):
            await self.complain(ApiError(400, "The event is not valid JSON.", code="invalid_json"), event_id)
        except ApiError as error:
            await self.complain(error, event_id)

    async def _answer(self, event: object) -> None:
        if not isinstance(event, dict) or not isinstance(kind := event.get("type"), str):
            raise ApiError(400, "An event is an object with a 'type'.", code="invalid_event")
        if kind in _UPDATES:
            self._update(event.get("session"))
            await self.tell(f"{kind}d", session=self._document)
        elif kind == "input_audio_buffer.append":
            self._append(event.get("audio"))
        elif kind == "input_audio_buffer.commit":
            if self._turn is None:
                raise ApiError(400, "There is no sound to commit.", code="input_audio_buffer_commit_empty")
            self._turn.commit()
            self._turn = None
        elif kind == "input_audio_buffer.clear":
            if self._turn is not None:
                self._turn.task.cancel()
                self._turn = None
            await self.tell("input_audio_buffer.cleared")
        else:
            raise ApiError(400, f"Events of the type '{kind[:_MOST_SHOWN]}' mean nothing here.", code="invalid_event")

    def _update(self, session: object) -> None:
        """Heed what a session can be told; both shapes that OpenAI has had for it."""
        if not isinstance(session, dict):
            raise ApiError(400, "'session' must be an object.", code="invalid_event", param="session")
        if session.get("type", "transcription") != "transcription":
            raise ApiError(400, "Sessions are of the type 'transcription'.", code="unsupported_value", param="type")
        audio = session.get("audio")
        given = audio.get("input") if isinstance(audio, dict) else session
        given = given if isinstance(given, dict) else {}
        rate_hz = _rate_of(given, session) or self._rate_hz
        detection = given.get("turn_detection", session.get("turn_detection", {"type": "server_vad"}))
        if isinstance(detection, dict) and detection.get("type", "server_vad") != "server_vad":
            raise ApiError(
                400, "Turns are found by 'server_vad' here.", code="unsupported_value", param="turn_detection"
            )
        shows = session.get("gpa_unconfirmed", self._shows_unconfirmed)
        if not isinstance(shows, bool):
            raise ApiError(400, "'gpa_unconfirmed' is true or false.", code="invalid_value", param="gpa_unconfirmed")
        vad = self._vad if "turn_detection" not in {**session, **given} else detection is not None
        if self._turn is not None and (rate_hz, vad) != (self._rate_hz, self._vad):
            raise ApiError(
                400, "Rate and turn detection cannot change before the sound is committed.", code="invalid_value"
            )
        self._rate_hz, self._vad, self._shows_unconfirmed = rate_hz, vad, shows

    def _append(self, audio: object) -> None:
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
        if self._taken_s > self._state.options.limits.duration_s:
            raise too_long(self._state.options.limits)
        if self._turn is None:
            self._begin()
        assert self._turn is not None
        self._turn.append(content)
        self._taken_s += len(content) / 2 / self._rate_hz

    def _begin(self) -> None:
        turn = self._turn = LiveTurn(
            self._state,
            self,
            rate_hz=self._rate_hz,
            offset_s=self._taken_s,
            vad=self._vad,
            shows_unconfirmed=self._shows_unconfirmed,
        )
        self._turns.add(turn.task)
        turn.task.add_done_callback(lambda task: self._ended(turn, task))

    def _ended(self, turn: LiveTurn, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        if self._turn is turn:  # it failed, or nothing came for long: the next sound begins anew
            self._turn = None


def _rate_of(given: Mapping[str, Any], session: Mapping[str, Any]) -> int | None:
    """Return the rate that a session asks for; None where it does not say.

    Raises:
        ApiError: It cannot be had.
    """
    shape = given.get("format", session.get("input_audio_format"))
    if shape in (None, "pcm16"):
        return None
    if not isinstance(shape, dict) or shape.get("type") != "audio/pcm":
        raise ApiError(400, "The format must be audio/pcm (pcm16).", code="unsupported_value", param="format")
    rate = shape.get("rate", USUAL_HZ)
    if type(rate) is not int or not LOWEST_HZ <= rate <= HIGHEST_HZ:
        message = f"The rate goes from {LOWEST_HZ} to {HIGHEST_HZ}."
        raise ApiError(400, message, code="invalid_value", param="rate")
    return rate


async def realtime(socket: WebSocket) -> None:
    """Transcribe live."""
    state = state_of(socket)
    offered = socket.scope.get("subprotocols") or []
    await socket.accept(_PROTOCOL if _PROTOCOL in offered else None)
    if state.runner.is_draining:
        await socket.close(_TRY_AGAIN_LATER)
        return
    await _Session(socket, state).run()
