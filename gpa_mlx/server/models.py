"""Which model is served, under its own name and under those that clients have built in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from gpa_mlx.server.errors import ApiError
from gpa_mlx.server.state import ALIASES, ServerState, state_of

if TYPE_CHECKING:
    from starlette.requests import Request


async def list_models(request: Request) -> Response:
    """List the model, and its aliases."""
    state = state_of(request)
    return JSONResponse({"object": "list", "data": [_model(state, name) for name in (state.model, *ALIASES)]})


async def get_model(request: Request) -> Response:
    """Describe the model."""
    state, name = state_of(request), request.path_params["id"]
    if name not in (state.model, *ALIASES):
        raise ApiError(404, f"This server serves '{state.model}'.", code="model_not_found", param="model")
    return JSONResponse(_model(state, name))


async def list_audio_models(request: Request) -> Response:
    """List the model as Open WebUI reads it."""
    return JSONResponse({"models": [{"id": state_of(request).model}]})


def _model(state: ServerState, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(state.started), "owned_by": "gpa-mlx"}
