"""History: dictations that are listed, heard, recognised again, spoken and deleted."""

from __future__ import annotations

import numpy as np
import pytest
from textual.widgets import Button, Input, Static, TextArea

from gpa_mlx.errors import AudioDeviceError, AudioFileError
from gpa_mlx.history import History
from gpa_mlx.settings import SettingsSource
from gpa_mlx_tui.features.history.entry_table import EntryTable, state_words
from gpa_mlx_tui.features.history.jobs import HistoryListed
from gpa_mlx_tui.features.history.keep_switch import KeepSwitch
from gpa_mlx_tui.features.history.screen import PlaybackStarted
from gpa_mlx_tui.widgets.dialogs import Confirm
from gpa_mlx_tui.widgets.rows import Rows

SIZES = [(80, 24), (200, 60)]


def remember(name, text="", error="", seconds=1.0):
    """Put a dictation into the history, under a name of its own."""
    with History().begin("fake microphone") as journal:
        journal.append((0.3 * np.sin(np.arange(int(16_000 * seconds)) / 5)).astype(np.float32))
        journal.finish()
        if text:
            journal.recognised(text)
        if error:
            journal.failed(AudioFileError(error).message)
    journal.entry.folder.rename(journal.entry.folder.with_name(name))


@pytest.fixture
def entries(home):
    remember("2026-03-01T10-00-00-aaaa", error="The model is gone.")
    remember("2026-03-02T11-30-00-bbbb", text="three two one go", seconds=2.0)


async def listed(session):
    await session.until(lambda: session.sent(HistoryListed) and session.screen.query_one(Rows).chosen)


def text_of(session):
    return session.screen.query_one("#text", TextArea).text


def test_the_newest_is_first_and_its_text_is_shown(use, entries):
    async def steps(session):
        await listed(session)
        assert [entry.name[:10] for entry in session.screen.entries] == ["2026-03-02", "2026-03-01"]
        assert text_of(session) == "three two one go"
        assert "2 recordings, 0 MB" in str(session.screen.query_one("#total", Static).render())
        await session.press("down")
        assert text_of(session) == ""
        assert "The model is gone." in str(session.screen.query_one("#facts", Static).render())
        assert session.screen.query_one("#copy", Button).disabled

    use(steps, mode="history")


def test_a_recording_is_recognised_again(use, entries):
    async def steps(session):
        await listed(session)
        await session.press("down", "ctrl+r")
        await session.until(lambda: not session.screen.has_task("retry") and text_of(session) == "hello world")
        assert History().entries()[1].text == "hello world"
        assert History().entries()[1].error == ""

    use(steps, mode="history")


def test_escape_ends_recognising_and_the_old_text_stays(use, engine, entries):
    engine.texts, engine.delay_s = ("a b c d e f g h",), 0.2

    async def steps(session):
        await listed(session)
        await session.press("ctrl+r")
        await session.until(lambda: engine.count("stream_transcribe_live"))
        await session.press("escape")
        assert not session.screen.has_task("retry")
        engine.delay_s = 0.0
        await session.press("ctrl+r")  # while the first may not have let go yet
        await session.until(lambda: not session.screen.has_task("retry"))
        assert not session.toasts
        assert History().entries()[0].text == "a b c d e f g h"

    use(steps, mode="history")


def test_it_is_played_paused_and_ended(use, entries, output):
    output.speed = 1.0

    async def steps(session):
        await listed(session)
        play = session.screen.query_one("#play", Button)
        await session.press("ctrl+l")
        await session.until(lambda: session.sent(PlaybackStarted) and output.heard)
        assert str(play.label) == "Pause"
        await session.press("ctrl+l")
        assert str(play.label) == "Go on"
        await session.press("escape")
        assert str(play.label) == "Play"
        assert not session.screen.has_task("play")

    use(steps, mode="history")


def test_without_a_sound_output_it_says_so(use, entries, output):
    output.unusable = AudioDeviceError("This computer has no sound output.", hint="Connect one.")

    async def steps(session):
        await listed(session)
        await session.press("ctrl+l")
        await session.until(lambda: session.toasts)
        assert "no sound output" in session.toasts[0]

    use(steps, mode="history")


def test_the_text_goes_to_speak(use, entries):
    async def steps(session):
        await listed(session)
        await session.press("ctrl+t")
        await session.until(lambda: session.app.current_mode == "speak" and text_of(session) == "three two one go")

    use(steps, mode="history")


def test_it_is_deleted_only_after_a_question(use, entries):
    async def steps(session):
        await listed(session)
        await session.press("delete")
        assert isinstance(session.screen, Confirm)
        await session.press("enter")
        assert len(History().entries()) == 2
        await session.press("delete", "tab", "enter")
        await session.until(lambda: len(session.screen.entries) == 1)
        assert [entry.name[:10] for entry in History().entries()] == ["2026-03-01"]
        assert text_of(session) == ""

    use(steps, mode="history")


def test_states_are_plain_words_and_words_are_searched(use, entries):
    remember("2026-03-03T09-00-00-cccc")
    remember("2026-03-04T09-00-00-dddd")
    with History().hold(History().get("dddd")) as held:
        held.recognised("")

    async def steps(session):
        await listed(session)
        table = session.screen.query_one(EntryTable)
        assert [state_words(entry) for entry in table.entries] == [
            "no words heard",
            "not written down yet",
            "written down",
            "could not be written down",
        ]
        assert "no&#160;words&#160;heard" in session.picture()
        await session.press("ctrl+o", *"two 03-02")
        assert [entry.text for entry in table.found] == ["three two one go"]
        assert text_of(session) == "three two one go"
        session.screen.query_one("#search", Input).value = "written yet"
        await session.until(lambda: [entry.name[-4:] for entry in table.found] == ["cccc"])
        session.screen.query_one("#search", Input).value = "elephant"
        await session.until(lambda: not table.found)
        assert text_of(session) == ""
        assert "Nothing&#160;here" in session.picture()

    use(steps, mode="history")


def test_all_that_wait_are_recognised_and_one_that_fails_stops_none(use, engine, entries):
    remember("2026-03-03T09-00-00-cccc")
    (History().get("cccc").folder / "audio.wav").write_bytes(b"no sound")
    remember("2026-03-04T09-00-00-dddd")

    async def steps(session):
        await listed(session)
        await session.press("ctrl+n")
        await session.until(lambda: not session.screen.has_task("retry") and session.toasts)
        await session.until(lambda: sum(entry.text == "hello world" for entry in session.screen.entries) == 2)
        assert "1 of 3 recordings were not recognised" in session.toasts[0]
        assert History().get("bbbb").text == "three two one go"
        assert History().get("dddd").text == "hello world"

    use(steps, mode="history")


def test_several_are_marked_copied_and_deleted(use, entries, monkeypatch):
    remember("2026-03-03T09-00-00-cccc", text="and stop")
    copied = []

    async def steps(session):
        monkeypatch.setattr(session.app, "copy", copied.append)
        await listed(session)
        await session.press("space", "space", "home")
        assert str(session.screen.query_one("#total", Static).render()) == "2 marked"
        await session.press("ctrl+b")
        assert copied == ["three two one go\n\nand stop"]
        await session.press("delete")
        assert "the&#160;2&#160;marked" in session.picture()
        await session.press("tab", "enter")
        await session.until(lambda: len(session.screen.entries) == 1)
        assert [entry.name[-4:] for entry in History().entries()] == ["aaaa"]

    use(steps, mode="history")


def test_a_switch_keeps_nothing_of_what_is_dictated_from_then_on(use, entries):
    async def steps(session):
        await listed(session)
        switch = session.screen.query_one(KeepSwitch)
        assert not switch.value
        switch.focus()
        await session.press("enter")
        await session.until(lambda: session.toasts)
        assert SettingsSource().load().settings.history_keep is False
        history = session.app.dictation.history()
        assert not history.keeps
        for text in ("hello", ""):
            with history.begin() as journal:
                journal.append(np.full(16_000, 0.1))
                journal.finish()
                journal.recognised(text)
        history.prune()
        assert [entry.text for entry in history.entries() if entry.name[:7] != "2026-03"] == [""]
        await session.press("enter")
        await session.until(lambda: SettingsSource().load().settings.history_keep)
        assert session.app.dictation.history().keeps

    use(steps, mode="history")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_history_looks_right(use, picture, entries, size, theme):
    async def steps(session):
        await listed(session)
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="history", size=size, theme=theme)
