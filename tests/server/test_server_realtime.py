"""Live transcription over a WebSocket: OpenAI's own client on the demo model, and bad clients on a fake engine."""

from __future__ import annotations

import base64
import json
import time

import numpy as np
import openai
import pytest
import soundfile
import soxr
from starlette.websockets import WebSocketDisconnect

from gpa_mlx.errors import GPAError
from tests.server.conftest import THREE_OFF

HEARD = "conversation.item.input_audio_transcription"
URL = "ws://localhost:8765/v1/realtime?intent=transcription"
BLOCK = base64.b64encode(np.zeros(2400, "<i2").tobytes()).decode()


def spoken(rate_hz):
    samples, rate = soundfile.read(THREE_OFF)
    samples = soxr.resample(np.concatenate([np.zeros(rate // 2), samples, np.zeros(rate // 2)]), rate, rate_hz)
    return (samples * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [24_000, 16_000])
def test_the_official_client_hears_what_is_said(address, rate_hz):
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    with client.realtime.connect(model="demo", extra_query={"intent": "transcription"}) as connection:
        audio = {"input": {"format": {"type": "audio/pcm", "rate": rate_hz}, "turn_detection": {"type": "server_vad"}}}
        connection.session.update(session={"type": "transcription", "audio": audio})
        content = spoken(rate_hz)
        for start in range(0, len(content), 9600):
            connection.input_audio_buffer.append(audio=base64.b64encode(content[start : start + 9600]).decode())
        connection.input_audio_buffer.commit()
        events = []
        for event in connection:
            events.append(event)
            if event.type == f"{HEARD}.completed":
                break
    kinds = [event.type for event in events]
    assert kinds[:2] == ["session.created", "session.updated"]
    assert "error" not in kinds
    order = ["speech_started", "speech_stopped", "committed"]
    assert [kind.removeprefix("input_audio_buffer.") for kind in kinds if "buffer" in kind] == order
    assert events[-1].transcript == "three off"
    assert "".join(event.delta for event in events if event.type == f"{HEARD}.delta") == "three off"
    assert len({event.event_id for event in events}) == len(events)


@pytest.fixture
def told(client):
    """Send events; return the types of what comes back until one of a type."""
    with client().websocket_connect(URL) as socket:
        assert socket.receive_json()["type"] == "session.created"

        def tell(*events, until):
            for event in events:
                socket.send_text(event if isinstance(event, str) else json.dumps(event))
            found = [socket.receive_json()]
            while found[-1]["type"] != until:
                found.append(socket.receive_json())
            return found

        yield tell


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_event"),
        ({"type": "response.create"}, "invalid_event"),
        ({"type": "input_audio_buffer.append"}, "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "###"}, "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "AAA="}, None),
        ({"type": "input_audio_buffer.append", "audio": base64.b64encode(b"abc").decode()}, "invalid_value"),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty"),
        ({"type": "session.update"}, "invalid_event"),
        ({"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}}, "unsupported_value"),
        (
            {"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 1}}}}},
            "invalid_value",
        ),
        ({"type": "session.update", "session": {"turn_detection": {"type": "semantic_vad"}}}, "unsupported_value"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_session_goes_on(told, event, code):
    if code is not None:
        (error,) = told(event if isinstance(event, str) else event | {"event_id": "mine"}, until="error")
        assert error["error"]["code"] == code
        assert error["error"]["event_id"] == (None if isinstance(event, str) else "mine")
    update = {"type": "session.update", "session": {"type": "transcription"}}
    assert told(update, until="session.updated")


def test_what_may_change_is_shown_only_to_who_asks(told):
    append = {"type": "input_audio_buffer.append", "audio": BLOCK}
    commit = {"type": "input_audio_buffer.commit"}
    plain = told(append, append, commit, until=f"{HEARD}.completed")
    assert "gpa.transcription.unconfirmed" not in [event["type"] for event in plain]
    told({"type": "session.update", "session": {"gpa_unconfirmed": True}}, until="session.updated")
    shown = told(append, append, commit, until=f"{HEARD}.completed")
    assert [event["text"] for event in shown if event["type"] == "gpa.transcription.unconfirmed"] == ["hello", " world"]
    assert shown[-1]["transcript"] == "hello world"
    assert plain[-1]["item_id"] != shown[-1]["item_id"]


def test_sound_that_is_cleared_is_forgotten(told):
    append = {"type": "input_audio_buffer.append", "audio": BLOCK}
    told(append, {"type": "input_audio_buffer.clear"}, until="input_audio_buffer.cleared")
    (error,) = told({"type": "input_audio_buffer.commit"}, until="error")
    assert error["error"]["code"] == "input_audio_buffer_commit_empty"


def test_what_fails_is_told_and_the_next_sound_is_heard(told, engine):
    append = {"type": "input_audio_buffer.append", "audio": BLOCK}
    engine.failures["stream_transcribe_live"] = GPAError("It broke.")
    assert told(append, until="error")[-1]["error"]["message"] == "It broke."
    engine.failures.clear()
    heard = told(append, {"type": "input_audio_buffer.commit"}, until=f"{HEARD}.completed")
    assert heard[-1]["transcript"] == "hello world"


def test_pages_of_others_and_wrong_keys_are_refused(client):
    server = client(api_key="secret")
    for headers in ({"origin": "https://evil.example"}, {}, {"authorization": "Bearer wrong"}):
        with pytest.raises(WebSocketDisconnect), server.websocket_connect(URL, headers=headers):
            pass
    protocols = ["realtime", "openai-insecure-api-key.secret"]
    with server.websocket_connect(URL, subprotocols=protocols) as socket:
        assert socket.accepted_subprotocol == "realtime"
        assert socket.receive_json()["type"] == "session.created"


def test_a_client_that_leaves_ends_its_work(client, engine):
    server = client()
    with server.websocket_connect(URL) as socket:
        socket.send_json({"type": "input_audio_buffer.append", "audio": BLOCK})
        assert socket.receive_json()["type"] == "session.created"
        assert socket.receive_json()["type"] == "input_audio_buffer.speech_started"
    deadline = time.monotonic() + 10
    while server.get("/v1/status").json()["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
