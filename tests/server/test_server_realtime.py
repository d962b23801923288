"""Live transcription over a WebSocket: OpenAI's own client on the demo model, and bad clients on a fake engine."""

from __future__ import annotations

import base64
import json
import threading
import time

import numpy as np
import openai
import pytest
import soundfile
import soxr
from starlette.websockets import WebSocketDisconnect

from gpa_mlx.errors import GPAError
from gpa_mlx.server.options import Limits
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
    assert kinds.index("conversation.item.added") < kinds.index(f"{HEARD}.delta")
    (started,) = (event for event in events if event.type == "input_audio_buffer.speech_started")
    assert started.audio_start_ms == pytest.approx(500, abs=200)
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
        ({"type": "session.update", "session": {"type": "realtime"}}, "unsupported_value"),
        ({"type": "session.update", "session": {"gpa_unconfirmed": "false"}}, "invalid_value"),
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


@pytest.mark.parametrize("detection", [{"type": "server_vad"}, None])
def test_a_commit_without_speech_is_answered(told, engine, detection):
    engine.texts = ()
    told({"type": "session.update", "session": {"turn_detection": detection}}, until="session.updated")
    append = {"type": "input_audio_buffer.append", "audio": BLOCK}
    heard = told(append, {"type": "input_audio_buffer.commit"}, until=f"{HEARD}.completed")
    kinds = ["conversation.item.added", "input_audio_buffer.committed", f"{HEARD}.completed"]
    assert [event["type"] for event in heard] == kinds
    assert heard[-1]["transcript"] == ""


def test_without_turn_detection_a_turn_is_one_item_that_only_a_commit_ends(told, engine):
    engine.texts = ("one two.", "three.")
    told({"type": "session.update", "session": {"turn_detection": None}}, until="session.updated")
    append = {"type": "input_audio_buffer.append", "audio": BLOCK}
    heard = told(append, append, append, {"type": "input_audio_buffer.commit"}, until=f"{HEARD}.completed")
    assert [event["type"].rpartition(".")[2] for event in heard] == ["added", "delta", "committed", "completed"]
    assert heard[-1]["transcript"] == heard[1]["delta"] == "one two. three."
    assert heard[-1]["usage"]["seconds"] == pytest.approx(0.3)


def test_a_message_that_is_no_text_is_told(client):
    with client().websocket_connect(URL) as socket:
        assert socket.receive_json()["type"] == "session.created"
        socket.send_bytes(b"\0\1")
        assert socket.receive_json()["error"]["code"] == "invalid_json"


def test_a_quiet_session_holds_no_place_and_loses_no_words(client):
    server = client(limits=Limits(stall_s=0.3))
    with server.websocket_connect(URL) as socket:
        for _ in range(2):
            socket.send_json({"type": "input_audio_buffer.append", "audio": BLOCK})
        while (event := socket.receive_json())["type"] != f"{HEARD}.completed":
            pass
        assert event["transcript"] == "hello world"
        soon(lambda: not server.get("/v1/status").json()["running"])
        socket.send_json({"type": "input_audio_buffer.append", "audio": BLOCK})
        assert socket.receive_json()["type"] == "input_audio_buffer.speech_started"


def test_sound_that_comes_too_fast_is_refused_not_dropped(told, engine):
    engine.hold = threading.Event()
    minute = base64.b64encode(bytes(2 * 24_000 * 50)).decode()
    append = {"type": "input_audio_buffer.append", "audio": minute}
    assert told(*[append] * 4, until="error")[-1]["error"]["code"] == "too_fast"
    engine.hold.set()


def soon(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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


@pytest.mark.parametrize("commits", [False, True])
def test_a_client_that_leaves_ends_its_work(client, engine, commits):
    engine.hold = threading.Event()
    server = client()
    with server.websocket_connect(URL) as socket:
        socket.send_json({"type": "input_audio_buffer.append", "audio": BLOCK})
        assert socket.receive_json()["type"] == "session.created"
        assert socket.receive_json()["type"] == "input_audio_buffer.speech_started"
        if commits:
            socket.send_json({"type": "input_audio_buffer.commit"})
    engine.hold.set()
    soon(lambda: not server.get("/v1/status").json()["running"])
