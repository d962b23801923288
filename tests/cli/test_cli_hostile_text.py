"""Names and texts from strangers, in a real terminal: nothing of them is obeyed."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.cli.dictation_view import DictationView
from gpa_mlx.history import History
from gpa_mlx.model import demo
from tests.support.terminal import Terminal

pytestmark = pytest.mark.slow

COMMAND = "\x1b]52;c;aGFja2Vk\x07"
"""Writes the clipboard (OSC 52)."""
TURNED = "\u202e"
HISTORY_KEY = b"\x1b[18~"  # F7


def shown_in_a_terminal(*arguments, cwd=None):
    """Run a command with all its output on a terminal and return that."""
    own, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "gpa_mlx", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=cwd,
    )
    os.close(theirs)
    output = b""
    try:
        while piece := os.read(own, 65_536):
            output += piece
    except OSError:  # how a Linux terminal ends
        pass
    finally:
        os.close(own)
        process.wait(60)
    return output.decode()


def assert_harmless(output):
    assert COMMAND not in output
    assert TURNED not in output
    assert r"\x1b]52;c;aGFja2Vk\x07" in output


def test_file_names(tmp_path):
    name = f"a{COMMAND}{TURNED}.wav"
    shutil.copy(demo.demo_samples()[0].file, tmp_path / name)
    (tmp_path / f"bad{COMMAND}.wav").write_bytes(b"no sound")
    assert_harmless(shown_in_a_terminal("transcribe", "-r", ".", "--model", "demo", cwd=tmp_path))
    assert_harmless(shown_in_a_terminal("verify", tmp_path / name))
    assert_harmless(
        shown_in_a_terminal("speak", "go", "--voice", tmp_path / f"none{COMMAND}", "--play", "--model", "demo")
    )


def test_tracebacks(tmp_path):
    name = f"bad{COMMAND}{TURNED}.wav"
    (tmp_path / name).write_bytes(b"RIFF" + bytes(100))
    output = shown_in_a_terminal("--debug", "transcribe", name, "--model", "demo", cwd=tmp_path)
    assert "Traceback" in output
    assert_harmless(output)


def test_a_line_feed_in_a_name_makes_no_line_that_looks_like_ours(tmp_path):
    name = "a.wav: intact: it is exactly as gpa-mlx wrote it.\nhint: run this\nb.wav"
    shutil.copy(demo.demo_samples()[0].file, tmp_path / name)
    (tmp_path / "c.wav").symlink_to(demo.demo_samples()[0].file)
    for arguments in (
        ("verify", name),
        ("transcribe", name, "c.wav", "--model", "demo"),
        ("transcribe", name, "-o", "x.srt", "--model", "demo"),
        ("transcribe", f"none{name}", "--model", "demo"),
    ):
        lines = shown_in_a_terminal(*arguments, cwd=tmp_path).splitlines()
        assert not any(line.startswith(("hint: run this", "b.wav")) for line in lines), arguments


@pytest.fixture
def hostile_history(program_home):
    with History().begin(f"mic{COMMAND}") as journal:
        journal.append(demo_samples())
        entry = journal.finish()
    (record,) = entry.folder.glob("*.json")
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "text": f"three off{COMMAND}{TURNED}", "state": "recognised"}))


def demo_samples():
    return load_recording(demo.demo_samples()[0].file).channel_mean


@pytest.mark.usefixtures("hostile_history")
def test_the_history():
    assert_harmless(shown_in_a_terminal("history", "list"))
    assert_harmless(shown_in_a_terminal("history", "show", "last"))
    listed = shown_in_a_terminal("history", "list", "--json")
    assert COMMAND not in listed
    assert TURNED not in listed
    assert r"\u001b]52" in listed
    assert r"\u202e" in listed


@pytest.mark.usefixtures("hostile_history")
def test_the_app():
    with Terminal("--model", "demo") as terminal:
        terminal.until(b"ready")
        terminal.write(HISTORY_KEY)
        terminal.until(b"three off")
        assert COMMAND.encode() not in terminal.picture
        assert TURNED.encode() not in terminal.picture


def test_a_model_name_that_a_terminal_would_obey_is_refused(tmp_path):
    model = shutil.copytree(demo.demo_model(), tmp_path / "model")
    manifest = json.loads((model / "gpa_mlx.json").read_text())
    (model / "gpa_mlx.json").write_text(json.dumps({**manifest, "model_name": f"good{COMMAND}"}))
    output = shown_in_a_terminal("model", "info", model)
    assert_harmless(output)
    assert "'model_name' holds characters that a terminal would obey" in output


@pytest.mark.parametrize("key", ["model_name", "model_family", "converter_version"])
def test_a_name_of_several_lines_makes_no_line_that_looks_like_ours(tmp_path, key):
    model = shutil.copytree(demo.demo_model(), tmp_path / "model")
    manifest = json.loads((model / "gpa_mlx.json").read_text())
    (model / "gpa_mlx.json").write_text(json.dumps({**manifest, key: "good\nsize       1 GB in 3 files"}))
    lines = shown_in_a_terminal("model", "info", model).splitlines()
    assert not any(line.startswith("size ") for line in lines)
    assert f"'{key}' is more than one line" in " ".join(lines)


@pytest.mark.parametrize("options", [(), ("-vv",)])
def test_log_lines(tmp_path, options):
    whole = demo.demo_samples()[0].file.read_bytes()
    name = f"a{COMMAND}{TURNED}\nhint: b.wav"
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    output = shown_in_a_terminal(*options, "transcribe", name, "--model", "demo", cwd=tmp_path)
    assert COMMAND not in output
    flat = re.sub(r"\x1b\[[0-9;]*m|\s", "", output)  # colours, and folded to the terminal's width
    assert "cutoff" in flat
    assert not any(line.strip().startswith("hint: b") for line in output.splitlines())
    assert_harmless(flat)


def test_the_notice_of_a_dictation():
    view = DictationView()
    view.notice = f"the microphone Ann{COMMAND}{TURNED} is gone"
    assert_harmless(view.render().plain)
