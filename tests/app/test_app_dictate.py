"""Dictate: from the microphone to a text that is edited, copied, saved and heard again."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
from textual.widgets import Button, Input, Static, TextArea

from gpa_mlx.audio.devices import port_audio
from gpa_mlx.audio.devices.streams import Streams
from gpa_mlx.dictation import DictationOptions, Finished
from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.history import History
from gpa_mlx.model import demo
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.testing import FakeEngine, FakeMicrophone
from gpa_mlx.text.custom_vocabulary import CustomVocabulary
from gpa_mlx_tui.features.dictate.live_text import LiveText
from gpa_mlx_tui.features.dictate.messages import Dictated, TextTranscribed
from gpa_mlx_tui.services.microphone import DictationDependencies
from gpa_mlx_tui.widgets.dialogs import Choose
from gpa_mlx_tui.widgets.level_meter import LevelMeter
from gpa_mlx_tui.widgets.waveform import Waveform
from tests.support.port_audio import HotPlug

SIZES = [(80, 24), (200, 60)]
BLOCK = (0.3 * np.sin(np.arange(800) / 5)).astype(np.float32)


def dictation(microphone, **options):
    return DictationDependencies(
        microphone=lambda: microphone, history=History, options=lambda: DictationOptions(**options)
    )


@pytest.fixture
def microphone():
    return FakeMicrophone([BLOCK] * 4)


async def dictate(session, microphone):
    await session.press("ctrl+r")
    await session.until(lambda: session.screen.query_one(LevelMeter).verdict)
    await session.press("ctrl+r")
    await session.until(lambda: not session.screen.has_task("record"))


def text_of(session):
    return session.screen.query_one("#text", TextArea).text


def finished(session):
    return [message.event for message in session.sent(Dictated) if isinstance(message.event, Finished)]


def test_what_is_said_becomes_text_behind_the_text(use, microphone):
    async def steps(session):
        await dictate(session, microphone)
        assert [event.text for event in finished(session)] == ["hello world"]
        assert text_of(session) == "hello world"
        await dictate(session, microphone)
        assert text_of(session) == "hello world\nhello world"
        assert [entry.state for entry in History().entries()] == ["recognised"] * 2
        assert session.screen.query_one(LevelMeter).verdict == ""
        assert str(session.screen.query_one("#record", Button).label) == "Record"

    use(steps, dictation=dictation(microphone))


def test_the_text_is_shown_while_it_comes(use, engine, microphone):
    import threading

    engine.hold = threading.Event()

    async def steps(session):
        await session.press("ctrl+r")
        live = session.screen.query_one("#live", Static)
        await session.until(lambda: "hello" in str(live.render()))
        assert session.screen.query_one(Waveform).duration_s > 0
        assert "Recording" in str(session.screen.query_one("#status", Static).render())
        engine.hold.set()
        await session.press("ctrl+r")
        await session.until(lambda: text_of(session) == "hello world")
        assert str(live.render()) == ""

    use(steps, dictation=dictation(microphone))


def test_escape_drops_the_text_and_keeps_the_recording(use, microphone):
    async def steps(session):
        await session.press("ctrl+r")
        await session.until(lambda: session.screen.query_one(LevelMeter).verdict)
        await session.press("escape")
        assert not session.screen.has_task("record")
        await session.until(lambda: [entry.in_use for entry in History().entries()] == [False])
        assert text_of(session) == ""
        assert microphone.closed

    use(steps, dictation=dictation(microphone))


def test_the_users_words_are_used(use, microphone):
    async def steps(session):
        await dictate(session, microphone)
        assert text_of(session) == "hello Earth"

    use(steps, dictation=dictation(microphone, words=CustomVocabulary(["world => Earth"], "words")))


def test_without_a_microphone_it_says_so_and_a_file_can_be_opened(use):
    problem = AudioDeviceError("This computer has no microphone.", hint="Connect one.")

    async def steps(session):
        await session.press("ctrl+r")
        await session.until(lambda: session.toasts == ["This computer has no microphone.\nConnect one."])
        assert not session.screen.has_task("record")
        await session.press("ctrl+o")
        session.screen.query_one("#path", Input).value = str(demo.demo_samples()[0].file)
        await session.press("enter")
        await session.until(lambda: text_of(session) == "hello world")
        assert session.sent(TextTranscribed)[-1].recording.audio == demo.demo_samples()[0].file

    use(steps, dictation=dictation(FakeMicrophone(unusable=problem)))


def test_a_microphone_that_is_connected_meanwhile_is_found(use, monkeypatch):
    port = HotPlug()
    monkeypatch.setitem(sys.modules, "sounddevice", port)
    monkeypatch.setattr(port_audio, "_STREAMS", Streams())

    def status(session):
        return str(session.screen.query_one("#status", Static).render())

    async def steps(session):
        await session.until(lambda: "no microphone. Connect one" in status(session))
        port.plugged.append("USB")
        await session.press("f5")
        await session.press("f2")
        await session.until(lambda: "Ready: USB" in status(session))
        port.plugged[:] = ["Headset"]
        await session.press("ctrl+r")
        await session.until(lambda: port.streams and session.screen.has_task("record"))
        await session.press("escape")
        await session.until(lambda: "Ready: Headset" in status(session))

    use(steps)


def test_the_same_recording_is_heard_again_by_another_model(use, engine, microphone, home):
    other = FakeEngine(texts=("yellow word",))
    paths = []

    def open_engine(path):
        paths.append(path)
        return engine if path == home else other

    (home / "gpa_mlx.json").write_bytes((demo.demo_model() / "gpa_mlx.json").read_bytes())

    async def steps(session):
        await dictate(session, microphone)
        await session.press("ctrl+t")
        await session.until(lambda: isinstance(session.screen, Choose))
        await session.press("down", "enter")
        await session.until(lambda: text_of(session) == "yellow word")
        assert engine.closed
        assert other.closed
        assert [entry.text for entry in History().entries()] == ["yellow word"]

    use(steps, dictation=dictation(microphone), open_engine=open_engine, model=home)
    assert paths == [home, demo.demo_model()]


def test_an_edited_result_is_not_overwritten(use, engine, microphone):
    async def steps(session):
        await dictate(session, microphone)
        await session.write("Hello, world!")
        engine.texts = ("again",)
        await session.press("ctrl+t")
        await session.until(lambda: isinstance(session.screen, Choose))
        await session.press("enter")
        await session.until(lambda: text_of(session) == "Hello, world!\nagain")

    use(steps, dictation=dictation(microphone))


def test_the_text_is_saved_and_copied(use, home, microphone):
    async def steps(session):
        await dictate(session, microphone)
        await session.press("ctrl+b")
        await session.until(lambda: "Copied." in session.toasts)
        assert session.app.clipboard == "hello world"
        await session.press("ctrl+s", "enter")
        await session.until(lambda: (home / "dictation.txt").exists())
        assert (home / "dictation.txt").read_text() == "hello world\n"
        await session.press("ctrl+g")
        assert text_of(session) == ""

    use(steps, dictation=dictation(microphone))


def test_the_newest_words_are_in_sight(use):
    async def steps(session):
        live = session.screen.query_one(LiveText)
        live.show(" ".join(f"word{number}" for number in range(300)), "perhaps")
        await session.pilot.pause(0.1)
        shown = session.picture().replace("&#160;", " ")
        assert "word299" in shown
        assert "perhaps" in shown
        assert "word200 " not in shown
        assert live.region.height == 5

    use(steps)


def test_again_is_one_edit_that_ctrl_z_takes_back(use, engine, microphone):
    async def steps(session):
        await dictate(session, microphone)
        engine.texts = ("again",)
        await session.press("ctrl+t")
        await session.until(lambda: isinstance(session.screen, Choose))
        await session.press("enter")
        await session.until(lambda: text_of(session) == "again")
        await session.press("ctrl+z")
        assert text_of(session) == "hello world"
        await session.press("ctrl+z")
        assert text_of(session) == ""

    use(steps, dictation=dictation(microphone))


def test_escape_keeps_what_was_written_of_a_file(use, engine, monkeypatch):
    transcribe = engine.stream_transcribe

    def begin(*arguments, **options):
        yield next(iter(transcribe(*arguments, **options)))
        while True:
            check_cancelled()
            time.sleep(0.005)

    monkeypatch.setattr(engine, "stream_transcribe", begin)

    async def steps(session):
        await session.press("ctrl+o")
        session.screen.query_one("#path", Input).value = str(demo.demo_samples()[0].file)
        await session.press("enter")
        await session.until(lambda: session.sent(TextTranscribed))
        status = str(session.screen.query_one("#status", Static).render())
        assert f"Writing down {demo.demo_samples()[0].file.name}" in status
        so_far = session.sent(TextTranscribed)[-1].text
        assert so_far
        await session.press("escape")
        await session.until(lambda: text_of(session) == so_far)

    use(steps, dictation=dictation(FakeMicrophone()))


def test_until_the_first_sound_the_microphone_is_being_opened(use):
    microphone = FakeMicrophone([])

    async def steps(session):
        def status():
            return str(session.screen.query_one("#status", Static).render())

        await session.press("ctrl+r")
        assert "Opening the microphone" in status()
        await session.until(lambda: microphone.opened)
        microphone.put(BLOCK)
        await session.until(lambda: "Recording 0:00" in status())
        await session.press("ctrl+l")
        await session.until(lambda: "Paused" in status())
        microphone.put(BLOCK)
        await session.press("ctrl+l")
        await session.until(lambda: "Recording" in status())
        await session.press("escape")

    use(steps, dictation=dictation(microphone))


def test_the_microphone_is_open_before_the_key_and_closed_in_other_modes(use, microphone):
    ahead = DictationDependencies(
        microphone=lambda: microphone, history=History, options=DictationOptions, listens_ahead=True
    )

    async def steps(session):
        await session.until(lambda: microphone.opened == 1)
        await dictate(session, microphone)
        assert text_of(session) == "hello world"
        await session.until(lambda: microphone.opened > 2)
        closed = microphone.closed
        await session.press("f3")
        await session.until(lambda: microphone.closed > closed)

    use(steps, dictation=ahead)


def test_a_text_is_copied_and_added_to_a_file_when_it_is_done(use, home, microphone):
    (home / "notes.txt").write_text("before")

    async def steps(session):
        await session.press("ctrl+n")
        session.screen.query_one("#copies").value = True
        session.screen.query_one("#append_to", Input).value = str(home / "notes.txt")
        await session.pilot.click("#done")
        await dictate(session, microphone)
        await session.until(lambda: session.app.clipboard == "hello world")
        await session.until(lambda: (home / "notes.txt").read_text() == "before\nhello world\n")

    use(steps, dictation=dictation(microphone))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_dictating_looks_right(use, engine, picture, size, theme, microphone):
    import threading

    engine.hold = threading.Event()

    async def steps(session):
        await session.press("ctrl+r")
        await session.until(lambda: "hello" in str(session.screen.query_one("#live", Static).render()))
        await session.until(lambda: session.screen.query_one(Waveform).duration_s >= 0.19)
        await session.until(lambda: not session.screen.has_task("load"))
        session.app.refresh_header()
        await session.pilot.pause()
        assert session.picture() == picture

    use(steps, dictation=dictation(microphone), size=size, theme=theme)
