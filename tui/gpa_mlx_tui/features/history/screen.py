"""History: what was dictated, to be searched, read, heard, recognised again, spoken and deleted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Input, Static, TextArea

from gpa_mlx.text.quantities import readable_duration
from gpa_mlx_tui.features.history.entry_table import EntryTable, state_words
from gpa_mlx_tui.features.history.jobs import (
    EntryRecognised,
    HistoryListed,
    TextChanged,
    delete_entries,
    list_history,
    recognise_entries,
)
from gpa_mlx_tui.features.history.keep_switch import KeepSwitch
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import Playback, play_pieces, read_samples
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Confirm
from gpa_mlx_tui.widgets.edits import replace_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from gpa_mlx.history import Entry
    from gpa_mlx_tui.services.background import BackgroundTask


class PlaybackStarted(TaskMessage):
    """A recording is about to be heard.

    Args:
        task: The task.
        playback: Plays it.
    """

    def __init__(self, task: BackgroundTask, playback: Playback) -> None:
        super().__init__(task)
        self.playback = playback


class HistoryScreen(ModeScreen):
    """Lists the dictations, the newest first."""

    mode = "history"
    first_focus: ClassVar[str] = "#entries"
    long_tasks: ClassVar[Mapping[str, str]] = {"retry": "a recording being recognised"}

    def __init__(self) -> None:
        super().__init__()
        self._total_bytes = 0
        self._progress = ""
        self._playback: Playback | None = None
        self._played = ""
        self._turn = threading.Lock()

    def compose_body(self) -> ComposeResult:
        """Lay out search, list, text and buttons."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield Input(placeholder="type words, a date or a state to search", id="search", compact=True)
                yield Static(id="total", classes="quiet", markup=False)
                yield KeepSwitch(id="keep_switch")
            yield EntryTable(id="entries")
            yield TextArea("", id="text", read_only=True, compact=True, soft_wrap=True)
            yield Static(id="facts", classes="quiet", markup=False)
            with Horizontal(classes="row"):
                yield Button("Play", id="play", action="screen.play", disabled=True)
                yield Button("Recognise", id="retry", action="screen.retry", variant="primary", disabled=True)
                yield Button("All waiting", id="retry_all", action="screen.retry_all")
                yield Button("Copy", id="copy", action="screen.copy")
                yield Button("Speak", id="speak", action="screen.speak", tooltip="Say the text in a voice.")
                yield Button("Delete", id="delete", action="screen.delete", disabled=True)

    def on_screen_resume(self) -> None:
        """Look what is there by now."""
        self._look_up()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_play(self) -> None:
        """Play, pause, or go on."""
        entry = self._chosen
        if entry is None:
            return
        if self.has_task("play") and self._playback is not None and self._played == entry.name:
            self._playback.toggle()
            self._show_state()
            return
        output, expected_s = self.gpa_app.output, entry.duration_s

        def body(task: BackgroundTask) -> None:
            samples = read_samples(entry.audio)
            task.check()
            playback = Playback(output, expected_s=expected_s)
            if playback.problem is not None:
                raise playback.problem
            task.post(PlaybackStarted(task, playback))
            play_pieces(task, playback, [samples])

        self._playback, self._played = None, entry.name
        self.start("play", body)
        self._show_state()

    def action_retry(self) -> None:
        """Recognise what is marked, or the chosen one, again."""
        self._recognise(self._table.selected)

    def action_retry_all(self) -> None:
        """Recognise everything that is not written down yet, the oldest first."""
        waiting = tuple(entry for entry in reversed(self.entries) if entry.waits)
        if not waiting:
            self.gpa_app.show_message("Everything is written down.")
        self._recognise(waiting)

    def action_find(self) -> None:
        """Search."""
        self.query_one("#search", Input).focus()

    def action_mark(self) -> None:
        """Mark the chosen recording, or no more."""
        self._table.mark_chosen()
        self._show_state()

    def action_mark_all(self) -> None:
        """Mark everything that is shown, or nothing."""
        self._table.mark_all()
        self._show_state()

    def action_copy(self) -> None:
        """Copy the text."""
        texts = [entry.text for entry in self._table.selected if entry.text]
        if not texts:
            self.gpa_app.show_message("There is no text to copy.")
            return
        self.gpa_app.copy(self.query_one("#text", TextArea).selected_text or "\n\n".join(texts))

    async def action_speak(self) -> None:
        """Take the text to the Speak mode."""
        text = "\n\n".join(entry.text for entry in self._table.selected if entry.text)
        if not text:
            self.gpa_app.show_message("There is no text to speak; Ctrl+R writes it down.")
            return
        await self.gpa_app.action_go("speak")
        screen = self.app.screen

        def put() -> None:
            area = screen.query_one("#text", TextArea)
            replace_text(area, text)
            area.focus()

        screen.call_after_refresh(put)

    def action_delete(self) -> None:
        """Delete, after a question."""
        entries = self._table.selected
        if not entries:
            return

        def answer(yes: bool | None) -> None:
            if yes:
                if self._played in [entry.name for entry in entries]:
                    self.cancel("play")
                dictation = self.gpa_app.dictation
                self.start("delete", lambda task: delete_entries(task, dictation, entries))

        duration_s = sum(entry.duration_s for entry in entries)
        words = f" ({readable_duration(duration_s)})" if duration_s else ""
        question = f"Delete the {len(entries)} marked recordings{words} and their texts?"
        if len(entries) == 1:
            question = f"Delete the recording of {entries[0].recorded_at:%Y-%m-%d %H:%M}{words} and its text?"
        self.app.push_screen(Confirm(question, yes="Delete", no="Keep", destroys=True), answer)

    def on_data_table_row_selected(self) -> None:
        """Play it."""
        self.action_play()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Show its text."""
        self._show_entry()
        self._show_state()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what has these words."""
        self._table.search(event.value)
        self._show_entry()
        self._show_state()

    def on_input_submitted(self) -> None:
        """Go to what was found."""
        self._table.focus()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_history_listed(self, message: HistoryListed) -> None:
        """Show what there is."""
        self._total_bytes = message.total_bytes
        self._table.take(message.entries)
        self.query_one(KeepSwitch).show(keeps=message.keeps)
        self._show_entry()
        self._show_state()

    def on_text_changed(self, message: TextChanged) -> None:
        """Show the text that is coming."""
        if self._chosen is not None and self._chosen.name == message.name:
            self.query_one("#text", TextArea).text = message.text

    def on_entry_recognised(self, message: EntryRecognised) -> None:
        """Show how far it is, and what is written down by now."""
        self._progress = f"{message.done} of {message.total} recognised" if message.total > 1 else ""
        self._look_up()

    def on_playback_started(self, message: PlaybackStarted) -> None:
        """Note what plays."""
        self._playback = message.playback
        self._show_state()

    def task_stopped(self, name: str) -> None:
        """Look again after a change."""
        if name == "play":
            self._playback, self._played = None, ""
        if name in ("retry", "delete"):
            self._progress = ""
            self._look_up()
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All dictations, the newest first."""
        return self._table.entries

    @property
    def _table(self) -> EntryTable:
        return self.query_one(EntryTable)

    @property
    def _chosen(self) -> Entry | None:
        return self._table.chosen_entry

    def _recognise(self, entries: tuple[Entry, ...]) -> None:
        if entries:
            service, dictation, turn = self.service, self.gpa_app.dictation, self._turn
            self.start("retry", lambda task: recognise_entries(task, service, dictation, entries, turn))
            self._show_state()

    def _look_up(self) -> None:
        dictation = self.gpa_app.dictation
        self.start("look", lambda task: list_history(task, dictation), silent=True)

    def _show_entry(self) -> None:
        entry = self._chosen
        area = self.query_one("#text", TextArea)
        text = "" if entry is None else entry.text
        if area.text != text and not self.has_task("retry"):
            area.text = text
        words = ""
        if entry is not None:
            dot = f" {self.gpa_app.symbols.dot} "
            facts = [state_words(entry), f"{readable_duration(entry.duration_s)} long", entry.device, entry.name]
            words = f"{dot.join(fact for fact in facts if fact)}\n{entry.error}".rstrip()
        self.query_one("#facts", Static).update(words)

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        entry = self._chosen
        symbols = self.gpa_app.symbols
        sounds = self._playback is not None and entry is not None and self._played == entry.name
        paused = self._playback is not None and self._playback.is_paused
        play = self.query_one("#play", Button)
        play.label = "Go on" if sounds and paused else "Pause" if sounds else "Play"
        retry = self.query_one("#retry", Button)
        retry.label = f"Listening{symbols.ellipsis}" if self.has_task("retry") else "Recognise"
        for button, is_off in (("play", False), ("retry", self.has_task("retry")), ("delete", False)):
            self.query_one(f"#{button}", Button).disabled = entry is None or is_off
        waiting = sum(entry.waits for entry in self.entries)
        self.query_one("#retry_all", Button).disabled = not waiting or self.has_task("retry")
        for button in ("copy", "speak"):
            self.query_one(f"#{button}", Button).disabled = not any(one.text for one in self._table.selected)
        self.query_one("#total", Static).update(self._progress or self._table.describe(self._total_bytes))
