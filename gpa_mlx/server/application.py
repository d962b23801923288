"""The routes of the server, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from gpa_mlx.errors import GPAError
from gpa_mlx.server import (
    conversions,
    models,
    openapi,
    page_routes,
    realtime,
    reference_routes,
    speech,
    status,
    transcriptions,
    voices,
)
from gpa_mlx.server.errors import ApiError, answer_error
from gpa_mlx.server.guard import Guard
from gpa_mlx.server.metrics import Measured, Metrics
from gpa_mlx.server.state import ServerState
from gpa_mlx.server.work import JobRunner

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.server.options import ServerOptions

_CLIENT_LEFT = 499

ROUTES = (
    Route("/", page_routes.index, include_in_schema=False),
    Route("/page/reading.json", page_routes.reading, include_in_schema=False),
    Route("/page/{name}", page_routes.page_file, include_in_schema=False),
    Route("/v1/audio/speech", speech.create_speech, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcriptions.create_transcription, methods=["POST"]),
    Route("/v1/audio/translations", transcriptions.create_translation, methods=["POST"]),
    Route("/v1/audio/conversions", conversions.create_conversion, methods=["POST"]),
    Route("/v1/audio/voices", voices.list_voices),
    Route("/v1/audio/voices", voices.create_voice, methods=["POST"]),
    Route("/v1/audio/voices/{id}", voices.delete_voice, methods=["DELETE"]),
    Route("/v1/voices", voices.list_voices),
    Route("/v1/voices", voices.create_voice, methods=["POST"]),
    Route("/v1/voices/{id}", voices.delete_voice, methods=["DELETE"]),
    Route("/v1/voices/{id}/card", voices.get_voice_card),
    Route("/v1/audio/models", models.list_audio_models),
    Route("/v1/models", models.list_models),
    Route("/v1/models/{id}", models.get_model),
    Route("/v1/status", status.status),
    Route("/stt", reference_routes.stt, methods=["POST"]),
    Route("/tts/a", reference_routes.tts, methods=["POST"]),
    Route("/tts/stream", reference_routes.tts_stream, methods=["POST"]),
    Route("/vc", reference_routes.vc, methods=["POST"]),
    Route("/api/voices", reference_routes.voices),
    Route("/livez", status.live),
    Route("/health", status.live),
    Route("/readyz", status.ready),
    Route("/ready", status.ready),
    Route("/metrics", status.metrics),
    Route("/openapi.json", openapi.describe, include_in_schema=False),
)

SOCKETS = (WebSocketRoute("/v1/realtime", realtime.realtime),)


def make_app(
    engine: SpeechEngine, *, path: Path, model: str, options: ServerOptions, voice: str | None = None
) -> ASGIApp:
    """Return the server as an ASGI application.

    Args:
        engine: Does the work; for several threads.
        path: Directory of its model.
        model: What clients call the model.
        options: How the server is reached.
        voice: Name of the usual voice; None takes the first.
    """
    runner = JobRunner(options.limits)
    state = ServerState(
        engine=engine, path=path, model=model, options=options, runner=runner, metrics=Metrics(runner), voice=voice
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(state))
        yield
        warming.cancel()
        await runner.drain()

    routes = Starlette(
        routes=[*ROUTES, *SOCKETS],
        lifespan=lifespan,
        exception_handlers={
            ApiError: answer_error,
            GPAError: answer_error,
            HTTPException: _answer_http,
            ClientDisconnect: _answer_nobody,
            Exception: answer_error,
        },
    )
    routes.state.server = state
    routes.state.openapi = openapi.make_document(ROUTES)
    return Guard(Measured(routes, state.metrics), options)


async def _warm(state: ServerState) -> None:
    """Load the model, so that the first client does not wait for it."""
    for task in ("transcribe", "speak"):
        await state.runner.ask(lambda task=task: state.engine.warm(task))
    state.words = await state.runner.ask(lambda: state.engine.capabilities.words)
    state.is_ready = True


async def _answer_http(request: Request, error: Exception) -> Response:
    """Answer as OpenAI does where there is no such route or method."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    words = {
        404: f"There is no {request.url.path} here.",
        405: f"{request.url.path} does not take {request.method}.",
    }.get(error.status_code, str(error.detail))
    return ApiError(error.status_code, words, code=code).response


async def _answer_nobody(_: Request, __: Exception) -> Response:
    """Note, for the metrics, that a client left amidst its request, as proxies do."""
    return Response(status_code=_CLIENT_LEFT)
