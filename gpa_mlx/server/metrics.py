"""Counts and times of a server, in Prometheus' text format; nothing of what was said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gpa_mlx.server.work import JobRunner

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """What is counted, in a registry of its own.

    Args:
        runner: Whose jobs are counted.
    """

    def __init__(self, runner: JobRunner) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("gpa_requests", "Answers by route and status.", ("route", "status"), registry=registry)
        self.first_byte_s = Histogram(
            "gpa_first_byte_seconds",
            "From the request to the first byte of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.total_s = Histogram(
            "gpa_request_seconds",
            "From the request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        Gauge("gpa_jobs_running", "Jobs that run.", registry=registry).set_function(lambda: runner.running)
        Gauge("gpa_jobs_waiting", "Jobs that wait.", registry=registry).set_function(lambda: runner.waiting)

    def exposition(self) -> bytes:
        """Return everything as text."""
        return generate_latest(self._registry)


class Measured:
    """Counts the requests of the routes inside.

    Args:
        app: The routes.
        metrics: Where.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 499  # the client left before there was an answer
        first_s: float | None = None

        async def counted(message: Message) -> None:
            nonlocal status, first_s
            if message["type"] == "http.response.start":
                status = message["status"]
            elif first_s is None and message.get("body"):
                first_s = time.perf_counter() - started
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.total_s.labels(route).observe(time.perf_counter() - started)
            if first_s is not None:
                self._metrics.first_byte_s.labels(route).observe(first_s)
