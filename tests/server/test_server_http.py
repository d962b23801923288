"""What the server lets in, refuses and gives up, on a fake engine."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest

from gpa_mlx.errors import GPAError, NoSpeechError
from gpa_mlx.server.options import Limits, ServerOptions
from tests.server.conftest import THREE_OFF, running

SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def say(client, text="hello there", **more):
    return client.post(SPEECH, json={"model": "tts-1", "voice": "awb", "input": text, "seed": 1, **more})


def write_down(client, **more):
    return client.post(TRANSCRIPTIONS, files={"file": ("a.wav", THREE_OFF.read_bytes())}, data=more)


def code_of(response):
    return response.status_code, response.json()["error"]["code"]


# -- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8765", "[::1]:8765", "192.168.1.7", "mac.example"])
def test_names_of_this_machine_and_addresses_are_answered(client, host):
    server = client(allowed_hosts=frozenset({"mac.example"}))
    assert server.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8765", ""])
def test_another_name_is_refused(client, host):
    """A page whose name is made to point here (DNS rebinding) comes with its own name."""
    answer = client().get("/v1/models", headers={"host": host})
    assert code_of(answer) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_pages_of_others_are_refused(client, headers, engine):
    server = client()
    answer = server.post(TRANSCRIPTIONS, files={"file": ("a.wav", b"x")}, headers=headers)
    assert code_of(answer) == (403, "origin_not_allowed")
    assert engine.calls == []
    assert server.get("/v1/models", headers={"origin": "http://localhost:8765"}).status_code == 200


def test_an_allowed_page_may_read_the_answer(client):
    server = client(allowed_origins=frozenset({"https://good.example"}))
    headers = {"origin": "https://good.example"}
    answer = server.get("/v1/models", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    preflight = server.options(SPEECH, headers=headers)
    assert preflight.status_code == 200
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in server.get("/v1/models").headers


def test_a_key_is_asked_for(client):
    server = client(api_key="secret")
    assert code_of(server.get("/v1/models")) == (401, "invalid_api_key")
    assert code_of(server.get("/metrics")) == (401, "invalid_api_key")
    assert code_of(server.get("/v1/models", headers={"authorization": "Bearer wrong"})) == (401, "invalid_api_key")
    assert server.get("/v1/models", headers={"authorization": "Bearer secret"}).status_code == 200
    assert server.get("/livez").status_code == 200


# -- how much -------------------------------------------------------------------------------------------------------


def test_large_requests_are_refused_whatever_they_say_of_their_length(client, engine):
    server = client(limits=Limits(upload_bytes=1000))
    assert code_of(server.post(TRANSCRIPTIONS, files={"file": ("a.wav", bytes(2000))})) == (413, "too_large")

    def body():
        yield b'{"input": "'
        for _ in range(20):
            yield b"a" * 100

    answer = server.post(SPEECH, content=body(), headers={"content-type": "application/json"})
    assert code_of(answer) == (413, "too_large")
    assert engine.calls == []


def test_long_texts_and_recordings_are_refused(client):
    server = client(limits=Limits(text_chars=10, duration_s=0.5))
    assert code_of(say(server, "a" * 11)) == (413, "text_too_long")
    assert code_of(write_down(server)) == (413, "recording_too_long")


def test_uploads_disappear(client, temporary, engine):
    server = client()
    assert write_down(server).json()["text"] == "hello world"
    assert say(server, stream_format="file", response_format="wav").status_code == 200
    engine.failures["stream_transcribe"] = GPAError("broken.")
    assert code_of(write_down(server)) == (500, "failed")
    assert list(temporary.iterdir()) == []


def test_too_many_jobs_are_asked_to_come_again(engine):
    engine.delay_s = 0.05
    options = ServerOptions(port=0, limits=Limits(running=1, waiting=1, drain_s=1))
    with running(engine, options) as address:
        body = json.dumps({"input": "a b " * 200, "voice": "awb", "response_format": "pcm"}).encode()
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(posted(address, body))
                time.sleep(0.3)
            answer = raw(address, body)
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 2" in answer.lower()


# -- what is asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"text": ""}, "input"),
        ({"text": 5}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": "/etc/passwd"}, "voice"),
        ({"voice": 7}, "voice"),
        ({"response_format": "midi"}, "response_format"),
        ({"speed": 3}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"temperature": float("inf")}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"sample_rate": 11_025}, "sample_rate"),
        ({"verify": "perhaps"}, "verify"),
        ({"stream_format": "file", "response_format": "pcm"}, "stream_format"),
    ],
)
def test_fields_are_checked_by_name(client, engine, more, param):
    body = {"voice": "awb", "input": more.pop("text", "hello"), **more}
    answer = client().post(SPEECH, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert engine.calls == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'"text"', b"[" * 100_000, b"\xff"])
def test_bodies_that_are_no_objects(client, content):
    assert code_of(client().post(SPEECH, content=content)) == (400, "invalid_json")


@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]"])
def test_lists_come_with_brackets_and_without(client, name):
    answer = write_down(client(), response_format="verbose_json", **{name: ["segment", "word"]})
    assert answer.json()["error"]["param"] == "timestamp_granularities"
    assert write_down(client(), response_format="verbose_json", **{name: ["segment"]}).status_code == 200


def test_names_that_clients_have_built_in_mean_the_usual_voice(client):
    server = client()
    assert say(server, voice="alloy").headers["x-voice"] == "awb"
    assert say(server, voice={"id": "slt"}).headers["x-voice"] == "slt"


def test_fields_that_are_of_no_use_are_named(client):
    answer = say(client(), instructions="sadly", colour="blue")
    assert answer.headers["x-ignored"] == "instructions, colour"


def test_keywords_are_spelled_as_the_client_spells_them(client, engine):
    engine.texts = ("i use git hub",)
    assert write_down(client(), keywords=["GitHub"]).json()["text"] == "i use GitHub"


def test_no_speech_is_an_empty_text(client, engine):
    engine.finish_reason = "no_speech"
    answer = write_down(client())
    assert (answer.status_code, answer.json()["text"]) == (200, "")
    assert answer.headers["x-finish-reason"] == "no_speech"


def test_unknown_routes_and_methods(client):
    assert code_of(client().get("/v1/nothing")) == (404, "not_found")
    assert code_of(client().get(SPEECH)) == (405, "method_not_allowed")


def test_speech_in_events(client):
    answer = say(client(), stream_format="sse", response_format="pcm")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    events = [json.loads(line) for line in lines]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["total_tokens"] > 0


# -- what goes wrong ------------------------------------------------------------------------------------------------


def test_what_fails_before_the_first_sound_has_its_status(client, engine):
    engine.failures["stream_speak"] = NoSpeechError("Nothing was said.")
    assert code_of(say(client())) == (422, "no_speech")
    engine.failures["stream_speak"] = ZeroDivisionError()
    answer = say(client())
    assert code_of(answer) == (500, "internal_error")
    assert "ZeroDivision" not in answer.text


def test_half_a_speech_does_not_look_like_a_whole_one(engine):
    engine.failures["second one."] = GPAError("It broke.")
    text = "This is the first sentence, and long enough to be one. " * 4 + "\n\nsecond one."
    body = json.dumps({"input": text, "voice": "awb", "response_format": "pcm"}).encode()
    with running(engine, ServerOptions(port=0)) as address:
        answer = raw(address, body)
        assert answer.startswith(b"HTTP/1.1 200")
        assert not answer.endswith(b"0\r\n\r\n")
        body = json.dumps({"input": text, "voice": "awb", "stream_format": "sse"}).encode()
        answer = raw(address, body)
        assert b'data: {"error": {"message": "It broke."' in answer
        assert answer.endswith(b"0\r\n\r\n")


def posted(address, body):
    """Send a request for speech; return the connection, nothing read from it."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    head = f"POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def raw(address, body):
    """Return the bytes of the answer to a request for speech."""
    with posted(address, body) as connection:
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


@pytest.mark.parametrize("form", ["pcm", "wav"])
def test_a_client_that_leaves_ends_its_work(engine, form):
    engine.delay_s = 0.02
    delivery = "file" if form == "wav" else "audio"
    asked = {"input": "word " * 400, "voice": "awb", "response_format": form, "stream_format": delivery}
    body = json.dumps(asked).encode()
    with running(engine, ServerOptions(port=0)) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            connection.sendall(body)
            until(lambda: engine.calls)
        until(lambda: engine.streams_closed)
        done = len(engine.calls)
        time.sleep(0.2)
        assert len(engine.calls) == done


def test_a_client_that_takes_nothing_is_given_up(engine):
    text = "word " * 20_000
    body = json.dumps({"input": text, "voice": "awb", "response_format": "wav", "sample_rate": 48_000}).encode()
    limits = Limits(stall_s=0.3, text_chars=1_000_000)
    with running(engine, ServerOptions(port=0, limits=limits)) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            )
            connection.sendall(body)
            until(lambda: engine.calls)
            time.sleep(1.0)
            done = len(engine.calls)
            time.sleep(0.5)
            assert len(engine.calls) == done


def test_the_end_waits_for_what_runs(engine):
    engine.delay_s = 0.05
    body = json.dumps({"input": "hello there", "voice": "awb", "response_format": "pcm"}).encode()
    answers = []
    with running(engine, ServerOptions(port=0, limits=Limits(drain_s=10))) as address:
        asking = threading.Thread(target=lambda: answers.append(raw(address, body)))
        asking.start()
        until(lambda: engine.calls)
    asking.join(20)
    assert answers[0].endswith(b"0\r\n\r\n")


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- others ---------------------------------------------------------------------------------------------------------


def test_routes_of_the_reference_service(client, engine):
    server = client()
    sample = THREE_OFF.read_bytes()
    assert server.post("/stt", files={"file": ("a.wav", sample)}).json() == {"text": "hello world"}
    spoken = server.post("/tts/a", data={"text": "hello"}, files={"ref_audio": ("me.wav", sample)})
    assert spoken.status_code == 200
    assert (spoken.headers["content-type"], spoken.content[:4]) == ("audio/wav", b"RIFF")
    streamed = server.post("/tts/stream", data={"text": "hello", "voice": "awb"})
    assert streamed.headers["x-sample-rate"] == "16000"
    converted = server.post("/vc", files={"src_audio": ("a.wav", sample), "ref_audio": ("me.wav", sample)})
    assert (converted.status_code, converted.content[:4]) == (200, b"RIFF")
    assert "awb" in server.get("/api/voices").json()["voices"]


def test_conversions_stream(client):
    files = {"file": ("a.wav", THREE_OFF.read_bytes())}
    converted = client().post("/v1/audio/conversions", files=files, data={"voice": "slt"})
    assert (converted.status_code, converted.content[:4]) == (200, b"RIFF")
    assert code_of(client().post("/v1/audio/conversions", data={"voice": "slt"}, files={"x": b""})) == (
        400,
        "invalid_value",
    )


def test_state_and_metrics(client):
    server = client()
    say(server)
    assert server.get("/readyz").status_code == 200
    assert server.get("/v1/status").json()["model"] == "demo"
    told = server.get("/metrics").text
    assert 'gpa_requests_total{route="/v1/audio/speech",status="200"} 1.0' in told
    assert "hello there" not in told
