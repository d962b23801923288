"""How a server is reached, and how much it takes on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server refuses.

    Attributes:
        upload_bytes: Of one request's body.
        duration_s: Of one recording.
        text_chars: Of one text.
        running: Jobs that run at the same time.
        waiting: Jobs that wait for one of these to end.
        stall_s: How long a client may take no byte of its answer before its job is ended.
        drain_s: How long running jobs may go on when the server is asked to end.
    """

    upload_bytes: int = 100_000_000
    duration_s: float = 4 * 3600.0
    text_chars: int = 100_000
    running: int = 32
    waiting: int = 64
    stall_s: float = 60.0
    drain_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How a server is reached.

    Attributes:
        host: The address it listens on.
        port: The port; 0 takes a free one.
        api_key: What clients must send as `Authorization: Bearer KEY`; None asks for nothing.
        allowed_hosts: Names, beside those of this machine and addresses, under which clients may reach it.
        allowed_origins: Origins of web pages that may use it, such as `https://example.org`.
        limits: What it refuses.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    api_key: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
