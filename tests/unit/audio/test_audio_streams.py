"""Turns in PortAudio: the order of opening and closing, with devices that take their time or never answer."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from gpa_mlx.audio.devices import port_audio as module
from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
from gpa_mlx.audio.devices.microphone import Microphone
from gpa_mlx.audio.devices.port_audio import list_devices, settle
from gpa_mlx.audio.devices.streams import Streams, call_in_time
from gpa_mlx.errors import AudioDeviceError
from tests.support.port_audio import HotPlug

PATIENT_S = 20.0


@pytest.fixture
def port(monkeypatch):
    library = HotPlug("Built-in")
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    monkeypatch.setattr(module, "_STREAMS", Streams(closing_s=PATIENT_S))
    return library


def nothing(*_):
    pass


def let_go_later(stream):
    """Let a stream that hangs answer after somebody had time to go past it."""
    threading.Timer(0.3, stream.hangs.set).start()


def test_a_stream_that_is_still_closing_is_waited_for_before_devices_are_looked_for(port):
    """Core Audio takes a tenth of a second to stop: closing returns before, the library is started anew after."""
    microphone = Microphone()
    microphone.open()
    (stream,) = port.streams
    stream.hangs.clear()
    microphone.close()
    assert not stream.is_closed
    port.plugged.append("USB")
    let_go_later(stream)
    assert [device.name for device in list_devices("input")] == ["Built-in", "USB"]
    assert stream.is_closed


def test_the_next_stream_is_opened_after_the_last_is_closed(port):
    first = Loudspeaker().open(16_000, nothing, nothing)
    (stream,) = port.streams
    stream.hangs.clear()
    first.close()
    let_go_later(stream)
    Loudspeaker().open(16_000, nothing, nothing).close()
    assert settle(PATIENT_S)
    assert port.events == ["open 0", "close 0", "open 1", "close 1"]


def test_a_device_is_not_closed_under_its_own_draining(port):
    """Ctrl-C while the last frames are played: `stop` is still in the library."""
    output = Loudspeaker().open(16_000, nothing, nothing)
    (stream,) = port.streams
    output.start()
    stream.drains.clear()
    assert not output.drained()
    output.close()
    assert not stream.is_closed
    stream.drains.set()
    assert settle(PATIENT_S)
    assert port.events == ["open 0", "start 0", "stop 0", "close 0"]


def test_the_end_waits_for_what_is_closing(port):
    microphone = Microphone()
    microphone.open()
    (stream,) = port.streams
    stream.hangs.clear()
    microphone.close()
    assert not settle(0.05)
    let_go_later(stream)
    assert settle(PATIENT_S)
    assert stream.is_closed


def test_an_output_that_does_not_start_in_time_is_an_error_and_is_closed_when_it_does(port, monkeypatch):
    monkeypatch.setattr(module, "OPENING_S", 0.1)
    output = Loudspeaker().open(16_000, nothing, nothing)
    (stream,) = port.streams
    stream.starts.clear()
    with pytest.raises(AudioDeviceError, match="does not answer") as caught:
        output.start()
    assert caught.value.hint
    stream.starts.set()
    assert settle(PATIENT_S)
    assert stream.is_closed


def test_a_microphone_that_opens_too_late_is_closed_again(port, monkeypatch):
    monkeypatch.setattr(module, "OPENING_S", 0.1)
    port.starts.clear()
    microphone = Microphone()
    with pytest.raises(AudioDeviceError, match="does not answer"):
        microphone.open()
    port.starts.set()
    assert settle(PATIENT_S)
    (stream,) = port.streams
    assert stream.is_closed
    monkeypatch.setattr(module, "OPENING_S", PATIENT_S)
    with microphone:
        assert microphone.name == "Built-in"


def test_somebody_who_is_stuck_is_gone_past():
    streams = Streams(closing_s=0.1)
    stuck, leaves = threading.Event(), threading.Event()

    def hang():
        with streams.turn(0.1):
            stuck.set()
            leaves.wait()

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    assert stuck.wait(PATIENT_S)
    with streams.turn(PATIENT_S):
        assert not streams.is_quiet
        assert not streams.settle(0.0)
    leaves.set()
    thread.join(PATIENT_S)
    assert streams.is_quiet
    assert streams.settle(PATIENT_S)


def test_a_result_that_comes_too_late_is_undone_and_an_error_is_passed_on():
    wait, undone = threading.Event(), threading.Event()
    with pytest.raises(TimeoutError):
        call_in_time(lambda: wait.wait(PATIENT_S), lambda result: undone.set() if result else None, 0.05)
    wait.set()
    assert undone.wait(PATIENT_S)
    with pytest.raises(ZeroDivisionError):
        call_in_time(lambda: 1 // 0, nothing, PATIENT_S)
    assert call_in_time(lambda: 5, nothing, PATIENT_S) == 5


STUCK = """
import sys, threading
from gpa_mlx.audio.devices import port_audio, streams
from gpa_mlx.cli.leaving import leave

class Stream:
    def abort(self, ignore_errors):
        threading.Event().wait()

    def close(self, ignore_errors):
        pass

class Library:
    PortAudioError = OSError

sys.modules["sounddevice"] = Library
port_audio._ENDING_S = 0.1
import atexit
atexit.register(lambda: print("PortAudio is ended"))
stream = port_audio.open_stream(Stream)
if sys.argv[1] == "stuck":
    port_audio.release(stream)
print("saved")
leave(7, patience_s=0.1)
"""


@pytest.mark.parametrize(("case", "said"), [("stuck", "saved\n"), ("fine", "saved\nPortAudio is ended\n")])
def test_a_process_with_a_stuck_device_ends_without_ending_portaudio(case, said):
    result = subprocess.run([sys.executable, "-c", STUCK, case], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (7, said, "")
