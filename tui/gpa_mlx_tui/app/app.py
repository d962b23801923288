"""The app: modes, keys, colours, messages to the user, and leaving."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias
from weakref import WeakKeyDictionary

from textual.app import App
from textual.color import Color
from textual.css.query import NoMatches
from textual.filter import Monochrome

from gpa_mlx.runtime import dictation_control
from gpa_mlx.settings import SettingsSource
from gpa_mlx_tui.app.colourless import Colourless
from gpa_mlx_tui.app.harmless import HarmlessText
from gpa_mlx_tui.app.screens import SCREENS
from gpa_mlx_tui.bindings import APP, bindings_of, remapped, shown_key
from gpa_mlx_tui.features.mode_screen import ModeScreen, sentence_of
from gpa_mlx_tui.modes import MODES, Mode
from gpa_mlx_tui.services.choices import is_demo, model_name
from gpa_mlx_tui.services.kept_state import KeptState
from gpa_mlx_tui.services.logged_notes import logged_notes
from gpa_mlx_tui.services.messages import Noted
from gpa_mlx_tui.services.microphone import DictationDependencies, default_dependencies
from gpa_mlx_tui.services.service import OpenEngine, Service
from gpa_mlx_tui.themes import ASCII, THEMES, UNICODE, style_scrollbars
from gpa_mlx_tui.widgets.message_line import MessageLine, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from textual.binding import Binding, BindingType
    from textual.command import Provider
    from textual.dom import DOMNode
    from textual.filter import LineFilter
    from textual.screen import Screen

    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.errors import GPAError
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.messages import TaskEnded

ThemeName: TypeAlias = Literal["dark", "light"]

_HEADER_S = 0.5
_KEEP_S = 0.5
_SHOWN_S, _ERROR_SHOWN_S, _NOTICE_SHOWN_S = 5.0, 10.0, 20.0


def _commands() -> type[Provider]:
    """Return what the palette offers, when it is first opened."""
    from gpa_mlx_tui.app.palette import Commands

    return Commands


class GPAApp(App[None], inherit_bindings=False):
    """The terminal app.

    Args:
        open_engine: Opens a model; called on the engine's thread.
        model: Directory of the model to begin with.
        theme: Colours.
        ascii_only: Draw with ASCII characters.
        keys: The user's keys, by the ids of the table of keys.
        settings: Where the settings come from; None means the variables and the file, without options.
        output: Where sound is played; None means the system's default output.
        dictation: Microphone, history and words for dictation; None means those of this computer and no words.
        idle_unload_s: Free the weights after this many seconds without a call; None keeps them.
        mode: Id of the mode to begin with.
        prepared: Called, on a thread, when all modes are imported.
        kept: What the last run has left; None begins afresh and keeps nothing.
        notices: What the user is told at the start.
        ending: Called with the exit code when a signal asks for the end, before anything is done about it.

    Raises:
        SettingsError: A key cannot be used.
    """

    TITLE = "gpa-mlx"
    CSS_PATH = "gpa.tcss"
    COMMANDS: ClassVar[Any] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_of(APP))
    COMMAND_PALETTE_BINDING = ""
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        open_engine: OpenEngine,
        model: Path,
        *,
        theme: ThemeName = "dark",
        ascii_only: bool = False,
        keys: Mapping[str, str] | None = None,
        settings: SettingsSource | None = None,
        output: OutputDevice | None = None,
        dictation: DictationDependencies | None = None,
        idle_unload_s: float | None = None,
        mode: str = MODES[0].id,
        prepared: Callable[[], None] = lambda: None,
        kept: KeptState | None = None,
        notices: Sequence[str] = (),
        ending: Callable[[int], None] = lambda code: None,
    ) -> None:
        keys = dict(keys or {})
        self.keys = remapped(keys)
        self.symbols = ASCII if ascii_only else UNICODE
        # The first screen there is, instead of an empty one before it.
        self.DEFAULT_MODE = mode  # pyright: ignore[reportAttributeAccessIssue]
        self._harmless = HarmlessText()
        super().__init__()
        self.no_color = bool(os.environ.get("NO_COLOR"))  # which counts when it is not empty
        self.service = Service(open_engine, model, idle_unload_s=idle_unload_s)
        self.settings = settings or SettingsSource()
        self.kept = kept or KeptState()
        self._prepared = prepared
        self._first_theme = theme
        self._notices = tuple(notices)
        self._ending = ending
        self._keep_failed = False
        self._listening = ExitStack()
        self.previous_mode = ""
        self._looks: WeakKeyDictionary[Screen[Any], object] = WeakKeyDictionary()
        self._look_without_screens: object = None
        self.output = output
        self.dictation = dictation or default_dependencies()
        for one in THEMES.values():
            self.register_theme(one)
        self.theme = THEMES[theme].name
        self.set_class(ascii_only, "-ascii")
        self.set_keymap(keys)
        for place in MODES:
            self.add_mode(place.id, self.screen_maker(place))

    def screen_maker(self, mode: Mode) -> Callable[[], ModeScreen]:
        """Return what makes the screen of a mode when it is first shown."""

        def make() -> ModeScreen:
            screen = SCREENS[mode.id]()()
            # Textual's own way, `CSS_PATH` of the screen, parses all other styles again.
            self.stylesheet.add_source(mode.styles.read_text(encoding="utf-8"), read_from=(str(mode.styles), ""))
            self._looks[screen] = self._look  # a new screen gets today's styles as it is mounted
            return screen

        return make

    @property
    def model_name(self) -> str:
        """What people call the model."""
        return model_name(self.service.model)

    @property
    def is_demo(self) -> bool:
        """Whether this is the model that ships with the program."""
        return is_demo(self.service.model)

    # -- styles -------------------------------------------------------------------------------------------------------

    @property
    def _look(self) -> object:
        """What all styles depend on."""
        return self.theme, self.classes, self.ansi_theme_dark, self.ansi_theme_light

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what every drawn line goes through."""
        filters = [each for each in super().get_line_filters() if not isinstance(each, Monochrome)]
        if self.no_color:
            filters.append(Colourless(Color.parse(self.current_theme.background or "black")))
        return [*filters, self._harmless]

    def refresh_css(self, animate: bool = True) -> None:
        """Parse all styles and apply them anew, unless the screen that is shown was made or refreshed with the same.

        Textual asks for this at the start, because the theme is not its own default, and for each mode that is shown
        first: each time it would parse all styles, 0.1 s in which nothing moves.
        """
        look, screens = self._look, self.screen_stack
        if any(self._looks.get(screen) != look for screen in screens):
            super().refresh_css(animate)
            self._looks.update(dict.fromkeys(screens, look))
        elif self._look_without_screens != look:
            self.stylesheet.set_variables(self.get_css_variables())
            self.stylesheet.apply(self)
        self._look_without_screens = look

    def use_theme(self, name: str) -> None:
        """Change the colours: a key of `THEMES`, or `auto` for those of the start."""
        self.theme = THEMES[name if name in THEMES else self._first_theme].name

    def use_ascii(self, *, ascii_only: bool) -> None:
        """Draw with ASCII characters, or with all."""
        self.symbols = ASCII if ascii_only else UNICODE
        self.set_class(ascii_only, "-ascii")
        for screen in self.screen_stack:
            style_scrollbars(screen, ascii_only=ascii_only)
        self.refresh_header()
        self.refresh_css()
        self.refresh()

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Use other keys from now on; Help is laid out anew.

        Raises:
            SettingsError: A key cannot be used.
        """
        self.keys = remapped(keys)
        self.set_keymap(dict(keys))
        guide = next(mode for mode in MODES if mode.id == "help")
        if self.current_mode != guide.id:
            self.remove_mode(guide.id)
            self.add_mode(guide.id, self.screen_maker(guide))

    # -- what the user is told ----------------------------------------------------------------------------------------

    def show_error(self, error: GPAError) -> None:
        """Say what went wrong, and what to do."""
        self.notify(sentence_of(error), severity="error", timeout=_ERROR_SHOWN_S, markup=False)

    def show_message(self, message: str) -> None:
        """Say that something was done."""
        self.notify(message, markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Severity = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something in the line above the keys of the mode; Textual's own boxes would cover the text.

        Args:
            message: One sentence or two.
            title: Stands before it.
            severity: How bad it is.
            timeout: Seconds for which it is shown; None has the usual time.
            markup: Not looked at: a message is shown as it is.
        """
        words = f"{title}: {message}" if title else message
        for screen in self.screen_stack[:1]:
            for line in screen.query(MessageLine):
                line.say(words, severity, _SHOWN_S if timeout is None else timeout)

    def refresh_header(self) -> None:
        """Show how things are now."""
        for screen in self.screen_stack[:1]:  # none while a mode is being made
            if isinstance(screen, ModeScreen):
                screen.refresh_header()

    def copy(self, text: str) -> None:
        """Put text on the clipboard: with the system's own program, or through the terminal, over ssh too."""

        def body(task: BackgroundTask) -> None:
            from gpa_mlx.runtime.clipboard import clipboard_state, copy_text

            if clipboard_state().copy:
                copy_text(text)
            task.check()
            self.call_from_thread(self.show_message, "Copied.")

        super().copy_to_clipboard(text)  # the terminal's, and what Ctrl+V in a text pastes
        self.service.start("copy", self, body)

    def copy_to_clipboard(self, text: str) -> None:
        """Do what Copy does: a text field calls this for Ctrl+C and Ctrl+X, a selection on the screen does, too."""
        self.copy(text)

    def on_mount(self) -> None:
        """Get everything else ready once the first mode is painted."""
        self._take_signals()
        self._listening.enter_context(logged_notes(lambda words: self.post_message(Noted(words))))
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True, repaint=True))
        self.set_interval(_HEADER_S, self.refresh_header)
        self.set_interval(_KEEP_S, self._keep)
        self.call_after_refresh(self._prepare)
        self.call_after_refresh(self._tell_notices)

    def on_unmount(self) -> None:
        """Nobody is left to be told anything."""
        self._listening.close()

    def on_noted(self, message: Noted) -> None:
        """Say what the library noted about a file."""
        self.notify(message.words, severity="warning", timeout=_ERROR_SHOWN_S)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what went wrong."""
        if message.error is not None:
            self.show_error(message.error)

    # -- what keys do -------------------------------------------------------------------------------------------------

    async def action_go(self, mode: str) -> None:
        """Show a mode."""
        if not isinstance(self.screen, ModeScreen):
            return  # a dialogue must be answered first
        if mode != self.current_mode:
            self.previous_mode = self.current_mode
            await self.switch_mode(mode)
            self.refresh_header()

    def action_command_palette(self) -> None:
        """Find any command by its name."""
        if isinstance(self.screen, ModeScreen):
            from gpa_mlx_tui.app.palette import Palette

            self.push_screen(Palette())

    async def action_next_mode(self) -> None:
        """Show the mode to the right."""
        await self._turn(1)

    async def action_previous_mode(self) -> None:
        """Show the mode to the left."""
        await self._turn(-1)

    def action_cancel(self) -> None:
        """Stop what the mode is doing."""
        if isinstance(self.screen, ModeScreen):
            self.screen.cancel_tasks()

    def action_interrupt(self) -> None:
        """Stop what the mode is doing; show how to leave to who wanted that."""
        if isinstance(self.screen, ModeScreen) and not self.screen.cancel_tasks():
            row = next(row for row in self.keys if row.action == "quit")
            self.show_message(f"{shown_key(row.keys[0])} leaves.")

    async def action_quit(self) -> None:
        """Leave, after a question if something runs or is not saved; drafts, the queue and choices are kept."""
        from gpa_mlx_tui.widgets.dialogs import Confirm

        if isinstance(self.screen, Confirm):
            return  # a question must be answered first
        risks = [words for screen in self._shown_modes for words in screen.at_risk()]
        if problem := self._keep_now():
            risks.append(f"what you have typed ({problem})")
        if not risks:
            self.leave(0)
            return
        dash = "-" if self.symbols is ASCII else "\u2013"
        question = "\n".join(["Leave all the same? This would be lost:", *(f"{dash} {words}" for words in risks)])
        self.push_screen(
            Confirm(question, yes="Leave", no="Stay", destroys=True), lambda yes: self.leave(0) if yes else None
        )

    def leave(self, code: int) -> None:
        """Keep what is to be brought back, stop everything and end the app with an exit code."""
        self._keep_now()
        self.service.cancel_all()
        self.exit(return_code=code)

    def action_suspend(self) -> None:
        """Give the terminal back to the shell until the app is called to the foreground."""
        self.action_suspend_process()

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Nothing to say: the user's keys were checked before, and go before those of a text field."""

    async def _turn(self, step: int) -> None:
        names = [mode.id for mode in MODES]
        await self.action_go(names[(names.index(self.current_mode) + step) % len(names)])

    # -- what is kept -------------------------------------------------------------------------------------------------

    @property
    def _shown_modes(self) -> list[ModeScreen]:
        """The modes that were shown so far, in the order of the bar."""
        places = [mode.id for mode in MODES]
        shown = [screen for screen in self._looks if isinstance(screen, ModeScreen) and screen.is_brought_back]
        return sorted(shown, key=lambda screen: places.index(screen.mode))

    def _collect(self) -> None:
        for screen in self._shown_modes:
            with suppress(NoMatches):  # its widgets are gone already: the app ends
                self.kept.put(screen.mode, screen.keep())
        self.kept.put(APP, {"mode": self.current_mode})

    def _keep(self) -> None:
        """Write what has changed soon after it did, not on this thread: the disk may be slow."""
        self._collect()
        if self.kept.is_changed and not self.service.is_under_way("keep"):
            self.service.start("keep", self, self._write_kept)

    def _write_kept(self, task: BackgroundTask) -> None:
        try:
            self.kept.write()
        except OSError:
            if not self._keep_failed:
                self._keep_failed = True  # said once; leaving asks
                raise
        else:
            self._keep_failed = False

    def _keep_now(self) -> str:
        """Write what has changed; return why that does not work, or nothing."""
        self._collect()
        try:
            self.kept.write()
        except OSError as error:
            return error.strerror or str(error)
        return ""

    # -- at the start -------------------------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        """End as Quit does, without its question, when the system or the terminal asks for it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(ValueError, RuntimeError):  # not the main thread, as in tests: nothing to take
                loop.add_signal_handler(number, self._end_by_signal, number)
        for number, action in ((dictation_control.TOGGLE, "record"), (dictation_control.PAUSE, "pause")):
            with suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.call_later, self._dictate, action)

    async def _dictate(self, action: str) -> None:
        """Do what a desktop shortcut asks for, `gpa-mlx dictate --toggle`: whoever presses it speaks at once.

        A dialogue does not hinder it, and waits in its own mode, with what was typed into it.
        """
        if self.current_mode != "dictate":
            self.previous_mode = self.current_mode
            await self.switch_mode("dictate")
        # The mode's own action: `screen.` would be a dialogue on top of it.
        await self.run_action(action, self.screen_stack[0])
        self.refresh_header()

    def _end_by_signal(self, number: signal.Signals) -> None:
        self._ending(128 + number)
        self.leave(128 + number)

    def _tell_notices(self) -> None:
        for words in reversed(self._notices):  # the first one is the nearest to the keys, and the last to be cut
            self.notify(words, severity="warning", timeout=_NOTICE_SHOWN_S, markup=False)

    def _prepare(self) -> None:
        """Import what the other modes need while the user looks at the first one."""
        self.service.start("prepare", self, lambda task: self._import_ahead())

    def _import_ahead(self) -> None:
        from importlib import import_module

        from rich.cells import cell_len

        import_module("numpy")
        cell_len("\u6c49")  # imports a table with the first text that is not plain
        for import_screen in SCREENS.values():
            with suppress(ImportError):  # who goes to that mode will see it
                import_screen()
        self._prepared()
