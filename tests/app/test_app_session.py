"""What outlives the app: drafts, the queue and choices; and the question before something is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import numpy as np
import pytest
import soundfile
from textual.widgets import Input, TextArea

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.dictation import DictationOptions
from gpa_mlx.history import History
from gpa_mlx.runtime.clipboard import ClipboardState
from gpa_mlx.testing import FakeMicrophone
from gpa_mlx_tui.features.files.queue_table import QueueTable
from gpa_mlx_tui.services.kept_state import open_kept_state
from gpa_mlx_tui.services.microphone import DictationDependencies
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Choose, Confirm
from gpa_mlx_tui.widgets.message_line import MessageLine
from gpa_mlx_tui.widgets.toggle import Toggle

BLOCK = (0.3 * np.sin(np.arange(800) / 5)).astype(np.float32)


def dictation(microphone):
    return DictationDependencies(microphone=lambda: microphone, history=History, options=DictationOptions)


def text_of(session):
    return session.screen.query_one("#text", TextArea).text


def kept_text(folder):
    """Return what is kept so far; nothing before it is written first."""
    file = folder / "session.json"
    return file.read_text() if file.exists() else ""


def test_a_draft_is_on_disk_soon_without_leaving_and_comes_back(use, home):
    folder = home / "state"

    async def write(session):
        await session.write("not finished\nyet")
        session.screen.query_one("#auto", Toggle).value = True
        await session.press("f3")
        await session.write("to be said")
        await session.until(lambda: "to be said" in kept_text(folder))
        assert "not finished" in (folder / "session.json").read_text()

    async def read(session):
        assert text_of(session) == "to be said"
        await session.press("f2")
        assert text_of(session) == "not finished\nyet"
        assert session.screen.query_one("#auto", Toggle).value

    kept = open_kept_state(folder)
    use(write, kept=kept)
    kept.close()
    use(read, kept=open_kept_state(folder), mode="speak")


def test_the_queue_comes_back_and_nothing_starts(use, home):
    folder = home / "state"
    (home / "one.wav").write_bytes(b"RIFF")

    async def add(session):
        session.screen.query_one("#path").value = str(home / "one.wav")
        await session.press("enter")
        await session.until(lambda: session.screen.query_one(QueueTable).files)
        await session.until(lambda: "one.wav" in kept_text(folder))

    async def see(session):
        await session.until(lambda: session.screen.query_one(QueueTable).files)
        (file,) = session.screen.query_one(QueueTable).files
        assert file.path == home / "one.wav"
        assert file.state in ("waiting", "stopped")

    kept = open_kept_state(folder)
    use(add, kept=kept, mode="files")
    kept.close()
    use(see, kept=open_kept_state(folder), mode="files")


def test_two_apps_keep_their_own(home):
    first, second = open_kept_state(home), open_kept_state(home)
    first.put("dictate", {"text": "one"})
    second.put("dictate", {"text": "two"})
    first.write()
    second.write()
    assert ("one" in (home / "session.json").read_text(), "two" in (home / "session-2.json").read_text()) == (
        True,
        True,
    )
    first.close()
    assert open_kept_state(home).of("dictate") == {"text": "one"}


def test_a_file_that_is_no_json_is_put_aside(home):
    (home / "session.json").write_text("{ my text")
    kept = open_kept_state(home)
    assert kept.of("dictate") == {}
    assert (home / "session.damaged").read_text() == "{ my text"


def test_leaving_asks_while_a_recording_goes_on_and_n_stays(use):
    async def steps(session):
        await session.press("ctrl+r")
        await session.until(lambda: "REC" in session.picture())
        await session.press("ctrl+q")
        await session.until(lambda: isinstance(session.screen, Confirm))
        assert session.screen.query_one("#yes", Button).variant == "error"
        await session.press("right", "left", "n")
        assert session.screen.has_task("record")
        await session.press("ctrl+q", "y")
        await session.until(lambda: session.app.return_code is not None)

    assert use(steps, dictation=dictation(FakeMicrophone([BLOCK] * 4))).return_code == 0


def test_one_recording_at_a_time_which_every_mode_shows(use):
    async def steps(session):
        await session.press("ctrl+r")
        await session.until(lambda: "Recording" in session.picture())
        await session.press("f5")
        session.app.refresh_header()
        await session.pilot.pause()
        assert "REC" in session.picture()
        await session.press("ctrl+n")
        assert "Another mode is recording" in session.toasts[-1]
        assert not session.screen.has_task("record")
        await session.press("f2", "escape")
        await session.until(lambda: not session.screen.has_task("record"))

    use(steps, dictation=dictation(FakeMicrophone([BLOCK] * 4)))


@pytest.mark.parametrize("mode", ["dictate", "convert"])
def test_a_desktop_shortcut_records_also_while_a_dialogue_is_open(use, mode):
    async def steps(session):
        await session.press("ctrl+o")
        dialog = session.screen
        dialog.query_one("#path", Input).value = "half a pa"
        os.kill(os.getpid(), signal.SIGUSR1)
        await session.until(lambda: session.app.service.is_under_way("record"))
        assert session.app.current_mode == "dictate"
        os.kill(os.getpid(), signal.SIGUSR1)
        await session.until(lambda: not session.app.service.is_under_way("record"))
        assert session.app.screen_stack[0].last is not None
        if mode != "dictate":
            await session.press("f5")
        assert session.screen is dialog
        assert dialog.query_one("#path", Input).value == "half a pa"

    use(steps, mode=mode, dictation=dictation(FakeMicrophone([BLOCK] * 4)))


def test_leaving_with_nothing_at_risk_asks_nothing(use):
    async def steps(session):
        await session.write("a draft")
        await session.press("ctrl+q")

    assert use(steps).return_code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_app_and_keeps_the_draft(use, home, number, code):
    folder = home / "state"

    async def steps(session):
        await session.write("half a sentence")
        os.kill(os.getpid(), number)
        await session.until(lambda: session.app.return_code is not None)

    before = signal.getsignal(number)
    try:
        app = use(steps, kept=open_kept_state(folder))
    finally:
        signal.signal(number, before)
    assert app.return_code == code
    assert "half a sentence" in (folder / "session.json").read_text()


def test_a_message_takes_its_room_and_covers_nothing(use):
    async def steps(session):
        area, line = session.screen.query_one("#text"), session.screen.query_one(MessageLine)
        session.app.notify("Something happened.", severity="warning")
        await session.pilot.pause()
        assert line.region.height == 1
        assert area.region.bottom <= line.region.y
        await session.pilot.click(line)
        assert line.region.height == 0

    use(steps)


async def chosen_from_the_palette(session, words):
    await session.press("ctrl+p")
    await session.press(*words)
    await session.until(lambda: session.screen.query("CommandList"))
    await session.pilot.pause(0.5)
    await session.press("enter")


def test_the_palette_finds_commands_of_other_modes_and_settings(use):
    async def steps(session):
        await chosen_from_the_palette(session, "folder")
        await session.until(lambda: session.app.current_mode == "files")
        await session.press("escape")
        await chosen_from_the_palette(session, "theme")
        await session.until(lambda: session.app.current_mode == "settings" and isinstance(session.screen, Choose))

    use(steps)


def test_ctrl_c_in_a_text_copies_as_copy_does(use, monkeypatch):
    copied = []
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.clipboard_state", lambda: ClipboardState("xclip", ("xclip",)))
    monkeypatch.setattr("gpa_mlx.runtime.clipboard.copy_text", copied.append)

    async def steps(session):
        await session.write("to copy")
        session.app.focused.select_all()
        await session.press("ctrl+c")
        await session.until(lambda: session.toasts == ["Copied."])
        await session.press("ctrl+f")
        await session.until(lambda: copied == ["to copy", "to copy"])

    use(steps)


def test_nobody_else_can_read_a_draft(home):
    before = os.umask(0o022)
    try:
        kept = open_kept_state(home / "state")
        kept.put("speak", {"text": "secret"})
        kept.write()
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o077 for path in (home / "state", home / "state" / "session.json")}
    assert modes == {0}


def test_what_the_library_notes_about_a_file_is_told(use, home):
    wave = home / "cut.wav"
    soundfile.write(wave, np.tile(BLOCK, 20), 16_000)
    wave.write_bytes(wave.read_bytes()[:20_000])
    logger = logging.getLogger("gpa_mlx")
    before = list(logger.handlers)

    async def steps(session):
        await asyncio.to_thread(load_recording, wave)
        await session.until(lambda: any("cut off" in words for words in session.toasts))

    use(steps)
    assert logger.handlers == before
