"""What all modes have in common: the frame around them, their tasks, cancelling, and telling what went wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.events import ScreenResume, ScreenSuspend
from textual.screen import Screen

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.bindings import bindings_of
from gpa_mlx_tui.services.app_services import AppServices, app_services
from gpa_mlx_tui.services.kept_state import Kept
from gpa_mlx_tui.services.messages import Saved, TaskAdvice, TaskCancelled, TaskEnded
from gpa_mlx_tui.services.microphone import check_microphone
from gpa_mlx_tui.services.typed_paths import dropped_files
from gpa_mlx_tui.themes import ASCII, style_scrollbars
from gpa_mlx_tui.widgets.header import Header, ModeBar
from gpa_mlx_tui.widgets.key_bar import KeyBar
from gpa_mlx_tui.widgets.message_line import MessageLine
from gpa_mlx_tui.widgets.pane_size import note_pane_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Paste, Resize
    from textual.widget import Widget

    from gpa_mlx.types import Task
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.service import Service


_ADVICE_SHOWN_S = 15

RECORD = "record"
"""The task of every mode that records is called so."""


class ModeScreen(Screen[None]):
    """A mode. A subclass says `mode`, lays out `compose_body`, and has `action_<name>` for each of its keys.

    What takes time is started with `start` and answers with messages; `has_task` says whether it still goes on.
    Buttons have the actions of keys: `screen.<name>`.
    """

    mode: ClassVar[str]
    """Its id in the tables of modes and of keys."""
    uses: ClassVar[Task | None] = None
    """What the model will be asked for; it is loaded when the mode is first shown."""
    first_focus: ClassVar[str] = ""
    """Selector of the widget that has the focus at first."""
    long_tasks: ClassVar[Mapping[str, str]] = {}
    """The tasks, by name, that leaving the app would cut off, as the question about it calls them."""

    def __init_subclass__(cls) -> None:
        """Take the keys from the table."""
        bindings: list[BindingType] = list(bindings_of(cls.mode))
        cls.BINDINGS = bindings
        super().__init_subclass__()

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[str, BackgroundTask] = {}
        self._silent: set[str] = set()
        self._was_shown = self._is_shown = self._draws_ascii = False
        self.is_brought_back = False

    @property
    def gpa_app(self) -> AppServices:
        """The app."""
        return app_services(self)

    @property
    def service(self) -> Service:
        """The way to the model."""
        return self.gpa_app.service

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        yield Header()
        yield ModeBar(self.mode)
        yield from self.compose_body()
        yield MessageLine()
        yield KeyBar(self.mode)

    def compose_body(self) -> ComposeResult:
        """Lay out what is between the bar and the footer; nothing, where a mode does not say."""
        yield from ()

    # -- what is kept of the mode -------------------------------------------------------------------------------------

    def keep(self) -> Kept:
        """Return what shall be there again at the next start: values that JSON can hold."""
        return {}

    def bring_back(self, kept: Kept) -> None:
        """Take what `keep` has returned in the last run, or whatever the file has; called before the mode is used."""

    def at_risk(self) -> list[str]:
        """Return what would be lost if the app ended now, each as a few words."""
        return [words for name, words in self.long_tasks.items() if self.has_task(name)]

    # -- the frame ----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Bring back what was kept; load what the mode needs, once it is painted."""
        if kept := self.gpa_app.kept.of(self.mode):
            self.bring_back(kept)
        self.is_brought_back = True
        self._style_scrollbars()
        self.refresh_header()
        if self.first_focus:
            self.query_one(self.first_focus).focus()
        if self.uses is not None:
            self.call_after_refresh(self._load, self.uses)

    @on(ScreenResume)
    async def spare_repetitions(self, event: ScreenResume) -> None:
        """Spare Textual half of its work when the mode is first shown.

        It tells so twice, and gives all widgets their styles each time, which they have got when they were mounted.
        """
        if self._is_shown:
            event.prevent_default()
        elif not self._was_shown:
            event.refresh_styles = False
            await asyncio.sleep(0)  # the widgets have just been made: let others have a turn before they are painted
        self._was_shown = self._is_shown = True
        self._style_scrollbars()

    def on_resize(self, event: Resize) -> None:
        """Fit small panes."""
        note_pane_size(self, event.size)

    @on(ScreenSuspend)
    def note_absence(self) -> None:
        """Another screen takes the place of this one."""
        self._is_shown = False

    @on(Saved)
    def tell_what_was_written(self, message: Saved) -> None:
        """Say what was written."""
        self.gpa_app.show_message(f"Saved {' and '.join(message.files)}. {message.note}".rstrip())

    def on_paste(self, event: Paste) -> None:
        """Take files that are dropped anywhere on the screen."""
        if paths := dropped_files(event.text):
            event.stop()
            self.take_files(paths)

    def take_files(self, paths: Sequence[Path]) -> None:
        """Do with dropped files what this mode is for; each is there, and may be a folder."""
        self.gpa_app.show_message("Files can be dropped on Dictate, Speak, Voice, Convert and Files.")

    def refresh_header(self) -> None:
        """Show how things are now."""
        service = self.service
        for header in self.query(Header):  # none while the screen is being made
            recording = service.is_under_way(RECORD)
            header.show(self.gpa_app.model_name, service.state, service.memory_bytes(), is_recording=recording)

    def start(
        self,
        name: str,
        body: Callable[[BackgroundTask], None],
        *,
        silent: bool = False,
        owner: Widget | None = None,
    ) -> BackgroundTask:
        """Do something in the background; one of the same name that is under way is cancelled.

        Args:
            name: What it is.
            body: What to do; see `Service.start`.
            silent: It only looks something up: Escape does not cancel it.
            owner: The widget of this screen that gets the messages first; None: the screen.
        """
        if old := self._tasks.pop(name, None):
            old.cancel()
        (self._silent.add if silent else self._silent.discard)(name)
        task = self._tasks[name] = self.service.start(name, owner or self, body)
        return task

    def look_for_microphone(self, owner: Widget | None = None) -> None:
        """Find out whether there is a microphone now; `MicrophoneChecked` reports it, to `owner` as for `start`."""
        if self.has_task("microphone"):
            return
        dictation = self.gpa_app.dictation
        self.start("microphone", lambda task: check_microphone(task, dictation), silent=True, owner=owner)

    def may_record(self) -> bool:
        """Return whether the microphone is free, and say so if it is not: there is one recording at a time."""
        if self.service.is_under_way(RECORD) and not self.has_task(RECORD):
            self.gpa_app.show_message("Another mode is recording. Finish that recording first.")
            return False
        return True

    def has_task(self, name: str) -> bool:
        """Return whether something of this name is under way."""
        return name in self._tasks

    def cancel(self, name: str) -> bool:
        """End something at once, as far as the user can see; return whether it was under way."""
        task = self._tasks.pop(name, None)
        if task is None:
            return False
        task.cancel()
        self.task_stopped(name)
        return True

    def cancel_tasks(self) -> bool:
        """Cancel what the user is waiting for; return whether there was something."""
        names = [name for name in self._tasks if name not in self._silent]
        for name in names:
            self.cancel(name)
        return bool(names)

    def task_stopped(self, name: str) -> None:
        """Show that something was cancelled or has ended."""

    def on_task_ended(self, message: TaskEnded) -> None:
        """Note the end, and say what went wrong."""
        message.stop()
        name = message.task.name
        if self._tasks.get(name) is message.task:
            del self._tasks[name]
        if message.error is not None:
            self.gpa_app.show_error(message.error)
        self.task_stopped(name)

    def on_task_advice(self, message: TaskAdvice) -> None:
        """Say it."""
        message.stop()
        self.notify(message.words, severity="warning", timeout=_ADVICE_SHOWN_S, markup=False)

    def on_task_cancelled(self, message: TaskCancelled) -> None:
        """Do as Escape does when others cancelled what is under way: another model is used."""
        message.stop()
        name = message.task.name
        if self._tasks.get(name) is not message.task:
            return
        if name not in self._silent:
            self.cancel_tasks()
        self.cancel(name)

    def _load(self, use: Task) -> None:
        self.start("load", lambda task: self.service.engine.warm(use), silent=True)

    def _style_scrollbars(self) -> None:
        draws_ascii = self.gpa_app.symbols is ASCII
        if draws_ascii != self._draws_ascii:
            self._draws_ascii = draws_ascii
            style_scrollbars(self, ascii_only=draws_ascii)


def sentence_of(error: GPAError) -> str:
    """Return an error as one text."""
    return f"{error.message}\n{error.hint}".strip()
