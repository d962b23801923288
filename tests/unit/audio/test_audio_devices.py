"""Devices that are plugged in while the program runs."""

from __future__ import annotations

import sys
import threading

import pytest

from gpa_mlx.audio.devices import port_audio as module
from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
from gpa_mlx.audio.devices.microphone import Microphone
from gpa_mlx.audio.devices.port_audio import Direction, list_devices, port_audio
from gpa_mlx.audio.devices.streams import Streams
from gpa_mlx.errors import AudioDeviceError
from tests.support.port_audio import HotPlug


@pytest.fixture
def port(monkeypatch):
    library = HotPlug("Built-in")
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    monkeypatch.setattr(module, "_STREAMS", Streams(closing_s=0.3))
    return library


def names(direction: Direction = "input"):
    return [device.name for device in list_devices(direction)]


def nothing(*_):
    pass


def test_what_is_plugged_in_is_listed_and_what_is_unplugged_is_not(port):
    assert names() == names("output") == ["Built-in"]
    port.plugged.append("USB")
    assert names() == names("output") == ["Built-in", "USB"]
    port.plugged.remove("Built-in")
    assert names() == ["USB"]


def test_the_first_microphone_there_is_can_be_recorded(port):
    port.plugged.clear()
    microphone = Microphone()
    with pytest.raises(AudioDeviceError, match="no microphone"):
        microphone.open()
    port.plugged.append("USB")
    with microphone:
        assert microphone.name == "USB"


def test_a_sound_output_that_came_later_is_played_to(port):
    with pytest.raises(AudioDeviceError, match="'Headphones'"):
        Loudspeaker("Headphones").open(16_000, nothing, nothing)
    port.plugged.append("Headphones")
    Loudspeaker("Headphones").open(16_000, nothing, nothing).close()


def test_the_devices_are_left_alone_while_a_stream_is_open(port):
    with Microphone() as microphone:
        looks = port.looks
        stream = Loudspeaker().open(16_000, nothing, nothing)
        port.plugged.append("USB")
        assert names() == ["Built-in"]
        microphone.close()
        assert names() == ["Built-in"]
        stream.close()
        assert port.looks == looks
    assert names() == ["Built-in", "USB"]


def test_the_import_has_just_looked(port, monkeypatch):
    """The module is not there yet: importing it looks for devices, and nothing does so a second time."""
    looks = port.looks
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(module, "_imported", lambda direction: port)
    names()
    assert port.looks == looks


def test_a_device_that_never_lets_go_is_not_waited_for(port):
    microphone = Microphone()
    microphone.open()
    (stream,) = port.streams
    stream.hangs.clear()
    microphone.close()
    port.plugged.append("USB")
    assert names() == ["Built-in"]
    with pytest.raises(AudioDeviceError, match="'USB'") as caught:
        Microphone("USB").open()
    assert "start this program again" in caught.value.hint
    stream.hangs.set()


def test_a_look_that_failed_is_explained_and_the_next_one_may_work(port):
    port.refuses = True
    for _ in range(2):
        with pytest.raises(AudioDeviceError, match=r"Sound cannot be recorded: .*Host error\.") as caught:
            list_devices("input")
        assert "sound settings" in caught.value.hint
    port.refuses = False
    assert names() == ["Built-in"]


def test_threads_take_turns(port):
    barrier = threading.Barrier(4)
    heard = []

    def use():
        barrier.wait()
        for _ in range(5):
            heard.append(names())
            with Microphone() as microphone:
                heard.append([microphone.name])

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert heard == [["Built-in"]] * 40
    assert port.at_once == 1


def test_an_error_while_the_module_is_lent_leaves_it_to_others(port):
    with pytest.raises(ZeroDivisionError), port_audio("input"):
        _ = 1 / 0
    assert names() == ["Built-in"]
