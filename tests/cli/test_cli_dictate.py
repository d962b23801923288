"""`gpa-mlx dictate` with a scripted microphone and engine, headless and in a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pytest

from gpa_mlx.cli import paste as paste_module
from gpa_mlx.cli.dictation_view import DictationView, meter
from gpa_mlx.errors import AudioDeviceError, GPAError, ModelFormatError
from gpa_mlx.history import History
from gpa_mlx.runtime.dictation_control import TOGGLE, reachable, send
from gpa_mlx.testing import FakeEngine, FakeMicrophone

BLOCK = np.full(800, 0.1, np.float32)

PROGRAM = """
import os, sys, time
import numpy as np
import gpa_mlx.audio.devices.microphone, gpa_mlx.engine.gpa
from gpa_mlx.testing import FakeEngine, FakeMicrophone
class Gate:
    def wait(self, timeout=None):
        while not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        return True
hold = Gate() if "GATE" in os.environ else None
gpa_mlx.engine.gpa.load = lambda path, **options: FakeEngine(hold=hold)
gpa_mlx.audio.devices.microphone.Microphone = lambda device: FakeMicrophone([np.full(800, 0.1, np.float32)] * 20)
from gpa_mlx.cli import main
sys.argv[1:] = ["dictate", "--model", "demo", *sys.argv[1:]]
main()
"""


@pytest.fixture
def clipboard(monkeypatch):
    """What is copied, the latest last."""
    copied = ["old"]
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.copy_text", copied.append)
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.paste_text", lambda: copied[-1])
    return copied


@pytest.fixture
def dictate(gpa_mlx, monkeypatch, tmp_path, clipboard):
    """Run the command with a microphone that ends by itself."""
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))

    def invoke(*arguments, microphone=None, engine=None):
        microphone = microphone or FakeMicrophone([BLOCK] * 4, ends=True)
        monkeypatch.setattr("gpa_mlx.audio.devices.microphone.Microphone", lambda device: microphone)
        monkeypatch.setattr("gpa_mlx.engine.gpa.load", lambda path, **options: engine or FakeEngine())
        return gpa_mlx("dictate", "--model", "demo", "--seconds", "9", *arguments)

    return invoke


def test_the_text_goes_to_stdout_and_nowhere_else(dictate, clipboard):
    result = dictate()
    assert (result.code, result.out) == (0, "hello world\n")
    assert result.err == "listening\nrecorded 0.2 s\n"
    assert clipboard == ["old"]


def test_json(dictate):
    document = json.loads(dictate("--json").out)
    (entry,) = History().entries()
    assert document == {
        "text": "hello world",
        "heard": "hello world",
        "replacements": [],
        "entry": entry.name,
        "audio": str(entry.audio),
        "duration_s": 0.2,
    }


def test_clipboard_and_file(dictate, clipboard, tmp_path):
    notes = tmp_path / "notes.md"
    for _ in range(2):
        result = dictate("--clipboard", "--append", notes)
        assert result.code == 0
    assert "copied to the clipboard" in result.err
    assert clipboard == ["old", "hello world", "hello world"]
    assert notes.read_text() == "hello world\nhello world\n"


def test_a_place_that_fails_keeps_the_text_from_no_other(dictate, monkeypatch, tmp_path):
    def failing(text):
        raise GPAError("No clipboard.")

    monkeypatch.setattr("gpa_mlx.runtime.clipboard.copy_text", failing)
    result = dictate("--clipboard", "--append", tmp_path / "notes")
    assert (result.code, result.out) == (1, "hello world\n")
    assert "No clipboard." in result.err
    assert (tmp_path / "notes").read_text() == "hello world\n"


def test_words_and_digits_are_shown(dictate, tmp_path):
    words = tmp_path / "words"
    words.write_text("git hub => GitHub\n")
    result = dictate("--words", words, "--itn", engine=FakeEngine(texts=("twenty three git hub",)))
    assert result.out == "23 GitHub\n"
    assert 'heard "git hub", wrote "GitHub"' in result.err


def test_no_speech_is_said(dictate, clipboard, tmp_path):
    result = dictate("--clipboard", "--append", tmp_path / "notes", engine=FakeEngine(texts=()))
    assert (result.code, result.out) == (0, "")
    assert "no speech was heard" in result.err
    assert clipboard == ["old"]
    assert not (tmp_path / "notes").exists()


def test_zeros_raise_the_advice_that_names_the_terminal(dictate, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("TERM_PROGRAM", "ghostty")
    zeros = FakeMicrophone([np.zeros(800, np.float32)] * 30, ends=True)
    result = dictate(microphone=zeros)
    assert "nothing but zeros" in result.err
    assert "Ghostty" in result.err
    assert "listening" not in result.err


def test_a_microphone_that_cannot_be_used(dictate):
    result = dictate(microphone=FakeMicrophone(unusable=AudioDeviceError("No microphone.", hint="Connect one.")))
    assert (result.code, result.out) == (4, "")
    assert result.err == "error: No microphone.\nhint: Connect one.\n"


def test_a_microphone_that_is_unplugged(dictate):
    result = dictate(microphone=FakeMicrophone([BLOCK] * 3, failure=AudioDeviceError("Gone.")))
    assert (result.code, result.out) == (4, "hello world\n")
    assert "error: Gone." in result.err


def test_a_failure_names_the_recording(dictate):
    result = dictate(engine=FakeEngine(failures={"stream_transcribe_live": ModelFormatError("Broken.")}))
    (entry,) = History().entries()
    assert (result.code, result.out) == (3, "")
    assert f"gpa-mlx history retry {entry.name}" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--auto", "--continuous"], 2, "exclude each other"),
        (["--paste"], 2, "macOS only"),
        (["--words", "none"], 2, "cannot be read"),
        (["--append", "none/notes"], 1, "cannot be written"),
        (["--seconds", "0"], 2, "seconds"),
        (["--model", "none"], 3, "none"),
    ],
)
def test_what_cannot_work_is_said_before_anybody_speaks(dictate, arguments, code, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    microphone = FakeMicrophone([BLOCK] * 3, ends=True)
    result = dictate(*arguments, microphone=microphone)
    assert result.code == code
    assert said in result.err
    assert not microphone.opened


def test_without_a_terminal_there_must_be_an_end(gpa_mlx):
    result = gpa_mlx("dictate", "--model", "demo")
    assert result.code == 2
    assert "--auto" in result.err


def test_dictating_into_the_front_app(dictate, clipboard, monkeypatch):
    pressed = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(paste_module, "_SETTLE_S", 0)
    monkeypatch.setattr(paste_module, "press_paste", lambda: pressed.append(clipboard[-1]))
    result = dictate("--paste")
    assert result.code == 0
    assert "this terminal" not in result.err
    assert pressed == ["hello world"]
    assert clipboard[-1] == "old"


def test_the_meter():
    assert meter(-120) == "─" * 20
    assert meter(-60) == "─" * 20
    assert meter(-30) == "━" * 10 + "─" * 10
    assert meter(0) == "━" * 20
    view = DictationView()
    view.status, view.peak_db, view.elapsed_s, view.confirmed, view.unconfirmed = "listening", -30, 65, "a", " b"
    shown = view.render()
    assert shown.plain == f"● 1:05 {meter(-30)}  -30 dB  listening\na b"
    assert [str(span.style) for span in shown.spans if shown.plain[span.start : span.end] == " b"] == ["dim"]


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, tmp_path, *arguments):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        environment = {
            **os.environ,
            "GPA_MLX_HOME": str(tmp_path / "home"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TERM": "xterm",
            "COLUMNS": "100",
        }
        for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_TTY", "SSH_CONNECTION"):
            environment.pop(variable, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
        )
        self.seen = ""

    def wait_for(self, words):
        deadline = time.monotonic() + 20
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self.read()

    def read(self):
        if select.select([self.master], [], [], 0.1)[0]:
            self.seen += os.read(self.master, 65536).decode()

    def press(self, key):
        os.write(self.master, key.encode())

    def finish(self):
        deadline = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self.read()
        self.read()
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("GPA_MLX_HOME", str(tmp_path / "home"))
    started = []

    def start(*arguments):
        started.append(Terminal(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        os.close(each.master)
        os.close(each.slave)


@pytest.mark.parametrize("key", ["\r", " "])
def test_a_key_starts_and_stops(terminal, key):
    screen = terminal()
    screen.wait_for("Press Enter or Space")
    assert not History().entries()
    screen.press(key)
    screen.wait_for("listening")
    screen.wait_for("dB")
    screen.press(key)
    assert screen.finish() == 0
    assert "hello world\r\n" in screen.seen
    assert "the text was not copied" in screen.seen
    assert [entry.text for entry in History().entries()] == ["hello world"]


def test_leaving_without_a_word(terminal):
    screen = terminal()
    screen.wait_for("Press Enter or Space")
    screen.press("q")
    assert screen.finish() == 0
    assert not History().entries()


@pytest.mark.parametrize("key", ["\x1b", "\x03"])
def test_discarding_keeps_the_recording(terminal, key):
    screen = terminal("--seconds", "60")
    screen.wait_for("listening")
    screen.press(key)
    assert screen.finish() == 130
    (entry,) = History().entries()
    assert entry.state == "recorded"
    assert entry.duration_s == 1.0
    assert f"gpa-mlx history retry {entry.name}" in " ".join(screen.seen.split())


def test_who_stays_is_asked_again_after_a_text_and_after_a_discarded_one(terminal):
    screen = terminal("--stay")
    for end, words in (("\x1b", "is kept"), ("\r", "hello world\r\n")):
        screen.wait_for("Press Enter or Space")
        screen.seen = ""
        screen.press("\r")
        screen.wait_for("dB")
        screen.press(end)
        screen.wait_for(words)
    screen.wait_for("Press Enter or Space")
    screen.press("q")
    assert screen.finish() == 0
    assert {entry.state for entry in History().entries()} == {"recorded", "recognised"}


def test_a_request_that_comes_while_a_text_is_written_down_begins_the_next(terminal, tmp_path, monkeypatch):
    monkeypatch.setenv("GATE", str(tmp_path / "gate"))
    screen = terminal("--toggle", "--no-clipboard")
    screen.wait_for("dB")
    assert send(TOGGLE, tmp_path / "home" / "app")
    screen.wait_for("writing down")
    assert send(TOGGLE, tmp_path / "home" / "app")
    (tmp_path / "gate").touch()
    screen.wait_for("hello world\r\n")
    screen.seen = screen.seen.partition("hello world\r\n")[2]
    screen.wait_for("listening")
    assert send(TOGGLE, tmp_path / "home" / "app")
    assert screen.finish() == 0
    assert [entry.text for entry in History().entries()] == ["hello world", "hello world"]


def test_a_shortcut_that_is_pressed_twice_starts_one_dictation(dictate, tmp_path, monkeypatch):
    came = []
    monkeypatch.setattr("gpa_mlx.cli.dictate.send", lambda number, folder: came.append(number) or len(came) > 1)
    with reachable(tmp_path / "home" / "app"):  # the first press: it was not there yet when the second looked for it
        result = dictate("--toggle")
    assert (result.code, result.out) == (0, "")
    assert "told the dictation that runs" in result.err
    assert came == [TOGGLE, TOGGLE]
    assert not History().entries()


def test_a_text_is_added_on_a_line_of_its_own(dictate, tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("no line end")
    assert dictate("--append", notes).code == 0
    assert notes.read_text() == "no line end\nhello world\n"


def test_arrows_do_nothing(terminal):
    screen = terminal("--seconds", "60")
    screen.wait_for("listening")
    screen.press("\x1b[A")
    time.sleep(0.3)
    screen.press("\r")
    assert screen.finish() == 0


def test_termination_gives_the_terminal_back(terminal):
    screen = terminal("--seconds", "60")
    screen.wait_for("listening")
    screen.process.send_signal(signal.SIGTERM)
    assert screen.finish() == 143
    assert [entry.state for entry in History().entries()] == ["recorded"]
