"""Dictation with a real microphone: a private PulseAudio server whose sink is recorded, the demo model, real processes.

Debian and Ubuntu: `apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 xvfb xclip`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from gpa_mlx.model import demo
from tests.devices.test_playback_device import RECORDED_HZ, SoundServer, sound_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

__all__ = ["sound_server"]


@dataclass
class Desk:
    """A computer with a microphone that hears what is played to it."""

    server: SoundServer
    environment: dict[str, str]

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gpa_mlx", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: object) -> Dictating:
        process = subprocess.Popen(
            [sys.executable, "-m", "gpa_mlx", "dictate", "--device", "pulse", "--model", "demo", *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Dictating(process)

    def play(self, samples: np.ndarray) -> None:
        """Let the microphone hear 16 kHz samples."""
        form = ["--raw", "--format=float32le", "--rate=16000", "--channels=1"]
        subprocess.run(
            ["pacat", "--playback", "--device=silent", *form],
            env=self.environment,
            input=samples.astype("<f4").tobytes(),
            check=True,
            timeout=60,
        )

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("history", "list", "--json").stdout.splitlines()]


@dataclass
class Dictating:
    process: subprocess.Popen[str]

    def wait_for(self, line: str) -> None:
        """Read what is said until a line comes; a process that does not say it is ended, and so are its words."""
        assert self.process.stderr is not None
        said = []
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        try:
            for told in self.process.stderr:
                said.append(told)
                if line in told:
                    return
        finally:
            patience.cancel()
        raise AssertionError(f"{line!r} was not said, but {said}")

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def desk(sound_server, tmp_path) -> Iterator[Desk]:
    """A room that is never quite silent: idle sinks work in blocks of seconds, and zeros are no sound."""
    environment = {
        **sound_server.environment,
        "GPA_MLX_HOME": str(tmp_path / "home"),
        "PULSE_SOURCE": "silent.monitor",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",
    }
    noise = (1e-4 * np.random.default_rng(0).standard_normal(60 * RECORDED_HZ)).astype("<f4")
    (tmp_path / "noise").write_bytes(noise.tobytes())
    form = ["--raw", "--format=float32le", f"--rate={RECORDED_HZ}", "--channels=1", "--latency-msec=20"]
    with (tmp_path / "noise").open("rb") as room:
        playing = subprocess.Popen(["pacat", "--playback", *form], env=environment, stdin=room)
        time.sleep(0.5)
        try:
            yield Desk(sound_server, environment)
        finally:
            playing.kill()
            playing.wait()


def sample(text: str) -> np.ndarray:
    found = next(sample for sample in demo.demo_samples() if sample.text == text)
    samples, rate = soundfile.read(found.file)
    assert rate == 16_000
    return samples


@pytest.fixture
def clipboard(desk, tmp_path) -> Iterator[Desk]:
    missing = [program for program in ("Xvfb", "xclip") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    told, telling = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(telling), "-nolisten", "tcp"], pass_fds=[telling], stderr=subprocess.DEVNULL
    )
    os.close(telling)
    with os.fdopen(told) as number:
        desk.environment |= {"DISPLAY": f":{number.readline().strip()}"}
    for variable in ("WAYLAND_DISPLAY", "SSH_TTY", "SSH_CONNECTION"):
        desk.environment.pop(variable, None)
    try:
        yield desk
    finally:
        screen.terminate()
        screen.wait()


def test_spoken_words_arrive_on_stdout_the_clipboard_and_in_a_file(clipboard, tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("before\n")
    dictating = clipboard.start("--auto", "--clipboard", "--append", notes)
    dictating.wait_for("listening")
    clipboard.play(sample("three off"))
    assert dictating.finish()[:2] == (0, "three off\n")
    assert notes.read_text() == "before\nthree off\n"
    pasted = subprocess.run(
        ["xclip", "-selection", "clipboard", "-o"],
        env=clipboard.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert pasted.stdout == "three off"
    (entry,) = clipboard.entries()
    assert (entry["state"], entry["text"], entry["device"]) == ("recognised", "three off", "pulse")


def test_a_shortcut_begins_and_ends_the_recording(desk):
    dictating = desk.start("--toggle", "--no-clipboard")
    dictating.wait_for("listening")
    desk.play(sample("three off"))
    told = desk.run("dictate", "--toggle")
    assert (told.returncode, told.stdout) == (0, "")
    assert "told the dictation that runs" in told.stderr
    assert dictating.finish()[:2] == (0, "three off\n")


def test_a_dictation_that_stays_writes_one_text_after_the_other_and_pauses(desk):
    dictating = desk.start("--stay", "--no-clipboard")
    dictating.wait_for("begins to record")
    for is_last in (False, True):
        dictating.process.send_signal(signal.SIGUSR1)
        dictating.wait_for("listening")
        desk.play(sample("three off"))
        dictating.process.send_signal(signal.SIGUSR2)
        dictating.wait_for("paused")
        desk.play(sample("no one"))
        dictating.process.send_signal(signal.SIGUSR1)
        dictating.wait_for("recorded")
        if not is_last:
            dictating.wait_for("begins to record")
    dictating.wait_for("begins to record")
    dictating.process.send_signal(signal.SIGTERM)
    assert dictating.finish()[:2] == (143, "three off\nthree off\n")


def test_continuous_dictation_cuts_at_pauses(desk):
    dictating = desk.start("--continuous", "--json")
    dictating.wait_for("listening")
    desk.play(np.concatenate([sample("three off"), np.zeros(40_000), sample("no one"), np.zeros(40_000)]))
    time.sleep(0.5)
    dictating.process.send_signal(signal.SIGINT)
    code, out, _ = dictating.finish()
    assert (code, [json.loads(line)["text"] for line in out.splitlines()]) == (0, ["three off", "no one"])
    assert [entry["text"] for entry in desk.entries()] == ["no one", "three off"]


def test_a_microphone_that_is_unplugged_leaves_its_words(desk):
    dictating = desk.start("--seconds", "60")
    dictating.wait_for("listening")
    desk.play(sample("three off"))
    modules = subprocess.run(
        ["pactl", "list", "short", "modules"], env=desk.environment, capture_output=True, text=True, check=True
    )
    (number,) = (line.split()[0] for line in modules.stdout.splitlines() if "module-null-sink" in line)
    started = time.monotonic()
    subprocess.run(["pactl", "unload-module", number], env=desk.environment, check=True)
    code, out, err = dictating.finish()
    assert (code, out) == (4, "three off\n")
    assert "stopped working" in err
    assert time.monotonic() - started < 15


def test_a_killed_recording_is_in_the_history(desk):
    dictating = desk.start("--seconds", "60")
    dictating.wait_for("listening")
    started = time.monotonic()
    desk.play(sample("three off"))
    time.sleep(1.0)
    recorded_s = time.monotonic() - started
    dictating.process.kill()
    dictating.finish()
    (entry,) = desk.entries()
    assert entry["state"] == "recorded"
    assert entry["duration_s"] > recorded_s - 0.5
    assert soundfile.info(entry["audio"]).frames / 16_000 == pytest.approx(entry["duration_s"], abs=0.001)
    retried = desk.run("history", "retry", "last", "--model", "demo")
    assert (retried.returncode, retried.stdout) == (0, "three off\n")
    assert [entry["state"] for entry in desk.entries()] == ["recognised"]


def test_a_killed_recognition_is_in_the_history(desk):
    """Killed in the moment the recording is over."""
    dictating = desk.start("--seconds", "3")
    dictating.wait_for("listening")
    desk.play(sample("three off"))
    dictating.wait_for("recorded")
    dictating.process.kill()
    code, out, _ = dictating.finish()
    assert (code, out) == (-signal.SIGKILL, "")
    (entry,) = desk.entries()
    assert entry["state"] == "recorded"
    assert entry["duration_s"] >= 3.0 - 0.5
    assert desk.run("history", "retry", entry["name"][-4:], "--model", "demo").stdout == "three off\n"


def test_zeros_raise_the_advice(sound_server, tmp_path):
    environment = {
        **sound_server.environment,
        "GPA_MLX_HOME": str(tmp_path / "home"),
        "PULSE_SOURCE": "silent.monitor",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = Desk(sound_server, environment).run(
        "dictate", "--seconds", "3", "--device", "pulse", "--model", "demo", "--no-clipboard"
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing but zeros" in done.stderr
    assert "listening" not in done.stderr
    assert "no speech was heard" in done.stderr
