"""Who may talk to the server: names, origins, keys and sizes, before any route sees a request.

A page of any web site can make a browser send multipart forms and open WebSockets to this machine, and a name of its
own can be made to point here (DNS rebinding). So the name in `Host` must be this machine's or an address, and a page
of another origin must have been allowed.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from gpa_mlx.server.errors import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gpa_mlx.server.options import ServerOptions

OPEN_PATHS = frozenset({"/livez", "/readyz", "/health", "/ready"})
"""What a supervisor asks, without a key."""

_PAGE_PATHS = ("/", "/page/")
_KEY_PROTOCOL = "openai-insecure-api-key."
_POLICY_VIOLATION = 1008


class Guard:
    """Lets through what is allowed.

    Args:
        app: The routes.
        options: What is allowed.
    """

    def __init__(self, app: ASGIApp, options: ServerOptions) -> None:
        self._app, self._options = app, options
        own = {"localhost", socket.gethostname().lower(), options.host.lower()}
        self._hosts = own | {f"{name}.local" for name in own} | {name.lower() for name in options.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            origin = self._allowed_origin(headers)
            if scope["type"] == "http" and scope["method"] == "OPTIONS" and origin is not None:
                await _answer_preflight(origin)(scope, receive, send)
                return
            self._check_key(scope, headers)
            self._check_length(headers)
        except ApiError as error:
            if scope["type"] == "websocket":
                await _refuse_websocket(error, receive, send)
            else:
                await error.response(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, self._options.limits.upload_bytes), _with_origin(send, origin))

    def _check_host(self, headers: Headers) -> None:
        name = (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
        if name in self._hosts or _is_address(name):
            return
        raise ApiError(
            403, f"This server is not called '{name}'. Start it with --allow-host {name}.", code="host_not_allowed"
        )

    def _allowed_origin(self, headers: Headers) -> str | None:
        """Return the origin of another page that may use this server; None where there is none to tell it to."""
        origin = headers.get("origin")
        if origin is not None:
            if origin in self._options.allowed_origins:
                return origin
            if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
                raise ApiError(
                    403, f"Pages of {origin} may not use this server.", code="origin_not_allowed", param="Origin"
                )
        elif headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            raise ApiError(403, "Pages of other sites may not use this server.", code="origin_not_allowed")
        return None

    def _check_key(self, scope: Scope, headers: Headers) -> None:
        key, path = self._options.api_key, scope["path"]
        if key is None or path in OPEN_PATHS or path == _PAGE_PATHS[0] or path.startswith(_PAGE_PATHS[1]):
            return
        given = headers.get("authorization", "").removeprefix("Bearer ").strip() or _key_of_protocols(headers)
        if not hmac.compare_digest(given.encode(), key.encode()):
            raise ApiError(401, "The API key is missing or wrong.", code="invalid_api_key")

    def _check_length(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._options.limits.upload_bytes:
            raise _too_large(self._options.limits.upload_bytes)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _key_of_protocols(headers: Headers) -> str:
    """Return the key that a browser's WebSocket sends, as OpenAI's clients for browsers do."""
    offered = (each.strip() for each in headers.get("sec-websocket-protocol", "").split(","))
    return next((each.removeprefix(_KEY_PROTOCOL) for each in offered if each.startswith(_KEY_PROTOCOL)), "")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request is larger than {limit:,} bytes, which this server takes.", code="too_large")


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count what comes: a client need not say how much it sends."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return counted


def _with_origin(send: Send, origin: str | None) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            if origin is not None:
                headers["Access-Control-Allow-Origin"] = origin
                headers.append("Vary", "Origin")
        await send(message)

    return sent


def _answer_preflight(origin: str) -> PlainTextResponse:
    return PlainTextResponse(
        "",
        headers={
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Vary": "Origin",
        },
    )


async def _refuse_websocket(error: ApiError, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": error.message})
