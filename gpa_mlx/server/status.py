"""How the server is: for supervisors, balancers and people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from gpa_mlx.server.metrics import CONTENT_TYPE
from gpa_mlx.server.state import state_of
from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from starlette.requests import Request


async def live(_: Request) -> Response:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Say whether new work is taken."""
    state = state_of(request)
    if state.runner.is_draining or not state.is_ready:
        return JSONResponse({"status": "draining" if state.runner.is_draining else "loading"}, 503)
    return JSONResponse({"status": "ok"})


async def status(request: Request) -> Response:
    """Say what is loaded and what is going on."""
    state = state_of(request)
    return JSONResponse(
        {
            "version": __version__,
            "model": state.model,
            "ready": state.is_ready,
            "words": state.words,
            "uptime_s": round(time.time() - state.started, 1),
            "running": state.runner.running,
            "waiting": state.runner.waiting,
            "limits": {
                "upload_bytes": state.options.limits.upload_bytes,
                "duration_s": state.options.limits.duration_s,
                "text_chars": state.options.limits.text_chars,
            },
        }
    )


async def metrics(request: Request) -> Response:
    """Return counts and times for Prometheus."""
    return Response(state_of(request).metrics.exposition(), media_type=CONTENT_TYPE)
