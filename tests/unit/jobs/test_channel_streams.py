"""The sides of a call, transcribed apart."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

from gpa_mlx.jobs.channel_streams import channel_labels, stream_channels
from gpa_mlx.jobs.recordings import file_input
from gpa_mlx.jobs.transcribe import TranscribeJob, TranscribeRequest
from gpa_mlx.testing import FakeEngine
from gpa_mlx.transcripts.collector import collect
from gpa_mlx.transcripts.cues import Layout
from gpa_mlx.transcripts.formats import render
from gpa_mlx.types import Segment

RATE_HZ = 16_000
CALL = (
    (Segment(start_s=0.0, end_s=2.0, text="hello who is there"), Segment(start_s=5.0, end_s=6.0, text="good")),
    (Segment(start_s=1.5, end_s=3.0, text="it is <me>"), Segment(start_s=7.0, end_s=8.0, text="bye")),
)


@dataclass
class CallEngine(FakeEngine):
    """Has a text of its own for every channel."""

    sides: tuple = CALL
    opened: list = field(default_factory=list)

    def stream_transcribe(self, audio, *, options=None, vad=True, batch=1, channels=None):
        self.opened.append((os.fspath(audio), channels))
        side = FakeEngine(texts=self.sides[channels or 0])
        return side.stream_transcribe(audio, options=options, vad=vad, batch=batch, channels=channels)


@pytest.fixture
def call(tmp_path):
    soundfile.write(tmp_path / "call.wav", np.zeros((RATE_HZ // 10, 2)), RATE_HZ)
    return tmp_path / "call.wav"


def transcribed(path, engine, tmp_path, *formats, layout=None):
    targets = {name: tmp_path / f"out.{name}" for name in formats}
    request = TranscribeRequest(
        recordings=(file_input(path),), targets=(targets,), separate=True, layout=layout or Layout()
    )
    job = TranscribeJob(engine, request)
    list(job.run())
    assert job.tasks[0].state == "done", job.tasks[0].error
    return job.tasks[0].transcript.result()


def test_both_sides_in_the_order_of_time_in_every_format(call, tmp_path):
    result = transcribed(call, CallEngine(), tmp_path, "txt", "srt", "vtt", "tsv", "json", "audacity")
    assert [segment.channel for segment in result.segments] == ["left", "right", "left", "right"]
    assert result.finish_reason == "stop"
    assert (tmp_path / "out.txt").read_text() == (
        "left: hello who is there\nright: it is <me>\nleft: good\nright: bye\n"
    )
    srt = (tmp_path / "out.srt").read_text()
    assert srt.startswith("1\n00:00:00,000 --> 00:00:02,000\nleft: hello who is there\n\n2\n00:00:01,500 --> ")
    assert "00:01.500 --> 00:03.000\n<v right>it is &lt;me&gt;\n" in (tmp_path / "out.vtt").read_text()
    table = (tmp_path / "out.tsv").read_text().splitlines()
    assert table[:2] == ["start\tend\ttext\tchannel", "0\t2000\thello who is there\tleft"]
    assert table[2] == "1500\t3000\tit is <me>\tright"
    assert "1.500000\t3.000000\tright: it is <me>\n" in (tmp_path / "out.audacity").read_text()
    segments = json.loads((tmp_path / "out.json").read_text())["segments"]
    assert [segment["channel"] for segment in segments] == ["left", "right", "left", "right"]


def test_a_line_has_room_for_the_label(call, tmp_path):
    layout = Layout(max_line_width=16, max_line_count=1)
    transcribed(call, CallEngine(), tmp_path, "srt", layout=layout)
    lines = [line for line in (tmp_path / "out.srt").read_text().splitlines() if line.startswith(("left", "right"))]
    assert lines[:2] == ["left: hello who", "left: is there"]
    assert all(len(line) <= 16 for line in lines)


def test_the_side_that_is_behind_goes_on():
    engine = CallEngine()
    chunks = list(stream_channels(("left", "right"), lambda number: engine.stream_transcribe("x", channels=number)))
    order = [chunk.segment.text for chunk in chunks if chunk.segment is not None]
    assert order == ["hello who is there", "it is <me>", "good", "bye"]
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert collect(chunks).text == "hello who is there it is <me> good bye"


@pytest.mark.parametrize(("sides", "empty"), [(((), ()), "no_speech"), (((), CALL[1]), None)])
def test_only_a_call_without_any_text_is_empty(call, tmp_path, sides, empty):
    result = transcribed(call, CallEngine(sides=sides), tmp_path, "json")
    assert result.empty_reason == empty
    assert json.loads((tmp_path / "out.json").read_text()).get("empty_reason") == empty


def test_one_channel_has_no_label(tmp_path, caplog):
    soundfile.write(tmp_path / "mono.wav", np.zeros(RATE_HZ // 10), RATE_HZ)
    result = transcribed(tmp_path / "mono.wav", CallEngine(), tmp_path, "txt")
    assert [segment.channel for segment in result.segments] == [None, None]
    assert "nothing to separate" in caplog.text


def test_a_pipe_is_read_once(call, tmp_path):
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(call.read_bytes()), daemon=True)
    writer.start()
    engine = CallEngine()
    result = transcribed(pipe, engine, tmp_path)
    writer.join()
    assert len(result.segments) == 4
    assert [channels for _, channels in engine.opened] == [0, 1]
    assert not os.path.exists(engine.opened[0][0])  # noqa: PTH110


def test_labels():
    assert channel_labels(2) == ("left", "right")
    assert channel_labels(3) == ("channel 1", "channel 2", "channel 3")


def test_without_labels_nothing_changes():
    plain = [Segment(start_s=0, end_s=2, text="one"), Segment(start_s=1, end_s=3, text="two")]
    assert render("txt", plain) == "one\ntwo\n"
    assert render("tsv", plain) == "start\tend\ttext\n0\t1000\tone\n1000\t3000\ttwo\n"
