"""A microphone that is replaced when it is not there, or unplugged."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.audio.devices import fallback_microphone
from gpa_mlx.audio.devices.fallback_microphone import FallbackMicrophone
from gpa_mlx.audio.devices.microphone import RateChangedError
from gpa_mlx.audio.devices.port_audio import Device
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.testing import FakeMicrophone

BLOCK = np.full(800, 0.1)
GONE = AudioDeviceError("The microphone 'usb' stopped working.", hint="")


@pytest.fixture
def devices(monkeypatch):
    """The microphones by what is asked for; `built-in` is the system's choice."""
    monkeypatch.setattr(fallback_microphone, "_PATIENCE_S", 0.0)
    there = [Device(1, "built-in", "ALSA", 1, 48_000, True), Device(2, "Monitor of it", "Pulse", 2, 48_000, False)]
    monkeypatch.setattr(fallback_microphone, "list_devices", lambda direction: tuple(there))
    return {None: FakeMicrophone([BLOCK * 2] * 2, ends=True)}


def made(devices, device, **options):
    return FallbackMicrophone(device, make=lambda name: devices[name], **options)


def test_a_recording_goes_on_with_another_one(devices):
    devices["usb"] = FakeMicrophone([BLOCK] * 3, failure=GONE)
    microphone = made(devices, "usb")
    microphone.open()
    microphone.start()
    assert [float(block[0]) for block in microphone] == [0.1, 0.1, 0.1, 0.2, 0.2]
    (notice,) = microphone.take_notices()
    assert "stopped working" in notice
    assert "goes on with fake microphone" in notice
    assert devices["usb"].closed


def test_one_whose_rate_changed_is_taken_again_before_any_other(devices):
    changed = RateChangedError("The microphone 'usb' changed its rate.", hint="")
    turns = iter([FakeMicrophone([BLOCK], failure=changed), FakeMicrophone([BLOCK * 3], ends=True)])
    asked = []

    def make(name):
        asked.append(name)
        return next(turns)

    microphone = FallbackMicrophone("usb", make=make)
    microphone.open()
    microphone.start()
    assert [round(float(block[0]), 1) for block in microphone] == [0.1, 0.3]
    assert asked == ["usb", "fake microphone"]
    assert "changed its rate" in microphone.take_notices()[0]


def test_without_another_one_what_was_recorded_is_kept_and_the_error_comes(devices, monkeypatch):
    devices["usb"] = FakeMicrophone([BLOCK] * 3, failure=GONE)
    monkeypatch.setattr(fallback_microphone, "list_devices", lambda direction: ())
    microphone = made(devices, "usb")
    microphone.open()
    microphone.start()
    blocks = []
    with pytest.raises(AudioDeviceError, match="stopped working"):
        blocks.extend(microphone)
    assert microphone.take_notices() == []


def test_the_microphone_of_the_settings_gives_way_and_the_command_is_named(devices):
    devices["old"] = FakeMicrophone(unusable=AudioDeviceError("There is not exactly one microphone 'old'.", hint=""))
    microphone = made(devices, "old", is_setting=True)
    microphone.open()
    assert "settings unset microphone" in microphone.take_notices()[0]
    assert microphone.take_notices() == []


def test_one_that_was_named_for_this_run_does_not(devices):
    devices["old"] = FakeMicrophone(unusable=AudioDeviceError("There is not exactly one microphone 'old'.", hint=""))
    with pytest.raises(AudioDeviceError, match="exactly one"):
        made(devices, "old").open()
