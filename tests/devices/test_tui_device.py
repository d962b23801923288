"""The app with a real microphone and a real clipboard: a private PulseAudio server, Xvfb, the demo model, a terminal.

Debian and Ubuntu: `apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 xvfb xclip`.
"""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.devices.test_dictation_device import clipboard, desk, sample
from tests.devices.test_playback_device import sound_server
from tests.support.terminal import Terminal

pytestmark = pytest.mark.slow

__all__ = ["clipboard", "desk", "sound_server"]

CTRL_B, CTRL_R = b"\x02", b"\x12"


def pasted(environment):
    """What is on the clipboard."""
    done = subprocess.run(
        ["xclip", "-selection", "clipboard", "-o"], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_spoken_words_are_dictated_copied_and_the_terminal_comes_back(clipboard):
    assert clipboard.run("settings", "set", "microphone", "pulse").returncode == 0
    with Terminal("--model", "demo", environment=clipboard.environment) as terminal:
        terminal.until(b"Ready: pulse")
        terminal.write(CTRL_R)
        terminal.until(b"-60 dB")  # the microphone hears the noise of the room
        clipboard.play(sample("three off"))
        terminal.write(CTRL_R)
        terminal.until(b"Ready: pulse")
        terminal.write(CTRL_B)
        deadline = time.monotonic() + 20
        while pasted(clipboard.environment) != "three off":
            assert time.monotonic() < deadline, pasted(clipboard.environment)
            time.sleep(0.1)
        code, _ = terminal.leave()
    assert code == 0
    assert terminal.is_restored
    assert b"Traceback" not in terminal.picture
    (entry,) = clipboard.entries()
    assert (entry["state"], entry["text"], entry["device"]) == ("recognised", "three off", "pulse")
