"""The clipboard: which way is taken, and what goes to a terminal. A real one: tests/devices."""

from __future__ import annotations

import base64
import os
import pty
import sys
from pathlib import Path

import pytest

from gpa_mlx.errors import GPAError
from gpa_mlx.runtime import clipboard
from gpa_mlx.runtime.clipboard import OSC52_MAX_BYTES, clipboard_state, copy_text, paste_text


@pytest.fixture
def bin_with(tmp_path):
    """Make a folder of programs that do nothing, by their names."""

    def make(*names: str) -> str:
        for name in names:
            program = tmp_path / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
        return str(tmp_path)

    return make


@pytest.fixture
def no_desktop(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_TTY", "SSH_CONNECTION", "TMUX"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environ", "installed", "way"),
    [
        ({"DISPLAY": ":0"}, ["xclip", "xsel"], "xclip"),
        ({"DISPLAY": ":0"}, ["xsel"], "xsel"),
        ({"DISPLAY": ":0"}, ["wl-copy"], ""),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ["wl-copy", "xclip"], "wl-copy"),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ["xclip"], "xclip"),
        ({"WAYLAND_DISPLAY": "w"}, ["xclip"], ""),
        ({}, ["xclip", "wl-copy"], ""),
        ({"SSH_TTY": "t"}, ["xclip"], "OSC 52"),
        ({"SSH_CONNECTION": "a b", "WAYLAND_DISPLAY": "w"}, ["wl-copy"], "OSC 52"),
        ({"SSH_TTY": "t", "DISPLAY": "localhost:10"}, ["xclip"], "xclip"),
    ],
)
def test_way_on_linux(bin_with, environ, installed, way):
    state = clipboard_state({"PATH": bin_with(*installed), **environ}, "linux")
    assert state.way == way
    assert bool(state.problem) == bool(state.fix) == (way == "")


def test_what_to_install_is_said(bin_with):
    state = clipboard_state({"PATH": bin_with(), "WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, "linux")
    assert state.problem == "The clipboard needs wl-copy or xclip or xsel."
    assert "apt install xclip" in state.fix


@pytest.mark.parametrize(("environ", "way"), [({}, "pbcopy"), ({"SSH_TTY": "t"}, "OSC 52")])
def test_way_on_a_mac(environ, way):
    assert clipboard_state(environ, "darwin").way == way


def test_the_programs_of_a_mac_get_utf8(monkeypatch, tmp_path):
    store = tmp_path / "store"
    for name, script in (("pbcopy", f"printenv LC_ALL > {store}.lc; cat > {store}"), ("pbpaste", f"cat {store}")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(clipboard, "clipboard_state", lambda: clipboard_state({}, "darwin"))
    copy_text("é 😀")
    assert paste_text() == "é 😀"
    assert store.with_suffix(".lc").read_text() == "en_US.UTF-8\n"


def test_no_clipboard_is_an_error(no_desktop, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(clipboard, "clipboard_state", lambda: clipboard_state({}, "linux"))
    for action in (lambda: copy_text("a"), paste_text):
        with pytest.raises(GPAError, match="no desktop") as caught:
            action()
        assert caught.value.hint


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo 'Error: broken' >&2; exit 1", "Error: broken"), ("exit 3", "exit status 3"), ("sleep 9", "not answer")],
)
def test_programs_that_fail(monkeypatch, bin_with, script, words):
    folder = bin_with("xclip")
    Path(folder, "xclip").write_text(f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(clipboard, "_TIMEOUT_S", 0.5)
    monkeypatch.setattr(clipboard, "clipboard_state", lambda: clipboard._X11[0])
    with pytest.raises(GPAError, match=words):
        copy_text("text")


def terminal_output(text: str, environ: dict[str, str]) -> bytes:
    """Copy a text in a process whose controlling terminal is ours; return what the terminal got."""
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover - the child
        try:
            os.environ.pop("DISPLAY", None)
            os.environ.update(environ)
            copy_text(text)
        finally:
            os._exit(0)
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    os.waitpid(process, 0)
    return b"".join(parts)


@pytest.mark.parametrize("text", ["", "plain", "é 😀\0 中\n", "x" * OSC52_MAX_BYTES])
def test_a_terminal_gets_one_sequence(no_desktop, text):
    output = terminal_output(text, {"SSH_TTY": "t"})
    assert output.startswith(b"\x1b]52;c;")
    assert output.endswith(b"\x07")
    assert base64.b64decode(output[7:-1]).decode() == text
    assert len(output) <= 100_000


def test_tmux_is_told_to_hand_it_on(no_desktop):
    output = terminal_output("hi", {"SSH_TTY": "t", "TMUX": "socket,1,0"})
    assert output == b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"


def test_too_much_for_a_terminal(no_desktop, monkeypatch):
    monkeypatch.setenv("SSH_TTY", "t")
    with pytest.raises(GPAError, match="too many"):
        copy_text("x" * (OSC52_MAX_BYTES + 1))


def test_no_terminal(no_desktop, monkeypatch, tmp_path):
    monkeypatch.setenv("SSH_TTY", "t")
    monkeypatch.setattr(clipboard, "_TERMINAL", tmp_path / "none" / "tty")
    with pytest.raises(GPAError, match="no terminal"):
        copy_text("x")


def test_a_terminal_cannot_be_read(no_desktop, monkeypatch):
    monkeypatch.setenv("SSH_TTY", "t")
    with pytest.raises(GPAError, match="cannot be read"):
        paste_text()
