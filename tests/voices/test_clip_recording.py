"""A clip from the microphone, with PortAudio replaced by a script."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gpa_mlx.audio.clip_recording import _permission_advice, record_clip
from gpa_mlx.errors import AudioDeviceError


class PortAudioError(Exception):
    pass


class Microphone(SimpleNamespace):
    """What `record_clip` uses of sounddevice; it hears a tone, or what the test says."""

    PortAudioError = PortAudioError
    level = 0.1
    failures: dict[str, BaseException]

    def called(self, name):
        self.calls.append(name)
        if name in self.failures:
            raise self.failures[name]

    def query_devices(self, device, kind):
        assert (device, kind) == (None, "input")
        self.called("query")
        return {"default_samplerate": 48000.0}

    def rec(self, frames, samplerate, channels, dtype):
        self.called("rec")
        assert (samplerate, channels, dtype) == (48000, 1, "float32")
        return (self.level * np.sin(np.arange(frames)))[:, None].astype(np.float32)

    def wait(self):
        self.called("wait")

    def stop(self):
        self.called("stop")


@pytest.fixture
def microphone(monkeypatch):
    microphone = Microphone(calls=[], failures={})
    monkeypatch.setitem(sys.modules, "sounddevice", microphone)
    return microphone


def test_a_clip_is_recorded_at_the_microphones_own_rate(microphone):
    samples, rate_hz = record_clip(1.5)
    assert (samples.shape, samples.dtype, rate_hz) == ((72_000,), np.float32, 48_000)
    assert microphone.calls == ["query", "rec", "wait", "stop"]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("query", PortAudioError("no device", -1), "This computer has no microphone."),
        ("query", ValueError("none"), "This computer has no microphone."),
        ("rec", PortAudioError("Device unavailable.", -9985), "The microphone cannot be used: Device unavailable."),
        ("wait", PortAudioError(), "The microphone cannot be used: unknown reason."),
    ],
)
def test_a_microphone_that_fails_is_explained(microphone, name, error, words):
    microphone.failures[name] = error
    with pytest.raises(AudioDeviceError) as caught:
        record_clip(1)
    assert caught.value.message == words
    assert caught.value.hint


def test_an_interrupt_stops_the_recording(microphone):
    microphone.failures["wait"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        record_clip(1)
    assert microphone.calls[-1] == "stop"


def test_zeros_are_a_missing_permission(microphone):
    microphone.level = 0.0
    with pytest.raises(AudioDeviceError, match="nothing but zeros") as caught:
        record_clip(1)
    assert caught.value.hint == _permission_advice(sys.platform)
    assert "System Settings, Privacy & Security, Microphone" in _permission_advice("darwin")
    assert "muted" in _permission_advice("linux")


def test_a_missing_library_is_explained(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(AudioDeviceError, match="PortAudio library is missing"):
        record_clip(1)
