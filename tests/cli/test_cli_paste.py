"""Pasting into the app in front of a Mac, with a pretended clipboard and a pretended `osascript`."""

from __future__ import annotations

import pytest

from gpa_mlx.cli.paste import front_app_notices, paste_into_front_app, press_paste, require_paste
from gpa_mlx.errors import GPAError, SettingsError

TERMINAL = {"TERM_PROGRAM": "iTerm.app"}


@pytest.fixture
def clipboard(monkeypatch):
    """What was copied, in order; the last is what can be pasted."""
    copied = ["old"]
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.copy_text", copied.append)
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.paste_text", lambda: copied[-1])
    return copied


@pytest.fixture
def osascript(tmp_path, monkeypatch):
    """Make an `osascript` that does what a script says; return what it was told."""
    log = tmp_path / "told"

    def make(script):
        program = tmp_path / "osascript"
        program.write_text(f'#!/bin/sh\nprintf "%s" "$2" > "{log}"\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return log

    return make


def test_the_clipboard_gets_its_text_back_after_a_second(clipboard):
    events = []
    paste_into_front_app("new", lambda: events.append(clipboard[-1]), events.append)
    pressed, waited_s = events
    assert pressed == "new"
    assert waited_s >= 1
    assert clipboard == ["old", "new", "old"]


def test_what_was_copied_meanwhile_stays(clipboard):
    paste_into_front_app("new", lambda: None, lambda seconds: clipboard.append("mine"))
    assert clipboard[-1] == "mine"


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_picture_is_never_replaced_by_an_old_text(clipboard, moment):
    """`pbpaste` writes nothing for one."""
    if moment == "before":
        clipboard.append("")
    paste_into_front_app("new", lambda: None, lambda seconds: moment == "meanwhile" and clipboard.append(""))
    assert clipboard[-1] == ("new" if moment == "before" else "")


def test_the_key_is_pressed_by_its_place(osascript):
    told = osascript("exit 0")
    press_paste(lambda: 47)
    assert told.read_text() == 'tell application "System Events" to key code 47 using command down'


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("execution error: Not authorized to send Apple events to System Events. (-1743)", "Automation: switch System"),
        ("execution error: System Events got an error: osascript is not allowed to send keystrokes. (1002)", "Access"),
        ("execution error: osascript is not allowed assistive access. (-1719)", "Accessibility: switch iTerm on"),
        ("something else (-600)", "macOS says: something else (-600)"),
    ],
)
def test_each_permission_is_named_and_the_text_stays(osascript, clipboard, said, hint):
    osascript(f"echo '{said}' >&2; exit 1")
    with pytest.raises(GPAError, match="on the clipboard") as caught:
        paste_into_front_app("new", lambda: press_paste(lambda: 9, TERMINAL))
    assert hint in caught.value.hint
    assert "iTerm" in caught.value.hint
    assert clipboard[-1] == "new"


def test_a_question_that_nobody_answers(osascript):
    osascript("exec /bin/sleep 60")
    with pytest.raises(GPAError) as caught:
        press_paste(lambda: 9, TERMINAL, timeout_s=0.2)
    assert "may be asking whether iTerm may control System Events" in caught.value.hint


def test_without_osascript(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GPAError, match="on the clipboard"):
        press_paste(lambda: 9, {})


def test_only_a_mac_pastes():
    require_paste("darwin")
    with pytest.raises(SettingsError, match="macOS only"):
        require_paste("linux")


def test_who_ends_with_a_key_in_the_terminal_is_told_what_is_in_front():
    (notice,) = front_app_notices(is_ended_by_key=True)
    assert "--toggle --paste" in notice
    assert front_app_notices(is_ended_by_key=False) == ()
