"""The computer's sound input, with a stand-in for PortAudio that a test speaks into."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soxr

from gpa_mlx.audio.devices import microphone as module
from gpa_mlx.audio.devices.microphone import FLOOR_DB, Microphone, RateChangedError, loudness
from gpa_mlx.audio.devices.port_audio import find_device, list_devices
from gpa_mlx.audio.devices.port_audio import port_audio as lend
from gpa_mlx.audio.vad.endpoint import EndpointDetector
from gpa_mlx.errors import AudioDeviceError


class PortAudioError(Exception):
    pass


class PortAudio:
    """Inputs by name: (channels, rate, the rates it really takes)."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device=(0, 7))

    def __init__(self):
        self.inputs = {"Built-in": (1, 48_000, {48_000})}
        self.broken_start = False
        self.streams = []

    def _terminate(self):
        pass

    def _initialize(self):
        pass

    def query_hostapis(self):
        return [{"name": "Core Audio"}]

    def query_devices(self, name=None, kind=None):
        devices = [
            {
                "index": index,
                "name": known,
                "hostapi": 0,
                "max_input_channels": channels,
                "max_output_channels": 0,
                "default_samplerate": float(rate),
            }
            for index, (known, (channels, rate, _)) in enumerate(self.inputs.items())
        ]
        if kind is None:
            return devices
        if not devices or (isinstance(name, int) and name >= len(devices)):
            raise PortAudioError("Error querying device")
        found = [device for device in devices if name is None or name in (device["index"], device["name"])]
        if len(found) != 1 and name is not None:
            raise ValueError("no such device")
        return found[0]

    def InputStream(self, **settings):  # noqa: N802
        name = settings["device"]
        known = self.query_devices(name, "input")["name"]
        channels, _, rates = self.inputs[known]
        if settings["samplerate"] not in rates or settings["channels"] > channels:
            raise PortAudioError("Error opening InputStream: Invalid sample rate", -9997)
        stream = Stream(settings, self.broken_start)
        self.streams.append(stream)
        return stream


class Stream:
    latency = 0.1

    def __init__(self, settings, broken):
        self.settings, self.broken = settings, broken
        self.running = False

    def start(self):
        if self.broken:
            raise PortAudioError("Error starting stream: Device unavailable", -9985)
        self.running = True

    def abort(self, ignore_errors):
        self.running = False

    def close(self, ignore_errors):
        self.settings["finished_callback"]()

    def hear(self, samples, overflow=False, time_s=0.0):
        """Deliver `(frames,)` or `(frames, channels)` as PortAudio does: in an array it uses again."""
        block = np.asarray(samples, dtype=np.float32).reshape(len(samples), -1)
        if block.shape[1] < self.settings["channels"]:
            block = np.repeat(block, self.settings["channels"], axis=1)
        block = block.copy()
        time = SimpleNamespace(inputBufferAdcTime=time_s)
        self.settings["callback"](block, len(block), time, SimpleNamespace(input_overflow=overflow))
        block[:] = np.nan

    def vanish(self):
        self.settings["finished_callback"]()


@pytest.fixture
def port_audio(monkeypatch):
    library = PortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return library


@pytest.fixture
def sound():
    return 0.1 * np.random.default_rng(0).standard_normal(48_000)


def stop(microphone):
    """Stop without the tail."""
    microphone.stop()
    with microphone._switch:
        microphone._finish()


def taken(microphone):
    return np.concatenate([np.empty(0), *microphone])


def test_the_device_is_opened_at_its_own_rate_and_resampled_here(port_audio, sound):
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        assert (stream.settings["samplerate"], stream.settings["channels"], stream.settings["dtype"]) == (
            48_000,
            1,
            "float32",
        )
        microphone.start()
        for start in range(0, 48_000, 480):
            stream.hear(sound[start : start + 480])
        stop(microphone)
        heard = taken(microphone)
    assert heard.dtype == np.float64
    expected = soxr.resample(sound.astype(np.float32).astype(np.float64), 48_000, 16_000, quality="VHQ")
    assert np.array_equal(heard, expected)
    assert not stream.running


def test_two_channels_are_averaged(port_audio, sound):
    port_audio.inputs = {"Interface": (8, 16_000, {16_000})}
    with Microphone() as microphone:
        microphone.start()
        port_audio.streams[0].hear(np.stack([sound[:1600], np.zeros(1600)], axis=1))
        stop(microphone)
        assert np.allclose(taken(microphone), sound[:1600] / 2, atol=1e-7)


def test_other_rates_are_tried_when_the_own_one_fails(port_audio):
    port_audio.inputs = {"Odd": (2, 192_000, {44_100})}
    with Microphone() as microphone:
        assert microphone.rate_hz == 44_100


def test_the_half_second_before_the_start_is_heard(port_audio, sound):
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        for start in range(0, 48_000, 480):
            stream.hear(sound[start : start + 480])
        microphone.start()
        stream.hear(np.zeros(480))
        stop(microphone)
        stream.hear(np.ones(480))
        heard = taken(microphone)
    assert len(heard) == 8_000 + 160
    exact = soxr.resample(np.concatenate([sound[24_000:], np.zeros(480)]), 48_000, 16_000, quality="VHQ")
    assert np.allclose(heard, exact, atol=1e-6)


def test_one_recording_after_the_other_without_the_sound_between_them(port_audio):
    port_audio.inputs = {"Plain": (1, 16_000, {16_000})}
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        for value in (0.25, 0.5):
            microphone.start()
            stream.hear(np.full(1600, value))
            stop(microphone)
            stream.hear(np.full(16_000, 0.75))  # more than the ring holds: what was said is forgotten
            heard = taken(microphone)
            assert np.array_equal(heard[-1600:], np.full(1600, value, np.float32))
            assert set(heard[:-1600]) <= {np.float32(0.75)}


def test_what_is_on_its_way_when_it_is_stopped_is_heard(port_audio):
    port_audio.inputs = {"Plain": (1, 16_000, {16_000})}
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        microphone.start()
        microphone.stop()
        for number in range(1, 40):
            stream.hear(np.full(160, number))
            if number == 20:
                microphone.stop()
        # 0.1 s of latency and 0.2 s for the last syllable.
        assert np.array_equal(taken(microphone), np.repeat(np.arange(1, 31), 160))


def test_blocks_come_while_it_records(port_audio):
    with Microphone() as microphone:
        microphone.start()
        blocks = iter(microphone)
        port_audio.streams[0].hear(np.ones(24_000))
        assert len(next(blocks)) > 7_000
        stop(microphone)
        assert sum(map(len, blocks)) > 0


def test_exact_zeros_stay_exact(port_audio):
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        microphone.start()
        stream.hear(np.zeros(48_000))
        stream.hear(np.full(4_800, 1e-9))
        stop(microphone)
        heard = taken(microphone)
    assert not heard[:15_000].any()
    assert heard[-1_000:].any()


def test_overflows_are_counted(port_audio):
    with Microphone() as microphone:
        microphone.start()
        port_audio.streams[0].hear(np.ones(480), overflow=True)
        port_audio.streams[0].hear(np.ones(480))
        assert microphone.overflows == 1


def test_the_level_is_that_of_the_latest_block(port_audio):
    with Microphone() as microphone:
        assert microphone.level.peak_db == FLOOR_DB
        port_audio.streams[0].hear(np.array([0.5, -0.5]))
        assert (microphone.level.rms_db, microphone.level.peak_db) == pytest.approx((-6.02, -6.02), abs=0.01)


def test_loudness_of_a_sine_and_of_silence():
    sine = np.sin(2 * np.pi * np.arange(16_000) / 160)
    assert loudness(sine).rms_db == pytest.approx(-3.01, abs=0.01)
    assert loudness(sine).peak_db == pytest.approx(0.0, abs=0.01)
    assert loudness(np.zeros(5)) == loudness(np.empty(0)) == loudness(np.full(3, 1e-9))


def test_a_device_that_is_unplugged_gives_what_it_heard_and_then_the_error(port_audio, sound):
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        microphone.start()
        stream.hear(sound)
        stream.vanish()
        heard = []
        with pytest.raises(AudioDeviceError, match="stopped working"):
            heard.extend(microphone)
        assert sum(map(len, heard)) == 16_000


@pytest.mark.parametrize("true_hz", [16_000, 24_000, 44_100])
def test_a_device_that_changes_its_rate_while_it_is_recorded_is_noticed(port_audio, true_hz):
    """A headset that is listened to as well falls from 48 to 24 or 16 kHz; the program is not told."""
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        microphone.start()
        time_s = 100.0
        for count in range(2_000):
            stream.hear(np.full(480, 0.1), time_s=time_s)
            time_s += 480 / (48_000 if count < 500 else true_hz)
        with pytest.raises(RateChangedError, match="from 48000 to") as caught:
            taken(microphone)
        assert abs(int(caught.value.message.split(" to ")[1].split()[0]) - true_hz) < 0.15 * true_hz
        microphone.open()
        assert len(port_audio.streams) == 2


@pytest.mark.parametrize("case", ["drift", "jitter", "asleep", "dropped", "no clock"])
def test_what_is_no_change_of_rate(port_audio, case):
    rng = np.random.default_rng(0)
    with Microphone() as microphone:
        (stream,) = port_audio.streams
        microphone.start()
        time_s = 100.0
        for count in range(3_000):
            shown_s = time_s + (rng.uniform(0, 0.04) if case == "jitter" else 0)
            is_dropped = case == "dropped" and count % 90 == 0
            stream.hear(np.full(480, 0.1), is_dropped, 0.0 if case == "no clock" else shown_s)
            time_s += 480 / 48_000 * (1.01 if case == "drift" else 1)
            if case == "asleep" and count % 500 == 0:
                time_s += 60
            if case == "dropped" and count % 90 == 89:
                time_s += 0.2
        stop(microphone)
        assert len(taken(microphone)) == 480_000


def test_a_device_that_falls_silent_is_noticed(port_audio, monkeypatch):
    monkeypatch.setattr(module, "_STALL_S", 0.2)
    with Microphone() as microphone:
        microphone.start()
        port_audio.streams[0].hear(np.ones(4800))
        started = time.monotonic()
        with pytest.raises(AudioDeviceError, match="stopped working"):
            taken(microphone)
        assert time.monotonic() - started < 2


def test_closing_ends_the_iteration_of_another_thread(port_audio):
    microphone = Microphone()
    microphone.open()
    microphone.start()
    done = threading.Event()

    def iterate():
        taken(microphone)
        done.set()

    threading.Thread(target=iterate, daemon=True).start()
    microphone.close()
    assert done.wait(2)


def test_it_can_be_opened_again(port_audio):
    microphone = Microphone()
    for _ in range(2):
        with microphone:
            microphone.open()
            microphone.start()
            port_audio.streams[-1].hear(np.ones(4800))
            stop(microphone)
            assert len(taken(microphone)) == 1600
    assert len(port_audio.streams) == 2


def test_devices_are_listed_and_found(port_audio):
    port_audio.inputs["USB"] = (2, 44_100, {44_100})
    assert [
        (device.index, device.name, device.channels, device.rate_hz, device.is_default)
        for device in list_devices("input")
    ] == [(0, "Built-in", 1, 48_000, True), (1, "USB", 2, 44_100, False)]
    assert list_devices("output") == ()
    with lend("input") as library:
        assert [find_device(library, name, "input")["index"] for name in ("USB", "1")] == [1, 1]


@pytest.mark.parametrize("name", ["Headset", "9"])
def test_an_unknown_name_lists_the_choices(port_audio, name):
    with pytest.raises(AudioDeviceError, match=f"microphone '{name}'") as caught:
        Microphone(name).open()
    assert "Built-in" in caught.value.hint


def test_no_microphone_at_all(port_audio):
    port_audio.inputs = {}
    with pytest.raises(AudioDeviceError, match="no microphone"):
        Microphone().open()


@pytest.mark.parametrize("fault", ["rate", "start"])
def test_a_device_that_cannot_be_used(port_audio, fault):
    if fault == "rate":
        port_audio.inputs = {"Built-in": (1, 48_000, set())}
    port_audio.broken_start = fault == "start"
    with pytest.raises(AudioDeviceError, match="cannot be used: Error") as caught:
        Microphone().open()
    assert caught.value.hint


def test_a_pause_after_speech_is_noticed():
    """Bursts of a voiced sound, 0.3 s each with dips between them, in faint noise."""
    rng = np.random.default_rng(0)
    seconds = np.arange(3 * 16_000) / 16_000
    voice = 0.2 * np.sign(np.sin(2 * np.pi * 150 * seconds)) * (seconds % 0.4 < 0.3)
    sound = np.concatenate([np.zeros(8_000), voice, np.zeros(32_000)]) + 1e-4 * rng.standard_normal(88_000)
    watch = EndpointDetector()
    silences = []
    for start in range(0, len(sound), 800):
        watch.push(sound[start : start + 800].astype(np.float32))
        silences.append((start / 16_000, watch.spoke, watch.silent_s, watch.is_quiet))
    assert not any(spoke for time_s, spoke, *_ in silences if time_s < 0.5)
    assert max(silent for time_s, spoke, silent, _ in silences if spoke and time_s < 3.5) < 0.3
    end_s = next(time_s for time_s, spoke, silent, quiet in silences if spoke and silent >= 1.0 and quiet)
    assert 4.3 < end_s < 5.2
    assert not next(quiet for time_s, *_, quiet in silences if time_s > 3.2)
