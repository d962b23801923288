"""Opening the computer's sound output, with a stand-in for PortAudio."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
from gpa_mlx.errors import AudioDeviceError


class PortAudioError(Exception):
    pass


class PortAudio:
    """Outputs that take some rates and channel counts only."""

    PortAudioError = PortAudioError

    def __init__(self):
        self.accepted = {(16_000, 1)}
        self.outputs = {"Built-in": 48_000}
        self.hangs = threading.Event()
        self.calls = []

    def _terminate(self):
        pass

    def _initialize(self):
        pass

    def query_devices(self, name=None, kind=None):
        if kind is None:
            return [{"name": name, "max_output_channels": 2} for name in self.outputs]
        if name is None and not self.outputs:
            raise PortAudioError("Error querying device -1")
        found = [rate for output, rate in self.outputs.items() if name is None or name in output]
        if len(found) != 1:
            raise ValueError("No output device matching")
        return {"default_samplerate": float(found[0])}

    def OutputStream(self, **settings):  # noqa: N802
        if (settings["samplerate"], settings["channels"]) not in self.accepted:
            raise PortAudioError("Error opening OutputStream: Invalid sample rate", -9997)
        self.settings = settings
        return self

    latency = 0.1

    def start(self):
        self.calls.append("start")
        if "broken" in self.outputs:
            raise PortAudioError("Error starting stream: Device unavailable", -9985)

    def stop(self, ignore_errors):
        self.hangs.wait(5)

    def abort(self, ignore_errors):
        self.calls.append("abort")
        self.hangs.wait(5)

    def close(self, ignore_errors):
        self.calls.append("close")


@pytest.fixture
def port_audio(monkeypatch):
    library = PortAudio()
    library.hangs.set()
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return library


def play(out):
    out[:] = np.arange(len(out))


def nothing():
    pass


@pytest.mark.parametrize(
    ("accepted", "rate", "channels"),
    [
        ({(16_000, 1), (48_000, 1), (48_000, 2)}, 16_000, 1),
        ({(16_000, 2), (48_000, 1)}, 16_000, 2),
        ({(48_000, 1), (48_000, 2)}, 48_000, 1),
        ({(48_000, 2)}, 48_000, 2),
    ],
)
def test_the_wanted_rate_comes_first_then_the_own_one(port_audio, accepted, rate, channels):
    port_audio.accepted = accepted
    stream = Loudspeaker().open(16_000, play, nothing)
    assert (stream.rate_hz, stream.latency_s, port_audio.settings["channels"]) == (rate, 0.1, channels)
    assert port_audio.settings["dtype"] == "float32"
    assert port_audio.settings["finished_callback"] is nothing
    out = np.full((5, channels), np.nan, dtype=np.float32)
    port_audio.settings["callback"](out, 5, None, None)
    assert np.array_equal(out, np.repeat(np.arange(5.0)[:, None], channels, axis=1))


def test_no_output_at_all(port_audio):
    port_audio.outputs = {}
    with pytest.raises(AudioDeviceError, match="no sound output") as caught:
        Loudspeaker().open(16_000, play, nothing)
    assert "file" in caught.value.hint


def test_an_unknown_name_lists_the_choices(port_audio):
    with pytest.raises(AudioDeviceError, match="'Headphones'") as caught:
        Loudspeaker("Headphones").open(16_000, play, nothing)
    assert "Built-in" in caught.value.hint


@pytest.mark.parametrize(("name", "said"), [(None, "The sound output cannot"), ("Built", "'Built' cannot")])
def test_an_output_that_takes_nothing(port_audio, name, said):
    port_audio.accepted = set()
    with pytest.raises(AudioDeviceError, match=said) as caught:
        Loudspeaker(name).open(16_000, play, nothing)
    assert caught.value.message.endswith("Invalid sample rate.")
    assert caught.value.hint


def test_an_output_that_does_not_start(port_audio):
    port_audio.outputs = {"broken": 48_000}
    stream = Loudspeaker().open(16_000, play, nothing)
    with pytest.raises(AudioDeviceError, match=r"cannot be started: Error starting stream: Device unavailable\."):
        stream.start()


def test_a_missing_library_is_explained(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(AudioDeviceError, match="PortAudio") as caught:
        Loudspeaker().open(16_000, play, nothing)
    assert "libportaudio2" in caught.value.hint


def test_closing_is_done_once_and_waits_for_no_dead_device(port_audio):
    stream = Loudspeaker().open(16_000, play, nothing)
    port_audio.hangs.clear()
    start = time.monotonic()
    stream.close()
    stream.close()
    assert time.monotonic() - start < 1
    assert port_audio.calls == ["abort"]
    port_audio.hangs.set()


def test_draining_does_not_block(port_audio):
    stream = Loudspeaker().open(16_000, play, nothing)
    port_audio.hangs.clear()
    assert not stream.drained()
    assert not stream.drained()
    port_audio.hangs.set()
    deadline = time.monotonic() + 5
    while not stream.drained():
        assert time.monotonic() < deadline
        time.sleep(0.01)
