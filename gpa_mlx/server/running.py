"""A server's life: its socket, its engine, and its end."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING

import uvicorn

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.server.application import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.protocols import SpeechEngine
    from gpa_mlx.server.options import ServerOptions

_LARGEST_MESSAGE = 24 << 20
"""Bytes of one WebSocket message: 15 MiB of samples in base64, and more."""

_KEEP_ALIVE_S = 30


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_socket(options: ServerOptions) -> socket.socket:
    """Return a socket that listens.

    Raises:
        SettingsError: Others would reach the server without a key.
        GPAError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        problem = "it is taken" if taken else getattr(error, "strerror", None) or str(error)
        raise GPAError(
            f"The server cannot listen on {options.host}:{options.port}: {problem}.",
            hint="Choose another with --port N; --port 0 takes any that is free." if taken else "",
        ) from error


def address_of(listening: socket.socket) -> str:
    """Return the address of a socket, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(
    engine: SpeechEngine, options: ServerOptions, *, path: Path, model: str, voice: str | None = None
) -> uvicorn.Server:
    """Return a server that is not running yet.

    Args:
        engine: Does the work; for several threads.
        options: How the server is reached.
        path: Directory of the model.
        model: What clients call the model.
        voice: Name of the usual voice; None takes the first.
    """
    config = uvicorn.Config(
        make_app(engine, path=path, model=model, options=options, voice=voice),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(options.limits.drain_s),
        ws_max_size=_LARGEST_MESSAGE,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    return uvicorn.Server(config)


def require_key(options: ServerOptions, *, insecure: bool) -> None:
    """Refuse to serve a network without a key.

    Raises:
        SettingsError: There is none.
    """
    if options.api_key is None and not insecure and not is_loopback(options.host):
        raise SettingsError(
            f"Everybody who reaches {options.host} could use this server.",
            hint="Name a file with a key: --api-key-file FILE, or set GPA_MLX_API_KEY; --insecure serves without one.",
        )
