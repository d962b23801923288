"""The description of the interface says what the routes do."""

from __future__ import annotations

import pytest

from gpa_mlx.server import fields as fields_module
from gpa_mlx.server.application import ROUTES
from gpa_mlx.server.openapi import BODIES, FORM, make_document
from tests.server.conftest import THREE_OFF

HEARD_BUT_OF_NO_USE = {"instructions", "prompt", "language", "languages", "include", "chunking_strategy", "audio"}
"""Fields of OpenAI's interface that the server knows, and refuses or names as ignored."""


def test_every_route_is_described(client):
    document = client().get("/openapi.json").json()
    assert document == make_document(ROUTES)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {
        (method, route.path) for route in ROUTES if route.include_in_schema for method in route.methods - {"HEAD"}
    }
    assert described == served
    assert all(operation["summary"] for methods in document["paths"].values() for operation in methods.values())


def test_bodies_are_those_of_routes():
    assert set(BODIES) <= {(method, route.path) for route in ROUTES for method in route.methods}


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_fields_are_those_that_are_read(client, monkeypatch, method, path):
    read = []
    raw = fields_module.Fields.raw
    monkeypatch.setattr(fields_module.Fields, "raw", lambda self, name: (read.append(name), raw(self, name))[1])
    body = BODIES[method, path]
    files = {name for name, field in body.fields.items() if field.schema.get("format") == "binary"}
    values = {"input": "hello", "text": "hello", "name": "mine", "consent": "i_have_the_right", "keep": "false"}
    data = {name: value for name, value in values.items() if name in body.fields}
    if body.kind == FORM:
        sample = THREE_OFF.read_bytes()
        answer = client().post(path, data=data, files=dict.fromkeys(files, ("a.wav", sample)))
    else:
        answer = client().post(path, json=data)
    assert answer.status_code == 200, answer.text
    found = {name.removesuffix("[]").partition("[")[0] for name in read} - HEARD_BUT_OF_NO_USE
    if files and path in ("/tts/a", "/tts/stream"):
        found.add("voice")  # not looked at beside a recording of the speaker
    assert found | files == set(body.fields)
