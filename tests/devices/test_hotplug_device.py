"""Devices that come while a program runs: a private PulseAudio server that is started after the program has looked.

Debian and Ubuntu: `apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gpa_mlx import settings
from tests.devices.test_playback_device import RECORDED_HZ, running_server, sound_environment, tone_of
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

CTRL_R, ESCAPE, F2, F3 = b"\x12", b"\x1b", b"\x1bOQ", b"\x1bOR"

PROGRAM = """
import json, sys
import numpy as np
from gpa_mlx.audio.devices.clip_recorder import record_clip
from gpa_mlx.audio.devices.port_audio import list_devices, settle
from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
from gpa_mlx.audio.devices.microphone import Microphone
from gpa_mlx.audio.devices.playback import Player
from gpa_mlx.errors import AudioDeviceError

def names():
    return [device.name for device in list_devices("output")]

def listen():
    global listening
    listening = Microphone("pulse")
    listening.open()

def let_go():
    listening.close()

def play(seconds):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000 * seconds) / 16_000)).astype(np.float32)
    with Player(16_000, device=Loudspeaker("pulse")) as player:
        player.feed(tone)
        player.finish()
    return player.position_s

def record():
    return len(record_clip(Microphone("pulse"), 0.5))

for line in sys.stdin:
    try:
        answer = eval(line)
    except AudioDeviceError as error:
        answer = error.message
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def ask(tmp_path) -> Iterator[Callable[[str], object]]:
    """Ask one and the same process, which knows no server yet."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**sound_environment(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines, answers = process.stdin, process.stdout

    def answered(question: str) -> object:
        lines.write(f"{question}\n")
        lines.flush()
        return json.loads(answers.readline())

    try:
        yield answered
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def noise_in(environment: dict[str, str]) -> Iterator[None]:
    """A room that is never quite silent: zeros are no sound."""
    file = Path(environment["HOME"]) / "noise"
    file.write_bytes((1e-3 * np.random.default_rng(0).standard_normal(60 * RECORDED_HZ)).astype("<f4").tobytes())
    form = ["--raw", "--format=float32le", f"--rate={RECORDED_HZ}", "--channels=1", "--latency-msec=20"]
    playing = subprocess.Popen(["pacat", "--playback", *form, str(file)], env=environment)
    try:
        time.sleep(0.5)
        yield
    finally:
        playing.kill()
        playing.wait()


def listeners(environment: dict[str, str]) -> int:
    """How many streams take sound from the server."""
    command = ["pactl", "list", "short", "source-outputs"]
    return len(subprocess.run(command, env=environment, capture_output=True, check=True).stdout.splitlines())


def test_devices_that_come_go_and_come_again_are_used_by_the_same_process(ask, tmp_path):
    environment = sound_environment(tmp_path)
    assert ask("names()") == []
    assert "There is not exactly one sound output 'pulse'" in ask("play(1)")
    with running_server(environment) as server:
        assert "pulse" in ask("names()")
        with server.record(tmp_path / "heard"):
            assert ask("play(1)") == pytest.approx(1.0, abs=0.001)
        assert len(tone_of(tmp_path / "heard")) / RECORDED_HZ == pytest.approx(1.0, abs=0.2)
        with noise_in(environment):
            assert ask("record()") == 8_000
    assert "pulse" not in ask("names()")
    assert "There is not exactly one microphone 'pulse'" in ask("record()")
    with running_server(environment), noise_in(environment):
        assert ask("record()") == 8_000


def test_a_server_that_dies_during_playback_is_found_again(ask, tmp_path):
    environment = sound_environment(tmp_path)
    assert ask("names()") == []
    with running_server(environment) as server:
        dying = subprocess.Popen(["sh", "-c", f"sleep 2; kill -9 {server.process.pid}"])
        assert "stopped working" in ask("play(30)")
        dying.wait()
    with running_server(environment):
        assert "pulse" in ask("names()")
        assert ask("play(1)") == pytest.approx(1.0, abs=0.001)


def test_a_server_that_dies_while_its_microphone_is_closed_is_not_on_the_list_any_more(ask, tmp_path):
    with running_server(sound_environment(tmp_path)) as server:
        ask("listen()")
        server.process.send_signal(signal.SIGSTOP)  # it does not answer: PortAudio waits for it
        ask("let_go()")
        assert ask("settle(0)") is False
    assert "There is not exactly one microphone 'pulse'" in ask("record()")


def test_the_app_records_from_a_microphone_that_is_connected_after_its_start(tmp_path, monkeypatch):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    settings.store("microphone", "pulse")
    environment = {**sound_environment(tmp_path), "PULSE_SOURCE": "silent.monitor", "OPENBLAS_NUM_THREADS": "1"}
    with Terminal("--model", "demo", environment=environment) as terminal:
        terminal.until(b"not exactly one microphone")
        with running_server(environment), noise_in(environment):
            terminal.write(CTRL_R)
            terminal.until(b"Recording 0:02")  # as long as the sound that came
            terminal.write(ESCAPE)
            terminal.until(b"Ready: pulse")
            # The recording's microphone is closed, the one that listens ahead is open: a server that dies while
            # PortAudio lets go of it may leave PortAudio waiting for ever.
            deadline = time.monotonic() + 60
            while listeners(environment) != 1:
                assert time.monotonic() < deadline, "the microphone is not released"
                time.sleep(0.1)
        terminal.write(F3)
        terminal.until(b"Verify")
        terminal.write(F2)
        terminal.until(b"not exactly one microphone")
        code, _ = terminal.leave()
    assert code == 0
    assert b"Traceback" not in terminal.picture
