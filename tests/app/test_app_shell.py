"""The frame of the app: modes, keys, help, palette, errors, colours and plain ASCII."""

from __future__ import annotations

import threading
import time

import pytest
from textual.color import Color
from textual.css.stylesheet import Stylesheet
from textual.widgets import Static

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx.testing import FakeEngine
from gpa_mlx_tui.app.screens import SCREENS
from gpa_mlx_tui.bindings import APP, TABLE, remapped, shown_key
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.modes import MODES
from gpa_mlx_tui.themes import THEMES
from gpa_mlx_tui.widgets.header import ModeBar

KEYS = {row.id.removeprefix("app.mode_"): row.keys for row in TABLE if row.id.startswith("app.mode_")}
OPENING = [["ctrl+p"], ["ctrl+o"], ["ctrl+b"], ["f3", "ctrl+t"], ["f3", "ctrl+r"]]
SIZES = [(80, 24), (200, 60)]


def test_every_row_of_the_table_has_its_mode_an_action_and_words():
    modes = {mode: import_screen()() for mode, import_screen in SCREENS.items()}
    from gpa_mlx_tui.app.app import GPAApp

    for row in TABLE:
        owner = GPAApp if row.mode == APP else type(modes[row.mode])
        name = row.action.partition("(")[0]
        assert hasattr(owner, f"action_{name}"), row.id
        assert row.tooltip.endswith("."), row.id
        assert row.label, row.id
    assert {row.id for row in TABLE} >= {f"app.mode_{mode.id}" for mode in MODES}
    assert len({row.id for row in TABLE}) == len(TABLE)


def test_no_key_means_two_things():
    assert remapped({}) == TABLE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speak.speek": "ctrl+g"}, "speak.speak"),
        ({"speak.speak": "s"}, "cannot be used"),
        ({"speak.speak": "ctrl+q"}, "both"),
        ({"speak.speak": "ctrl+s"}, "both"),
    ],
)
def test_keys_that_cannot_be_are_refused(changes, message):
    with pytest.raises(SettingsError) as caught:
        remapped(changes)
    assert message in str(caught.value)


def test_keys_are_written_as_people_do():
    assert shown_key("ctrl+pagedown") == "Ctrl+PageDown"
    assert shown_key("f2,ctrl+x", platform="linux") == "F2 Ctrl+X"
    assert shown_key("f2,ctrl+x,alt+f10,alt+w", platform="darwin") == "fn+F2 Ctrl+X fn+Option+F10 Option+W"
    assert shown_key("ctrl+right_square_bracket,ctrl+backslash,ctrl+underscore") == "Ctrl+] Ctrl+\\ Ctrl+_"


def test_everything_has_a_key_that_a_mac_passes_on():
    """Option types a letter there, and windows with tabs keep Ctrl+PageDown."""
    swallowed = {"ctrl+pagedown", "ctrl+pageup"}
    assert [row.id for row in TABLE if all(key.startswith("alt+") or key in swallowed for key in row.keys)] == []


def test_modes_change_with_keys_that_no_terminal_keeps(use):
    async def steps(session):
        await session.press("ctrl+right_square_bracket")
        assert session.screen.mode == "speak"
        await session.press("ctrl+backslash")
        assert session.screen.mode == "dictate"
        await session.press("ctrl+underscore")
        assert session.screen.mode == "help"

    use(steps)


def test_modes_change_with_keys_and_clicks(use):
    async def steps(session):
        assert session.screen.mode == "dictate"
        await session.press("f3")
        assert session.screen.mode == "speak"
        await session.press("ctrl+pageup")
        assert session.screen.mode == "dictate"
        await session.press("ctrl+pageup")
        assert session.screen.mode == MODES[-1].id
        bar = session.screen.query_one(ModeBar)
        await session.pilot.click(bar, offset=(str(bar.render()).index("Speak"), 0))
        await session.until(lambda: session.screen.mode == "speak")

    use(steps)


def test_a_remapped_key_works_and_the_old_one_does_not(use):
    async def steps(session):
        await session.press("f3")
        assert session.screen.mode == "dictate"
        await session.press("f12")
        assert session.screen.mode == "speak"
        await session.press("f1")
        assert "F12" in session.picture()

    use(steps, keys={"app.mode_speak": "f12"})


def test_help_lists_every_key(use):
    async def steps(session):
        await session.press("f1")
        shown = session.picture()
        assert [row.id for row in TABLE if row.id not in shown] == []

    use(steps, size=(120, 150))


def test_the_palette_finds_a_mode_by_its_name(use):
    async def steps(session):
        await session.press("ctrl+p")
        await session.press(*"speak")
        await session.until(lambda: session.screen.query("CommandList OptionList, CommandList"))
        await session.pilot.pause(0.3)
        await session.press("enter")
        await session.until(lambda: getattr(session.screen, "mode", "") == "speak")

    use(steps)


def test_an_error_says_what_is_wrong_and_what_to_do(use):
    async def steps(session):
        def fail(task):
            raise GPAError("The disk is full.", hint="Make room.")

        session.screen.start("save", fail)
        await session.until(lambda: session.toasts == ["The disk is full.\nMake room."])
        assert not session.screen.has_task("save")

    use(steps)


@pytest.mark.parametrize("cancels", [True, False])
def test_what_a_cancelled_work_sent_before_is_not_seen(use, monkeypatch, cancels):
    from gpa_mlx_tui.services.messages import Listed

    async def steps(session):
        screen, seen = session.screen, []
        monkeypatch.setattr(type(screen), "on_listed", lambda _, message: seen.append(message), raising=False)

        def body(task):
            task.post(Listed(task, ("late",)))
            sent.set()

        sent = threading.Event()
        task = screen.start("look", body)
        assert sent.wait(5)  # this very step keeps the app from looking at the message
        if cancels:
            task.cancel()
        await session.pilot.pause(0.1)
        assert len(seen) == (0 if cancels else 1)

    use(steps)


def test_ctrl_c_says_how_to_leave(use):
    async def steps(session):
        await session.press("ctrl+c")
        assert session.toasts == ["Ctrl+Q leaves."]

    use(steps)


def test_quitting_ends_the_engine(use, engine):
    async def steps(session):
        await session.until(lambda: engine.warmed)
        await session.press("ctrl+q")

    app = use(steps)
    assert app.return_code == 0
    assert engine.closed


@pytest.mark.parametrize("keys", [[key] for mode in MODES for key in KEYS[mode.id]] + OPENING, ids=str)
def test_ascii_is_only_ascii(use, keys, home):
    (home / "folder").mkdir()
    (home / "file.wav").touch()

    async def steps(session):
        await session.until(lambda: isinstance(session.screen, ModeScreen))
        await session.press(*keys)
        await session.pilot.pause(0.5)
        lines = ["".join(part.text for part in strip) for strip in session.screen._compositor.render_strips()]
        assert [line for line in lines if not line.isascii()] == []

    use(steps, ascii_only=True)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_help_looks_right(use, picture, size, theme):
    async def steps(session):
        await session.until(lambda: not session.screen.has_task("load"))
        await session.rest()
        assert session.picture() == picture

    use(steps, mode="help", size=size, theme=theme)


def test_escape_reaches_a_model_that_says_nothing_for_long(use):
    begun, ended = threading.Event(), threading.Event()

    def silence(engine):
        try:
            begun.set()
            while True:
                check_cancelled()
                time.sleep(0.005)
            yield
        finally:
            ended.set()

    async def steps(session):
        screen = session.screen
        screen.start("think", lambda task: list(screen.service.engine_thread.stream(silence)))
        await session.until(begun.is_set)
        await session.press("escape")
        assert not screen.has_task("think")
        await session.until(ended.is_set)
        assert session.toasts == []

    use(steps)


def test_another_model_takes_the_place_of_the_first(use, engine, home):
    other = FakeEngine(path=home)

    async def steps(session):
        service, names = session.app.service, []
        await session.until(lambda: engine.warmed)
        service.use_model(home)
        session.screen.start("ask", lambda task: names.append(service.engine.path))
        await session.until(lambda: names == [home])
        assert engine.closed
        assert session.app.model_name == home.name

    use(steps, open_engine=lambda path: other if path == home else engine)


def test_another_model_stops_what_goes_on_in_modes_that_are_not_shown(use, engine, home):
    def wait(engine):
        while True:
            check_cancelled()
            time.sleep(0.005)
        yield

    async def steps(session):
        await session.press("f3")
        speak, stopped = session.screen, []
        speak.task_stopped = stopped.append
        await session.until(lambda: not speak.has_task("load"))
        speak.start("think", lambda task: list(speak.service.engine_thread.stream(wait)))
        await session.until(lambda: speak.service.state == "busy")
        await session.press("f8")
        session.app.service.use_model(home)
        await session.until(lambda: "think" in stopped)
        assert not speak.has_task("think")
        assert session.toasts == []

    use(steps, open_engine=lambda path: FakeEngine(path=home) if path == home else engine)


def test_a_mode_is_shown_without_parsing_all_styles_again(use, monkeypatch):
    parsed = []

    async def steps(session):
        monkeypatch.setattr(session.app.stylesheet, "reparse", lambda: parsed.append(session.app.current_mode))
        for mode in MODES:
            await session.press(*KEYS[mode.id])
            assert session.screen.mode == mode.id
        assert parsed == []

    use(steps)


def test_the_first_mode_is_shown_without_parsing_all_styles_twice(use, monkeypatch):
    parsed = []
    monkeypatch.setattr(Stylesheet, "reparse", lambda stylesheet: parsed.append(stylesheet))

    async def steps(session):
        assert parsed == []

    use(steps, theme="light")


def test_other_colours_hold_in_modes_that_were_shown_and_in_new_ones(use):
    light = THEMES["light"]

    async def steps(session):
        await session.press("f3")
        await session.press("f2")
        session.app.theme = light.name
        for mode in ("dictate", "speak", "help"):
            await session.press(*KEYS[mode])
            assert session.screen.styles.background == Color.parse(str(light.background))
            assert session.screen.query_one(ModeBar).styles.background == Color.parse(str(light.surface))

    use(steps)


def test_a_mode_is_styled_anew_only_when_it_is_shown_again(use, monkeypatch):
    styled = []

    async def steps(session):
        await session.until(prepared.is_set)
        kind = SCREENS[MODES[-1].id]()
        update = kind.update_node_styles
        monkeypatch.setattr(
            kind, "update_node_styles", lambda *a, **b: (styled.append(session.screen), update(*a, **b))
        )
        for times in (0, 1, 2):
            await session.press("f1")
            assert len(styled) == times
            await session.press("f2")

    prepared = threading.Event()
    use(steps, prepared=prepared.set)


def test_it_tells_when_all_modes_are_imported(use):
    prepared = threading.Event()

    async def steps(session):
        await session.until(prepared.is_set)

    use(steps, prepared=prepared.set)


def test_help_begins_with_the_mode_one_comes_from_and_escape_goes_back(use):
    def titles(session):
        return [str(heading.render()) for heading in session.screen.query(".heading").results(Static)]

    async def steps(session):
        await session.press("f5", "f1")
        await session.until(lambda: session.app.current_mode == "help" and titles(session)[0].startswith("Convert"))
        assert titles(session)[:2] == ["Convert: Esc goes back", "Everywhere"]
        await session.press("escape")
        await session.until(lambda: session.app.current_mode == "convert")
        await session.press("f3", "f1")
        await session.until(lambda: session.app.current_mode == "help" and titles(session)[0].startswith("Speak"))
        assert titles(session)[:4] == ["Speak: Esc goes back", "Everywhere", "Dictate", "Voice"]
        assert session.screen.query_one("#help").scroll_offset.y == 0

    use(steps)
