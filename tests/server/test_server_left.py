"""A client that leaves amidst its request is nobody's error: no traceback is written about it."""

from __future__ import annotations

import asyncio

import pytest

from gpa_mlx.model import demo
from gpa_mlx.server.application import make_app
from gpa_mlx.server.options import ServerOptions


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/audio/transcriptions", b"multipart/form-data; boundary=x"),
        ("/v1/audio/conversions", b"multipart/form-data; boundary=x"),
        ("/v1/audio/speech", b"application/json"),
    ],
)
def test_a_client_may_leave_amidst_its_body(engine, path, kind):
    sent = []
    coming = [{"type": "http.request", "body": b'--x\r\nContent-Disposition: form-data; name="fi', "more_body": True}]

    async def receive():
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def ask():
        app = make_app(engine, path=demo.demo_model(), model=demo.NAME, options=ServerOptions())
        headers = [(b"host", b"localhost"), (b"content-type", kind)]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
        await app(scope, receive, send)

    asyncio.run(ask())
    assert [message.get("status") for message in sent if message["type"] == "http.response.start"] == [499]
