"""Sound through a real output: PortAudio, ALSA and a private PulseAudio server whose sink records what it is given.

Debian and Ubuntu: `apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

RECORDED_HZ = 48_000
TONE_HZ = 440.0
SPEECH_S = 2.0

PLAY = """
import json, sys, time
import numpy as np
from gpa_mlx.audio.devices.loudspeaker import Loudspeaker
from gpa_mlx.audio.devices.playback import Player
from gpa_mlx.errors import AudioDeviceError

rate, duration_s, sleep_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(duration_s * rate)) / rate)).astype(np.float32)
try:
    with Player(rate, expected_s=duration_s, device=Loudspeaker("pulse")) as player:
        for chunk in np.split(tone, range(rate // 5, len(tone), rate // 5)):
            player.feed(chunk)
            time.sleep(sleep_s)
        print("fed", flush=True)
        player.finish()
    print(json.dumps([player.position_s, player.underruns, player.first_sound_s]))
except AudioDeviceError as error:
    print(json.dumps(error.message))
"""


class SoundServer(NamedTuple):
    """A server with one sink that plays to nobody."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def play(self, *arguments: object) -> subprocess.Popen[str]:
        """Play a tone with the product, in a process of its own: this one has other devices."""
        return subprocess.Popen(
            [sys.executable, "-c", PLAY, *map(str, arguments)],
            env={**self.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextlib.contextmanager
    def record(self, path: Path) -> Iterator[None]:
        """Record what the sink gets, from its present silence on until 2 s after the block."""
        form = ["--raw", "--format=float32le", f"--rate={RECORDED_HZ}", "--channels=1", "--latency-msec=20"]
        # An idle sink works in blocks of seconds, and its monitor misses the beginning of what is played next.
        silence = subprocess.Popen(["pacat", "--playback", *form, "/dev/zero"], env=self.environment)
        recorder = subprocess.Popen(["parec", "--device=silent.monitor", *form, str(path)], env=self.environment)
        try:
            deadline = time.monotonic() + 10
            while not path.exists() or path.stat().st_size < 4 * RECORDED_HZ // 10:
                assert time.monotonic() < deadline, "the recording does not begin"
                time.sleep(0.05)
            yield
            time.sleep(2.0)
        finally:
            for process in (recorder, silence):
                process.terminate()
                process.wait()


def sound_environment(folder: Path) -> dict[str, str]:
    """Return an environment whose programs use the server in this folder, and no other."""
    missing = [program for program in ("pulseaudio", "pacat", "parec", "pactl") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_SERVER": f"unix:{folder / 'server'}",
    }


@contextlib.contextmanager
def running_server(environment: dict[str, str]) -> Iterator[SoundServer]:
    """Start the server of an environment."""
    socket = environment["PULSE_SERVER"].removeprefix("unix:")
    modules = [
        f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
        f"module-null-sink sink_name=silent rate={RECORDED_HZ} channels=1",
    ]
    options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=stderr"]
    # With shared memory a client hangs for ever, libpulse's thread and PortAudio's in each other's lock
    # (`pa_memimport_free`), when its server is killed at the moment in which a piece of sound is being taken.
    options.append("--disable-shm=yes")
    process = subprocess.Popen(
        ["pulseaudio", *options, *(f"--load={module}" for module in modules)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip("the private sound server does not start here")
            time.sleep(0.1)
        names = "import sounddevice as s; print([d['name'] for d in s.query_devices()])"
        devices = subprocess.run([sys.executable, "-c", names], env=environment, capture_output=True, check=False)
        if b"'pulse'" not in devices.stdout:
            pytest.skip("PortAudio does not reach PulseAudio: libportaudio2 or libasound2-plugins is missing")
        yield SoundServer(process, environment)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def sound_server(tmp_path) -> Iterator[SoundServer]:
    """Start a server that no other program knows of."""
    with running_server(sound_environment(tmp_path)) as server:
        yield server


def tone_of(path: Path) -> np.ndarray:
    """Return the recording from the first to the last sample that is not silent."""
    recorded = np.fromfile(path, dtype="<f4")
    loud = np.flatnonzero(np.abs(recorded) > 0.01)
    return recorded[loud[0] : loud[-1] + 1]


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_tone_is_heard_whole(sound_server, tmp_path, rate):
    # Other processes may keep the sound server from its core for a moment, which leaves a hole; one of ours would be
    # there each time.
    for attempt in range(4):
        recording = tmp_path / f"heard-{attempt}"
        with sound_server.record(recording):
            player = sound_server.play(rate, SPEECH_S, 0.05)
            report = json.loads(player.communicate(timeout=60)[0].splitlines()[-1])
        position_s, underruns, first_sound_s = report
        tone = tone_of(recording)
        is_whole = len(tone) / RECORDED_HZ == pytest.approx(SPEECH_S, abs=0.01)
        if is_whole and underruns == 0 and first_sound_s < 1.0:
            break
    assert (position_s, underruns) == (pytest.approx(SPEECH_S, abs=0.001), 0)
    assert first_sound_s < 1.0
    assert len(tone) / RECORDED_HZ == pytest.approx(SPEECH_S, abs=0.01)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert spectrum.argmax() * RECORDED_HZ / len(tone) == pytest.approx(TONE_HZ, abs=1.0)
    # A sine without holes or jumps never differs from its neighbours by more than its steepest slope.
    assert np.abs(np.diff(tone)).max() < 1.2 * 0.5 * 2 * np.pi * TONE_HZ / RECORDED_HZ
    assert np.abs(tone).max() == pytest.approx(0.5, abs=0.02)


def test_a_server_that_dies_ends_the_wait(sound_server):
    player = sound_server.play(16_000, 60.0, 0.0)
    assert player.stdout is not None
    assert player.stdout.readline() == "fed\n"
    time.sleep(1.0)
    sound_server.process.kill()
    start = time.monotonic()
    out = player.communicate(timeout=30)[0]
    assert "stopped working" in json.loads(out.splitlines()[-1])
    assert time.monotonic() - start < 10
