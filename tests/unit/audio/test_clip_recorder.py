"""A clip from the microphone."""

from __future__ import annotations

import numpy as np
import pytest

from gpa_mlx.audio.devices.clip_recorder import record_clip
from gpa_mlx.audio.devices.silence import SilenceAdviser
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.testing import FakeMicrophone

ASKING = SilenceAdviser(platform="darwin", environ={}, access=lambda: "undecided")
TONE = 0.1 * np.sin(np.arange(24_000), dtype=np.float64)


def test_a_clip_is_as_long_as_asked_for_and_the_device_is_released():
    microphone = FakeMicrophone([TONE[:10_000], TONE[10_000:]])
    clip = record_clip(microphone, 1.25)
    np.testing.assert_array_equal(clip, TONE[:20_000])
    assert clip.dtype == np.float64
    assert (microphone.opened, microphone.closed) == (1, 1)


@pytest.mark.parametrize("blocks", [[], [np.zeros(16_000)]])
def test_zeros_are_no_recording(blocks):
    with pytest.raises(AudioDeviceError, match="nothing but zeros") as error:
        record_clip(FakeMicrophone(blocks, ends=True), 1)
    assert error.value.hint


def test_zeros_are_waited_for_and_not_part_of_the_clip():
    """The permission is asked for, or a headset wakes up."""
    microphone = FakeMicrophone([np.zeros(16_000)] * 8 + [TONE, TONE])
    said = []
    clip = record_clip(microphone, 1.5, said.append, ASKING)
    np.testing.assert_array_equal(clip, TONE)
    (advice,) = said
    assert "may be asking now" in advice.problem


def test_zeros_are_not_waited_for_for_ever():
    microphone = FakeMicrophone([np.zeros(16_000)] * 60)
    said = []
    with pytest.raises(AudioDeviceError, match="was not told yet"):
        record_clip(microphone, 1.5, said.append, ASKING)
    assert len(said) == 2
    assert microphone.closed == 1


def test_a_device_that_is_unplugged():
    microphone = FakeMicrophone([TONE], failure=AudioDeviceError("gone"))
    with pytest.raises(AudioDeviceError, match="gone"):
        record_clip(microphone, 60)
    assert microphone.closed == 1


def test_a_device_that_cannot_be_opened():
    microphone = FakeMicrophone(unusable=AudioDeviceError("No microphone."))
    with pytest.raises(AudioDeviceError, match="No microphone"):
        record_clip(microphone, 1)


def test_an_interrupt_releases_the_device():
    microphone = FakeMicrophone([TONE], failure=KeyboardInterrupt())
    microphone.fail(KeyboardInterrupt())
    with pytest.raises(BaseException):  # noqa: B017, PT011 - what the device raised
        record_clip(microphone, 60)
    assert microphone.closed == 1
