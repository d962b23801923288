"""Findings about the microphone and the loudspeaker."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from gpa_mlx.doctor.loudspeaker_check import examine_loudspeaker
from gpa_mlx.doctor.microphone_check import examine_microphone, level_dbfs
from gpa_mlx.doctor.sound_devices import PortAudio, SoundDevice
from gpa_mlx.errors import AudioDeviceError

MAC_PANE = "System Settings > Privacy & Security > Microphone: switch Terminal on"
TERMINAL = {"TERM_PROGRAM": "Apple_Terminal"}


def noise(level: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-level, level, 48_000).astype(np.float32)


def test_level():
    assert level_dbfs(np.ones(10, np.float32)) == 0
    assert level_dbfs(np.full(10, 0.1, np.float32)) == pytest.approx(-20, abs=1e-5)
    assert level_dbfs(np.zeros(10, np.float32)) == level_dbfs(np.zeros(0, np.float32)) == -np.inf


def test_a_microphone_that_hears(make_host, make_devices):
    devices = make_devices(sound=noise(0.1))
    (found,) = examine_microphone(make_host(), devices, None, probe=True)
    assert (found.status, found.fix) == ("ok", "")
    for fact in ("MacBook Pro Microphone", "48000 Hz", "-25 dBFS", "0% exact zeros"):
        assert fact in found.what


def test_it_is_not_listened_to_unless_wanted(make_host, make_devices):
    devices = make_devices()
    (found,) = examine_microphone(make_host(), devices, "Mac", probe=False)
    assert (found.status, devices.recorded, devices.asked) == ("ok", 0, ["Mac"])


@pytest.mark.parametrize("sound", [np.zeros(48_000, np.float32), np.zeros(0, np.float32)], ids=["zeros", "nothing"])
@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ({"environ": TERMINAL}, MAC_PANE),
        ({"platform": "linux"}, "pactl set-source-mute"),
        ({"environ": {"SSH_TTY": "t"}}, "on the Mac itself"),
    ],
)
def test_silence_that_no_room_has(make_host, make_devices, sound, fields, fix):
    *_, found = examine_microphone(make_host(**fields), make_devices(sound=sound), None, probe=True)
    assert found.status == "warning"
    assert "zeros" in found.what or "no samples" in found.what
    assert fix in found.fix


@pytest.mark.parametrize(
    ("access", "what", "fix"),
    [
        ("denied", "macOS does not let Terminal use the microphone", MAC_PANE),
        ("restricted", "Screen Time", "Screen Time"),
        ("granted", "though Terminal may use it", "Sound > Input"),
        ("undecided", "was not told yet", "tccutil reset Microphone com.apple.Terminal"),
        ("unknown", "muted, or macOS does not let Terminal", MAC_PANE),
    ],
)
def test_the_systems_own_answer_says_who_keeps_the_sound_back(make_host, make_devices, access, what, fix):
    host = make_host(environ=TERMINAL, microphone_access=lambda: access)
    *before, found = examine_microphone(host, make_devices(sound=np.zeros(5, np.float32)), None, probe=True)
    assert what in found.what
    assert fix in found.fix
    assert ["asking now" in note.what for note in before] == [True] * (access == "undecided")


def test_one_sample_that_is_not_zero_is_no_permission_problem(make_host, make_devices):
    sound = np.zeros(48_000, np.float32)
    sound[5] = 1e-5
    (found,) = examine_microphone(make_host(environ=TERMINAL), make_devices(sound=sound), None, probe=True)
    assert "too quiet" in found.what
    assert "Sound > Input" in found.fix


def test_a_microphone_that_is_too_loud(make_host, make_devices):
    (found,) = examine_microphone(make_host(), make_devices(sound=np.sign(noise(1.0))), None, probe=True)
    assert (found.status, "distorted" in found.what) == ("warning", True)


@pytest.mark.parametrize(
    ("name", "rate_hz", "is_headset"),
    [("AirPods Pro", 24_000, True), ("Jabra Elite", 48_000, True), ("USB", 16_000, True), ("USB", 44_100, False)],
)
def test_headsets(make_host, make_devices, name, rate_hz, is_headset):
    found = [*examine_microphone(make_host(), make_devices(found=SoundDevice(name, rate_hz)), None, probe=True)]
    assert len(found) == 1 + is_headset
    if is_headset:
        assert (found[1].status, str(rate_hz) in found[1].what) == ("note", True)
        assert "gpa-mlx settings set microphone" in found[1].fix


def test_a_microphone_that_refuses(make_host, make_devices):
    (found,) = examine_microphone(make_host(environ=TERMINAL), make_devices(refusal="It is held."), None, probe=True)
    assert (found.status, found.what) == ("warning", "It is held.")
    assert MAC_PANE in found.fix


@pytest.mark.parametrize(("name", "fix"), [(None, "Connect one"), ("USB", "settings set microphone NAME")])
def test_no_microphone_is_only_a_warning(make_host, make_devices, name, fix):
    (found,) = examine_microphone(make_host(), make_devices(found=None), name, probe=True)
    assert found.status == "warning"
    assert fix in found.fix


def test_over_ssh_it_is_the_other_computers(make_host, make_devices):
    found = [*examine_microphone(make_host(environ={"SSH_TTY": "t"}), make_devices(), None, probe=True)]
    assert "distant" in found[0].what
    assert found[1].status == "ok"


def test_loudspeakers(make_host, make_devices):
    (found,) = examine_loudspeaker(make_host(), make_devices(), None)
    assert (found.status, found.what) == ("ok", "MacBook Pro Speakers, 44100 Hz.")
    (none,) = examine_loudspeaker(make_host(), make_devices(output=None), None)
    assert none.status == "warning"
    assert "Sound > Output" in none.fix
    (unknown,) = examine_loudspeaker(make_host(), make_devices(output=None), "USB")
    assert "settings set loudspeaker" in unknown.fix
    (distant,) = examine_loudspeaker(make_host(environ={"SSH_TTY": "t"}), make_devices(), None)
    assert "distant" in distant.what


class FakeStream:
    """Gives blocks of two channels when it starts."""

    blocks: tuple[np.ndarray, ...] = ()

    def __init__(self, *, device, channels, dtype, callback):
        if device == "held":
            raise FakeError("Device unavailable", -9985)
        self._callback = callback

    def start(self):
        for block in self.blocks:
            self._callback(block, len(block), None, None)

    def abort(self, ignore_errors):
        pass

    def close(self, ignore_errors):
        pass


class FakeError(Exception):
    pass


@pytest.fixture
def sounddevice(monkeypatch):
    """A stand-in for the library with one microphone, `mic`."""

    def query_devices(name=None, kind=None):
        if kind is None:
            return [{"name": "mic", "max_input_channels": 1, "max_output_channels": 0}]
        if kind == "output":
            raise FakeError("none")
        if isinstance(name, int) and name != 3:
            raise FakeError("Error querying device")
        if name not in (None, "mic", "held", 3):
            raise ValueError(name)
        return {"name": "mic", "default_samplerate": 100.0}

    module = types.SimpleNamespace(
        query_devices=query_devices,
        InputStream=FakeStream,
        PortAudioError=FakeError,
        _initialize=lambda: None,
        _terminate=lambda: None,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr("gpa_mlx.doctor.sound_devices._PATIENCE_S", 0.0)
    return module


def test_portaudio_finds_devices(sounddevice):
    assert PortAudio().microphone(None) == SoundDevice("mic", 100)
    with pytest.raises(AudioDeviceError, match="no sound output") as none:
        PortAudio().loudspeaker(None)
    assert not none.value.hint  # the pane of the system is named instead
    with pytest.raises(AudioDeviceError, match="not exactly one microphone 'x'") as caught:
        PortAudio().microphone("x")
    assert "mic" in caught.value.hint


def test_portaudio_takes_digits_for_the_number_of_a_device(sounddevice):
    assert PortAudio().microphone("3") == SoundDevice("mic", 100)
    assert PortAudio().record("3", 0.1).shape == (0,)
    with pytest.raises(AudioDeviceError, match="not exactly one microphone '4'"):
        PortAudio().microphone("4")


@pytest.mark.parametrize(("frames", "got"), [(150, 100), (60, 60)])
def test_portaudio_records_the_first_channel(sounddevice, monkeypatch, frames, got):
    blocks = np.split(np.stack([np.arange(frames), np.ones(frames)], axis=1).astype(np.float32), [30])
    monkeypatch.setattr(FakeStream, "blocks", tuple(blocks))
    samples = PortAudio().record(None, 1.0)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, np.arange(got))


@pytest.mark.parametrize("most_s", [10.0, 2.0])
def test_zeros_are_waited_out_while_a_question_is_open(sounddevice, monkeypatch, most_s):
    blocks = [np.zeros((100, 1), np.float32)] * 5 + [np.ones((100, 1), np.float32)]
    monkeypatch.setattr(FakeStream, "blocks", tuple(blocks))
    samples = PortAudio().record(None, 1.0, zeros_s=most_s)
    assert samples.shape == (100,)
    assert bool(samples.any()) == (most_s == 10.0)


def test_portaudio_that_gives_nothing_or_refuses(sounddevice):
    assert PortAudio().record(None, 0.1).shape == (0,)
    with pytest.raises(AudioDeviceError, match=r"Device unavailable\.$"):
        PortAudio().record("held", 0.1)


def test_no_portaudio(make_host, monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    (found,) = examine_microphone(make_host(platform="linux"), PortAudio(), None, probe=True)
    assert (found.status, "apt install libportaudio2" in found.fix) == ("warning", True)
