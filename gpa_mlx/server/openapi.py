"""The description of the server's interface for programs: OpenAPI 3.1, from the routes and a table of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import JSONResponse, Response

from gpa_mlx.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

JSON, FORM = "application/json", "multipart/form-data"


class Field(NamedTuple):
    """One field of a request.

    Attributes:
        schema: Of JSON Schema.
        about: What it means.
        required: Whether it must be there.
    """

    schema: Mapping[str, Any]
    about: str
    required: bool = False


class Body(NamedTuple):
    """The body of a request, and the kind of its answer.

    Attributes:
        kind: Its content type.
        fields: By name.
        answer: Content type of the answer.
    """

    kind: str
    fields: Mapping[str, Field]
    answer: str = JSON


_TEXT, _SWITCH, _FILE = {"type": "string"}, {"type": "boolean"}, {"type": "string", "format": "binary"}
_MODEL = {"model": Field(_TEXT, "The served model, or a name that clients have built in, such as tts-1 or whisper-1.")}
_SAMPLING = {
    "temperature": Field({"type": "number", "minimum": 0, "maximum": 2}, "0 is greedy."),
    "top_k": Field({"type": "integer", "minimum": 1}, "Of how many one is drawn."),
    "top_p": Field({"type": "number", "maximum": 1}, "Of which share of the probability."),
    "repetition_penalty": Field({"type": "number"}, "Above 1, what was said becomes less likely."),
    "seed": Field({"type": "integer", "minimum": 0}, "The same seed gives the same result."),
}
_SOUND = {
    "response_format": Field({"enum": ["mp3", "opus", "aac", "flac", "wav", "pcm"]}, "pcm: 16 bits, 24 kHz, mono."),
    "stream_format": Field(
        {"enum": ["audio", "sse", "file"]},
        "audio: while it is made. sse: the same in events. file: when it is complete, with its tag.",
    ),
    "sample_rate": Field({"type": "integer"}, "Of the answer, in Hz."),
    "verify": Field(_SWITCH, "Transcribe what was said, and say it again when it is not understood."),
}
_VOICE = {"voice": Field({}, "A voice's name, an object with its `id`, or an object with a voice card as `card`.")}
_SPEAKING = {
    "speed": Field({"type": "number", "minimum": 0.5, "maximum": 2}, "2 is twice as fast, at the same pitch."),
    "retries": Field({"type": "integer", "minimum": 0, "maximum": 10}, "How often a passage is said again."),
    "normalize": Field(_SWITCH, "Put numbers, units and abbreviations into words."),
}
_LISTENING = {
    "response_format": Field({"enum": ["json", "text", "srt", "verbose_json", "vtt"]}, "Of the answer."),
    "stream": Field(_SWITCH, "Answer in server-sent events while it is transcribed."),
    "stream_format": Field({"enum": ["events", "chunks"]}, "`chunks`: all that the engine says, as it says it."),
    "timestamp_granularities": Field({"type": "array", "items": {"enum": ["segment"]}}, "For verbose_json."),
    "keywords": Field({"type": "array", "items": _TEXT}, "Words as they are to be spelled, or `heard => written`."),
    "vad": Field(_SWITCH, "Leave out what is not speech."),
}

BODIES: Mapping[tuple[str, str], Body] = {
    ("POST", "/v1/audio/speech"): Body(
        JSON,
        {"input": Field(_TEXT, "The text, of any length.", required=True)}
        | (_MODEL | _VOICE | _SOUND | _SPEAKING | _SAMPLING),
        "audio/mpeg",
    ),
    ("POST", "/v1/audio/transcriptions"): Body(
        FORM, {"file": Field(_FILE, "The recording.", required=True)} | _MODEL | _LISTENING | _SAMPLING
    ),
    ("POST", "/v1/audio/conversions"): Body(
        FORM,
        {"file": Field(_FILE, "What is to be said in another voice.", required=True)}
        | (_MODEL | _VOICE | _SOUND | _SAMPLING),
        "audio/wav",
    ),
    **dict.fromkeys(
        (("POST", "/v1/audio/voices"), ("POST", "/v1/voices")),
        Body(
            FORM,
            {
                "name": Field(_TEXT, "Of the new voice.", required=True),
                "consent": Field({"const": "i_have_the_right"}, "That you may use this voice.", required=True),
                "audio_sample": Field(_FILE, "A recording of one speaker; several are possible.", required=True),
                "description": Field(_TEXT, "One line about it."),
                "keep": Field(_SWITCH, "Keep it in the library; else only its card is returned."),
            },
        ),
    ),
    ("POST", "/stt"): Body(FORM, {"file": Field(_FILE, "The recording.", required=True)} | _SAMPLING),
    **dict.fromkeys(
        (("POST", "/tts/a"), ("POST", "/tts/stream")),
        Body(
            FORM,
            {
                "text": Field(_TEXT, "The text.", required=True),
                "ref_audio": Field(_FILE, "A recording of who shall speak."),
            }
            | (_MODEL | _VOICE | _SOUND | _SPEAKING | _SAMPLING),
            "audio/wav",
        ),
    ),
    ("POST", "/vc"): Body(
        FORM,
        {
            "src_audio": Field(_FILE, "What is to be said.", required=True),
            "ref_audio": Field(_FILE, "A recording of who shall say it.", required=True),
        }
        | (_MODEL | _SOUND | _SAMPLING),
        "audio/wav",
    ),
}
"""What requests may hold, by method and path."""


def make_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of some routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if not route.include_in_schema:
            continue
        for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
            summary = (route.endpoint.__doc__ or "").strip().splitlines()[0]
            paths.setdefault(route.path, {})[method.lower()] = _operation(
                route, summary, BODIES.get((method, route.path))
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": "gpa-mlx", "version": __version__, "summary": "Speech on this machine."},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}, "schemas": {"Error": _ERROR}},
        "security": [{}, {"key": []}],
    }


_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"message": _TEXT, "type": _TEXT, "param": {"type": ["string", "null"]}, "code": _TEXT},
        }
    },
}


def _operation(route: Route, summary: str, body: Body | None) -> dict[str, Any]:
    answer = JSON if body is None else body.answer
    error = {"description": "What is wrong.", "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": {answer: {}}}, "default": error},
    }
    if route.param_convertors:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in route.param_convertors
        ]
    if body is not None:
        schema = {
            "type": "object",
            "properties": {name: {**field.schema, "description": field.about} for name, field in body.fields.items()},
            "required": [name for name, field in body.fields.items() if field.required],
        }
        operation["requestBody"] = {"required": True, "content": {body.kind: {"schema": schema}}}
    return operation


async def describe(request: Request) -> Response:
    """Describe the interface: OpenAPI."""
    return JSONResponse(request.app.state.openapi)
