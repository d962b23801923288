"""The official `openai` package, unmodified, against the real server with the demo model."""

from __future__ import annotations

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest
import soundfile

from gpa_mlx.audio.files import ffmpeg
from tests.server.conftest import THREE_OFF

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.has_ffmpeg(), reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def openai_client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="anything", max_retries=0) as client:
        yield client


def heard(client, content, name="speech.wav"):
    return client.audio.transcriptions.create(model="whisper-1", file=(name, content)).text


def test_models(openai_client):
    names = [model.id for model in openai_client.models.list()]
    assert names[0] == "demo"
    assert {"tts-1", "whisper-1"} <= set(names)
    assert openai_client.models.retrieve("demo").owned_by == "gpa-mlx"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("other")


@pytest.mark.parametrize("form", ["wav", "flac", "opus", "mp3", pytest.param("aac", marks=needs_ffmpeg)])
def test_speech_in_every_format_is_understood(openai_client, form):
    spoken = openai_client.audio.speech.create(
        model="tts-1", voice="awb", input="three two one go", response_format=form, extra_body={"seed": 1}
    )
    assert spoken.response.headers["content-type"].startswith("audio/")
    assert heard(openai_client, spoken.content, f"speech.{form}") == "three two one go"


def test_streamed_samples_are_24_khz_and_those_of_the_whole(openai_client):
    asked = {"model": "tts-1", "voice": "awb", "input": "zero six on", "response_format": "pcm"}
    with openai_client.audio.speech.with_streaming_response.create(**asked, extra_body={"seed": 1}) as response:
        pieces = list(response.iter_bytes())
    assert len(pieces) > 1
    whole = openai_client.audio.speech.create(**asked, extra_body={"seed": 1}).content
    assert b"".join(pieces) == whole
    buffer = io.BytesIO()
    soundfile.write(buffer, np.frombuffer(whole, "<i2"), 24_000, format="WAV")
    assert heard(openai_client, buffer.getvalue()) == "zero six on"


def test_a_whole_file_has_a_tag_that_holds(openai_client, tmp_path):
    from gpa_mlx.provenance.verification import verify_file

    spoken = openai_client.audio.speech.create(
        model="demo",
        voice="awb",
        input="go on",
        response_format="wav",
        extra_body={"seed": 1, "stream_format": "file"},
    )
    (tmp_path / "speech.wav").write_bytes(spoken.content)
    assert verify_file(tmp_path / "speech.wav").is_intact
    assert len(spoken.response.headers["x-audio-sha256"]) == 64


def test_streamed_wav_says_that_it_is_synthetic_before_the_sound(openai_client):
    content = openai_client.audio.speech.create(
        model="demo", voice="awb", input="go", response_format="wav", extra_body={"seed": 1}
    ).content
    assert content.index(b"synthetic speech by gpa-mlx") < content.index(b"data")
    samples, rate = soundfile.read(io.BytesIO(content))
    assert rate == 16_000
    assert np.abs(samples).max() > 0.05


def test_transcriptions_in_every_format(openai_client):
    def ask(**more):
        return openai_client.audio.transcriptions.create(model="whisper-1", file=THREE_OFF, **more)

    assert ask().text == "three off"
    assert ask(response_format="text").strip() == "three off"
    assert ask(response_format="srt").splitlines()[2] == "three off"
    assert ask(response_format="vtt").startswith("WEBVTT\n")
    verbose = ask(response_format="verbose_json", timestamp_granularities=["segment"])
    assert (verbose.text, verbose.words) == ("three off", None)
    (segment,) = verbose.segments
    assert segment.text == "three off"
    assert 0 <= segment.start < segment.end <= verbose.duration
    assert segment.avg_logprob <= 0


def test_a_transcription_in_events(openai_client):
    events = list(openai_client.audio.transcriptions.create(model="whisper-1", file=THREE_OFF, stream=True))
    assert [event.type for event in events[:-1]] == ["transcript.text.delta"] * (len(events) - 1)
    assert "".join(event.delta for event in events[:-1]) == "three off"
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", "three off")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"response_format": "verbose_json", "timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"include": ["logprobs"]}, "include"),
        ({"response_format": "srt", "stream": True}, "stream"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(openai_client, more, param):
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.audio.transcriptions.create(model="whisper-1", file=THREE_OFF, **more)
    assert caught.value.body["param"] == param
    assert caught.value.type == "invalid_request_error"


def test_translations_are_refused(openai_client):
    with pytest.raises(openai.BadRequestError, match="does not translate"), pytest.deprecated_call():
        openai_client.audio.translations.create(model="whisper-1", file=THREE_OFF)


def test_what_is_no_sound_is_refused_and_no_path_of_ours_told(openai_client):
    with pytest.raises(openai.BadRequestError) as caught:
        heard(openai_client, b"rubbish", "notes.wav")
    assert caught.value.message.count("notes.wav") == 1
    assert "/tmp" not in caught.value.message


@needs_ffmpeg
def test_what_browsers_record_is_heard(openai_client, tmp_path):
    """As Obsidian's plug-in and Open WebUI send it."""
    for name in ("recording.webm", "recording.mp4"):
        file = tmp_path / name
        command = ["ffmpeg", "-loglevel", "error", "-i", str(THREE_OFF), str(file)]
        subprocess.run(command, check=True)
        assert heard(openai_client, file.read_bytes(), name) == "three off"


def test_many_clients_at_once_get_what_they_asked_for(openai_client):
    texts = ["three off", "zero six on", "go on", "one two three"] * 2

    def round_trip(number):
        spoken = openai_client.audio.speech.create(
            model="tts-1", voice="awb", input=texts[number], response_format="wav", extra_body={"temperature": 0}
        )
        return spoken.content

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(round_trip, range(8)))
    assert together[:4] == [round_trip(number) for number in range(4)]
    assert together[4:] == together[:4]


def test_a_voice_is_made_used_and_removed(openai_client, address):
    import httpx2

    sample = THREE_OFF.read_bytes()
    asked = {"data": {"name": "mine"}, "files": {"audio_sample": ("me.wav", sample)}}
    refused = httpx2.post(f"{address}/v1/audio/voices", **asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "consent_required")
    asked["data"]["consent"] = "i_have_the_right"
    made = httpx2.post(f"{address}/v1/audio/voices", **asked, timeout=60).json()
    assert (made["id"], made["object"], made["type"]) == ("mine", "audio.voice", "audio_sample")
    listed = httpx2.get(f"{address}/v1/audio/voices").json()
    assert "mine" in [voice["id"] for voice in listed["voices"]]
    assert listed["voices"] == listed["data"]
    spoken = openai_client.audio.speech.create(
        model="tts-1", voice="mine", input="go", response_format="wav", extra_body={"seed": 1}
    )
    assert spoken.response.headers["x-voice"] == "mine"
    again = httpx2.post(f"{address}/v1/audio/voices", **asked, timeout=60)
    assert "already" in again.json()["error"]["message"]
    gone = httpx2.delete(f"{address}/v1/audio/voices/mine").json()
    assert gone == {"id": "mine", "object": "audio.voice.deleted", "deleted": True}
    assert httpx2.delete(f"{address}/v1/audio/voices/mine").status_code == 400
    by_card = openai_client.audio.speech.create(
        model="tts-1", voice=made["card"], input="go", response_format="wav", extra_body={"seed": 1}
    )
    assert by_card.content == spoken.content
