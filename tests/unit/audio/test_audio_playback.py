"""Playing speech while it is generated, on a device and a clock that are simulated together."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

from gpa_mlx.audio.devices.playback import SAFETY_S, Player, required_buffer_s
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.testing import SimulatedOutput

RATE_HZ = 16_000
BLOCK_S = 0.01


@pytest.fixture
def device():
    return SimulatedOutput()


def speech(seconds, rate=RATE_HZ):
    """Samples that are never 0 and tell their place."""
    return np.linspace(0.1, 0.9, round(seconds * rate), dtype=np.float32)


def spoken(device):
    """What was heard without the silence."""
    return device.heard[device.heard != 0]


def growing_chunks(total_s):
    """Lengths of the chunks of a speech stream: 0.2 s, half as long again each, up to 2 s."""
    length, left = 0.2, total_s
    while left > 0:
        yield min(length, left)
        left -= length
        length = min(length * 1.5, 2.0)


def even_chunks(total_s):
    return [0.2] * round(total_s / 0.2)


def produce(player, device, lengths, rate):
    """Feed chunks, each when it has been made; return all samples."""
    samples = speech(sum(lengths))
    start = 0
    for length in lengths:
        device.sleep(length / rate)
        stop = min(start + round(length * RATE_HZ), len(samples))
        player.feed(samples[start:stop])
        start = stop
    return samples[:start]


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8, 0.95, 1.0, 1.1, 1.3, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("total_s", [0.2, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("chunks", [growing_chunks, even_chunks])
@pytest.mark.parametrize("latency_s", [0.02, 0.3])
def test_steady_production_is_never_interrupted(rate, total_s, chunks, latency_s):
    device = SimulatedOutput(latency_s=latency_s)
    player = Player(RATE_HZ, expected_s=total_s, device=device, clock=device)
    samples = produce(player, device, list(chunks(total_s)), rate)
    player.finish()
    assert player.underruns == 0
    first = np.flatnonzero(device.heard)[0]
    assert np.array_equal(device.heard[first : first + len(samples)], samples)
    assert not device.heard[first + len(samples) :].any()
    # The end of the speech was heard before the device was closed.
    assert device.closed_at - device.started_at >= (first + len(samples)) / RATE_HZ - 1e-6
    assert player.position_s == pytest.approx(total_s, abs=0.001)


@pytest.mark.parametrize(
    ("rate", "latest_s"),
    # Fast production starts with the second chunk (0.5 s made); at half the speed, 30 s take 60 s to make.
    [(5.0, 0.11), (2.0, 0.26), (1.0, 5.0), (0.95, 9.0), (0.5, 42.0)],
)
def test_the_wait_is_no_longer_than_production_demands(device, rate, latest_s):
    player = Player(RATE_HZ, expected_s=30.0, device=device, clock=device)
    produce(player, device, list(growing_chunks(30.0)), rate)
    player.finish()
    assert player.first_sound_s <= latest_s


def test_a_slow_first_chunk_does_not_count_against_the_rest(device):
    player = Player(RATE_HZ, expected_s=30.0, device=device, clock=device)
    device.sleep(5.0)
    produce(player, device, [0.2, 0.3, 0.45], 3.0)
    assert player.first_sound_s == pytest.approx(5.0 + 0.5 / 3, abs=0.01)
    player.stop()


def test_without_a_known_length_slow_speech_waits_for_some_seconds_only(device):
    player = Player(RATE_HZ, device=device, clock=device)
    produce(player, device, even_chunks(60.0), 0.8)
    player.finish()
    assert player.first_sound_s is not None
    assert 2.0 < player.first_sound_s < 8.0


@pytest.mark.parametrize("rate", [0.2, 0.7, 1.0, 1.2, 1.5, 3.0, float("inf")])
def test_the_rule_asks_for_more_the_slower_and_the_longer(rate):
    needed = [required_buffer_s(rate, rest_s=rest, longest_chunk_s=0.2) for rest in (0, 0.5, 5, 50)]
    assert needed[0] == SAFETY_S
    assert sorted(needed) == needed
    assert needed[-1] <= required_buffer_s(rate * 0.9, rest_s=50, longest_chunk_s=0.2)
    assert needed[-1] <= 50 / rate + SAFETY_S
    if rate >= 1:
        assert needed[-1] <= 2.0 + SAFETY_S


def test_the_rule_in_numbers():
    assert required_buffer_s(3.0, rest_s=60, longest_chunk_s=0.2) == pytest.approx(0.1 + 0.1)
    assert required_buffer_s(1.25, rest_s=60, longest_chunk_s=0.2) == pytest.approx(0.1 + 0.92)
    assert required_buffer_s(0.5, rest_s=60, longest_chunk_s=0.2) == pytest.approx(0.1 + 4 + 66)


def test_a_gap_is_silence_counted_and_followed_by_a_longer_buffer(device):
    player = Player(RATE_HZ, expected_s=1.0, device=device, clock=device)
    player.feed(speech(1.0))
    for gap, hold_s in enumerate([0.5, 1.0, 2.0, 4.0, 4.0]):
        device.sleep(10.0)
        assert player.underruns == gap
        before = len(spoken(device))
        player.feed(speech(hold_s - 0.1))
        device.sleep(1.0)
        assert len(spoken(device)) == before
        player.feed(speech(0.1))
        device.sleep(0.05)
        assert len(spoken(device)) > before
        assert player.underruns == gap + 1
    player.finish()
    assert player.underruns == 5
    assert player.position_s == pytest.approx(1 + 0.5 + 1 + 2 + 4 + 4)


def test_an_end_that_is_announced_late_is_no_gap(device):
    player = Player(RATE_HZ, expected_s=1.0, device=device, clock=device)
    player.feed(speech(1.0))
    device.sleep(3.0)
    player.finish()
    assert player.underruns == 0
    assert len(spoken(device)) == RATE_HZ


def test_what_waits_for_more_is_played_when_no_more_comes(device):
    player = Player(RATE_HZ, expected_s=1.0, device=device, clock=device)
    player.feed(speech(1.0))
    device.sleep(3.0)
    player.feed(speech(0.2))
    player.finish()
    assert player.underruns == 1
    assert len(spoken(device)) == 1.2 * RATE_HZ


def test_short_speech_starts_with_finish(device):
    player = Player(RATE_HZ, expected_s=60.0, device=device, clock=device)
    device.sleep(1.0)
    player.feed(speech(0.3))
    assert device.started_at is None
    assert player.first_sound_s is None
    assert player.buffered_s == pytest.approx(0.3)
    player.finish()
    assert np.array_equal(spoken(device), speech(0.3))
    assert player.first_sound_s == 1.0
    assert player.buffered_s == 0.0


def test_no_speech_at_all(device):
    with Player(RATE_HZ, device=device, clock=device) as player:
        player.feed(speech(0.0))
        player.finish()
    assert device.started_at is None
    assert device.closed_at is not None


def test_the_caller_may_use_its_array_again(device):
    player = Player(RATE_HZ, device=device, clock=device)
    samples = speech(0.3)
    player.feed(samples)
    samples[:] = 0.5
    player.finish()
    assert np.array_equal(spoken(device), speech(0.3))


def test_a_pause_is_silence_and_nothing_is_lost(device):
    player = Player(RATE_HZ, expected_s=2.0, device=device, clock=device)
    device.sleep(0.1)
    player.feed(speech(2.0))
    device.sleep(0.5)
    player.pause()
    assert player.paused
    position_s = player.position_s
    device.sleep(20.0)
    assert player.position_s == position_s == pytest.approx(0.55, abs=0.02)
    player.resume()
    assert not player.paused
    player.finish()
    assert np.array_equal(spoken(device), speech(2.0))
    assert player.underruns == 0
    assert len(device.heard) / RATE_HZ > 22


def test_stop_forgets_the_rest(device):
    player = Player(RATE_HZ, expected_s=2.0, device=device, clock=device)
    device.sleep(0.1)
    player.feed(speech(2.0))
    device.sleep(0.5)
    player.stop()
    player.stop()
    assert device.closed_at == device.time_s
    player.feed(speech(2.0))
    player.finish()
    assert device.closed_at == device.time_s
    assert len(spoken(device)) < 0.7 * RATE_HZ
    out = np.ones(100, dtype=np.float32)
    device.fill(out)
    assert not out.any()


def test_an_exception_stops_the_sound(device):
    player = Player(RATE_HZ, expected_s=2.0, device=device, clock=device)

    def fail():
        with player:
            player.feed(speech(2.0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert device.closed_at is not None


@pytest.mark.parametrize("native_hz", [44_100, 48_000, 8_000])
def test_a_device_with_another_rate_gets_that_rate(native_hz):
    device = SimulatedOutput(rate_hz=native_hz)
    player = Player(RATE_HZ, expected_s=2.0, device=device, clock=device)
    assert device.wanted_hz == RATE_HZ
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
    for chunk in np.split(tone, 20):
        device.sleep(0.02)
        player.feed(chunk)
    player.finish()
    assert player.position_s == pytest.approx(2.0, abs=0.001)
    assert player.underruns == 0
    first = np.flatnonzero(device.heard)[0]
    heard = device.heard[first : first + 2 * native_hz]
    expected = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / native_hz)
    inner = slice(native_hz // 10, -native_hz // 10)
    # The first sample can be lost as silence.
    shift = np.argmin([np.abs(heard[inner] - np.roll(expected, -n)[inner]).max() for n in range(3)])
    assert np.abs(heard[inner] - np.roll(expected, -shift)[inner]).max() < 0.01


def test_a_device_that_reports_its_end(device):
    player = Player(RATE_HZ, expected_s=1.0, device=device, clock=device)
    player.feed(speech(1.0))
    device.lost()
    with pytest.raises(AudioDeviceError, match="stopped working") as caught:
        player.feed(speech(1.0))
    assert caught.value.hint
    with pytest.raises(AudioDeviceError):
        player.finish()
    assert device.closed_at is not None


@pytest.mark.parametrize("when_s", [0.5, 1.02])
def test_a_device_that_falls_mute_ends_the_wait(device, when_s):
    player = Player(RATE_HZ, expected_s=1.0, device=device, clock=device)
    device.sleep(0.1)
    player.feed(speech(1.0))
    device.sleep(when_s)
    device.dead = True
    died_at = device.time_s
    with pytest.raises(AudioDeviceError, match="stopped working"):
        player.finish()
    assert device.time_s - died_at < 4.0
    assert device.closed_at is not None


def test_a_device_that_never_finishes_draining_ends_the_wait(device):
    device.drain_s = 1e9
    player = Player(RATE_HZ, device=device, clock=device)
    player.feed(speech(1.0))
    with pytest.raises(AudioDeviceError):
        player.finish()
    assert device.time_s < 110.0


def test_the_end_of_a_stream_that_drains_is_no_loss(device):
    device.drain_s = 0.5
    player = Player(RATE_HZ, device=device, clock=device)
    player.feed(speech(1.0))
    real = device.drained

    def drained():
        device.lost()
        return real()

    device.drained = drained
    player.finish()
    assert device.closed_at - device.started_at > 1.5


def test_a_process_that_was_asleep_has_lost_nothing(device):
    player = Player(RATE_HZ, expected_s=60.0, device=device, clock=device)
    device.sleep(0.1)
    player.feed(speech(60.0))
    device.time_s += 30.0
    device.started_at += 30.0
    player.feed(speech(1.0))
    player.finish()
    assert len(spoken(device)) == 61 * RATE_HZ


def test_a_device_that_cannot_be_opened_is_known_before_the_work(device):
    def refuse(*arguments):
        raise AudioDeviceError("This computer has no sound output.")

    device.open = refuse
    with pytest.raises(AudioDeviceError, match="no sound output"):
        Player(RATE_HZ, device=device, clock=device)


SOON_S = 10.0
"""What ends a wait for a minute of sound ends it before this, on the busiest machine, too."""


class RealTimeDevice(SimulatedOutput):
    """Lets real time pass and never plays anything."""

    def now(self):
        return time.monotonic()

    def sleep(self, seconds):
        time.sleep(seconds)


def test_ctrl_c_ends_the_wait_at_once():
    device = RealTimeDevice()
    player = Player(RATE_HZ, device=device, clock=device)
    player.feed(speech(60.0))
    pressed = []

    def press():
        pressed.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.2, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        player.finish()
    timer.join()
    assert time.monotonic() - pressed[0] < SOON_S
    assert device.closed_at is not None


def test_stop_from_another_thread_ends_the_wait():
    device = RealTimeDevice()
    player = Player(RATE_HZ, device=device, clock=device)
    player.feed(speech(60.0))
    timer = threading.Timer(0.1, player.stop)
    timer.start()
    start = time.monotonic()
    player.finish()
    timer.join()
    assert time.monotonic() - start < SOON_S
