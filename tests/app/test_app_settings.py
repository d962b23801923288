"""Settings: values and keys that are changed in place, and take effect."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from textual.widgets import OptionList, Static

from gpa_mlx import settings
from gpa_mlx.audio.devices import port_audio
from gpa_mlx.audio.devices.streams import Streams
from gpa_mlx.store.paths import settings_file
from gpa_mlx_tui.features.settings import screen as screen_module
from gpa_mlx_tui.features.settings.messages import SettingsRead
from gpa_mlx_tui.features.settings.press_key import PressKey
from gpa_mlx_tui.features.settings.value_field import ValueField
from gpa_mlx_tui.widgets.dialogs import Choose
from gpa_mlx_tui.widgets.rows import Rows
from tests.support.port_audio import HotPlug

SIZES = [(80, 24), (200, 60)]


async def listed(session):
    await session.until(lambda: session.sent(SettingsRead) and session.screen.query_one(Rows).chosen)


async def change(session, name, value):
    """Write a value into the field of a setting."""
    session.screen.query_one(Rows).choose(name)
    await session.press("enter")
    await session.until(lambda: isinstance(session.app.focused, ValueField))
    await session.write(value)
    await session.press("enter")


async def choose(session, name, option):
    """Choose from the list of a setting."""
    session.screen.query_one(Rows).choose(name)
    await session.press("enter")
    await session.until(lambda: isinstance(session.screen, Choose))
    session.screen.query_one(OptionList).highlighted = option
    await session.press("enter")


def problem(session):
    return str(session.screen.query_one("#problem", Static).render())


def test_a_value_is_changed_shown_with_its_origin_and_reset(use):
    async def steps(session):
        await listed(session)
        await change(session, "max_memory", "4GB")
        await session.until(lambda: settings.load_settings(os.environ).settings.max_memory == 4 * 10**9)
        assert "next start" in session.toasts[-1]
        await session.until(lambda: isinstance(session.app.focused, Rows))
        assert "settings&#160;file" in session.picture()
        await session.press("delete")
        await session.until(lambda: len(session.sent(SettingsRead)) == 3)
        assert settings.load_settings(os.environ).settings.max_memory is None
        await session.press("delete")
        assert "is not set" in session.toasts[-1]

    use(steps, mode="settings")


def test_what_cannot_be_is_said_in_place_and_not_written(use):
    async def steps(session):
        await listed(session)
        await change(session, "max_memory", "much")
        await session.until(lambda: "4GB" in problem(session))
        assert isinstance(session.app.focused, ValueField)
        assert not settings_file().exists()
        await session.press("escape")
        await session.until(lambda: isinstance(session.app.focused, Rows))
        assert problem(session) == ""

    use(steps, mode="settings")


def test_a_file_is_named_in_any_way_a_terminal_writes_it(use, home):
    words = home / "my words.txt"
    words.write_text("Anna\n")

    async def steps(session):
        await listed(session)
        await change(session, "words_file", f"'{words}'")
        await session.until(lambda: settings.load_settings(os.environ).settings.words_file == words)

    use(steps, mode="settings")


def test_an_empty_value_takes_the_setting_back(use):
    settings.store("voice", "rms")

    async def steps(session):
        await listed(session)
        await choose(session, "voice", 0)
        await session.until(lambda: settings.load_settings(os.environ).settings.voice is None)

    use(steps, mode="settings")


def test_colours_and_ascii_change_at_once(use):
    async def steps(session):
        await listed(session)
        for name, option in (("theme", 2), ("ascii", 0)):
            session.screen.query_one(Rows).choose(name)
            await session.press("enter")
            await session.until(lambda: isinstance(session.screen, Choose))
            session.screen.query_one(OptionList).highlighted = option
            seen = len(session.sent(SettingsRead))
            await session.press("enter")
            await session.until(lambda seen=seen: len(session.sent(SettingsRead)) > seen)
        assert session.app.theme == "gpa-light"
        lines = ["".join(part.text for part in strip) for strip in session.screen._compositor.render_strips()]
        assert [line for line in lines if not line.isascii()] == []

    use(steps, mode="settings")


async def choose_device(session, name, option):
    session.screen.query_one(Rows).choose(name)
    await session.press("enter")
    await session.until(lambda: isinstance(session.screen, Choose))
    options = session.screen.query_one(OptionList)
    offered = [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]
    chosen = offered[options.highlighted]

    def changes():
        return sum(bool(message.changed) for message in session.sent(SettingsRead))

    seen = changes()
    options.highlighted = option
    await session.press("enter")
    await session.until(lambda: not isinstance(session.screen, Choose))
    if chosen != offered[option]:
        value = offered[option] if option else None
        await session.until(lambda: changes() > seen)  # sent; what counts is that the screen has taken it
        await session.until(lambda: getattr(session.screen.loaded.settings, name) == value)
    return offered, chosen


@pytest.mark.parametrize("name", ["microphone", "loudspeaker"])
def test_a_device_is_chosen_from_those_that_are_connected_now(use, monkeypatch, name):
    port = HotPlug("Built-in")
    monkeypatch.setitem(sys.modules, "sounddevice", port)
    monkeypatch.setattr(port_audio, "_STREAMS", Streams())
    theirs = "the system's choice"

    async def steps(session):
        await listed(session)
        assert await choose_device(session, name, 0) == ([theirs, "Built-in"], theirs)
        assert not settings_file().exists()
        port.plugged += ["USB", "USB"]
        assert (await choose_device(session, name, 2))[0] == [theirs, "Built-in", "USB, Core Audio"]
        assert getattr(settings.load_settings(os.environ).settings, name) == "USB, Core Audio"
        port.plugged.remove("USB")
        offered, chosen = await choose_device(session, name, 3)
        gone = "USB, Core Audio  set now; not found here"
        assert (offered, chosen) == ([theirs, gone, "Built-in", "USB"], gone)
        assert getattr(settings.load_settings(os.environ).settings, name) == "USB"
        await choose_device(session, name, 0)
        assert getattr(settings.load_settings(os.environ).settings, name) is None

    use(steps, mode="settings")


def test_what_was_read_before_a_change_does_not_hide_it(use, monkeypatch):
    """A list that closes has the settings read, by a thread that may be slower than the one that writes."""
    is_written, reading = threading.Event(), []

    def read_slowly(task, source):
        loaded = source.load()
        reading.append(task)
        is_written.wait(30)
        task.post(SettingsRead(task, loaded))

    async def steps(session):
        await listed(session)
        monkeypatch.setattr(screen_module, "read_settings", read_slowly)
        session.screen.on_screen_resume()
        await session.until(lambda: reading)
        await choose(session, "theme", ("auto", "dark", "light").index("light"))
        await session.until(lambda: any(message.changed for message in session.sent(SettingsRead)))
        is_written.set()
        await session.until(lambda: not session.screen.has_task("read"))
        await session.pilot.pause()
        assert session.screen.loaded.settings.theme == "light"

    use(steps, mode="settings")


def test_a_variable_that_goes_before_the_file_is_named(use, monkeypatch):
    monkeypatch.setenv("GPA_MLX_VOICE", "slt")

    async def steps(session):
        await listed(session)
        assert "GPA_MLX_VOICE" in session.picture()
        await choose(session, "voice", 1)
        await session.until(lambda: session.toasts)
        assert "GPA_MLX_VOICE" in session.toasts[0]

    use(steps, mode="settings")


async def press_for(session, name, key):
    session.screen.query_one(Rows).choose(name)
    await session.press("enter")
    await session.until(lambda: isinstance(session.screen, PressKey))
    await session.press(key)


def test_a_key_is_given_by_pressing_it_and_works_at_once(use):
    async def steps(session):
        screen = session.screen
        await listed(session)
        await press_for(session, "keys.app.mode_help", "f12")
        await session.until(lambda: settings.load_settings(os.environ).settings.keys == {"app.mode_help": "f12"})
        await session.until(lambda: session.toasts == ["Saved."])
        await session.press("f1")
        assert session.screen is screen
        await session.press("f12")
        await session.until(lambda: session.app.current_mode == "help")
        await session.press("f9")
        await session.until(lambda: session.screen is screen)
        await session.press("delete")
        await session.until(lambda: settings.load_settings(os.environ).settings.keys == {})
        await session.press("f1")
        await session.until(lambda: session.app.current_mode == "help")

    use(steps, mode="settings")


@pytest.mark.parametrize(("key", "words"), [("ctrl+q", "given to both"), ("x", "cannot be used")])
def test_a_key_that_is_taken_or_types_is_refused(use, key, words):
    async def steps(session):
        await listed(session)
        await press_for(session, "keys.speak.play", key)
        await session.until(lambda: words in problem(session))
        assert not settings_file().exists()
        assert session.app.return_code is None

    use(steps, mode="settings")


def test_escape_leaves_a_key_as_it_is(use):
    async def steps(session):
        await listed(session)
        await press_for(session, "keys.speak.play", "escape")
        await session.press("f1")
        await session.until(lambda: session.app.current_mode == "help")
        assert not settings_file().exists()

    use(steps, mode="settings")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_settings_look_right(use, picture, size, theme):
    async def steps(session):
        await listed(session)
        await change(session, "max_memory", "much")
        await session.until(lambda: problem(session))
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="settings", size=size, theme=theme)
