"""The page at `/`: plain files of this package, without a build step and without anything of another host."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from gpa_mlx.server.errors import ApiError
from gpa_mlx.voices.coaching import READING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

INDEX = "index.html"

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
}
"""A browser asks each time whether a file has changed: a new version of the server must not meet an old script."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page.

    Attributes:
        content: Its bytes.
        content_type: Of HTTP.
        tag: Changes with its content.
    """

    content: bytes
    content_type: str
    tag: str


@cache
def page_files() -> Mapping[str, PageFile]:
    """Return all files of the page by name: what is not listed here cannot be asked for."""
    found: dict[str, PageFile] = {}
    for file in files("gpa_mlx.server").joinpath("page").iterdir():
        kind = _CONTENT_TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            content = file.read_bytes()
            found[file.name] = PageFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
    return found


async def index(request: Request) -> Response:
    """Return the page."""
    return _answer(request, INDEX)


async def page_file(request: Request) -> Response:
    """Return a file that the page asks for."""
    return _answer(request, request.path_params["name"])


async def reading(_: Request) -> Response:
    """Return what may be read aloud while a voice is recorded, by language."""
    pairs = [lines.split("\n") for lines in READING]
    return JSONResponse({"en": [english for english, _ in pairs], "zh": [chinese for _, chinese in pairs]})


def _answer(request: Request, name: str) -> Response:
    file = page_files().get(name)
    if file is None:
        raise ApiError(404, "The page has no such file.", code="not_found")
    headers = {**_HEADERS, "ETag": file.tag}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.content_type, headers=headers)
