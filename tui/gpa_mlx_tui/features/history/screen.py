"""History: what was dictated, to be read, heard, recognised again, spoken and deleted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static, TextArea

from gpa_mlx.text.quantities import readable_duration, readable_size
from gpa_mlx_tui.features.history.jobs import HistoryListed, TextChanged, delete_entry, list_history, recognise_entry
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.services.sound import Playback, play_pieces, read_samples
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Confirm
from gpa_mlx_tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from gpa_mlx.history import Entry
    from gpa_mlx_tui.services.background import BackgroundTask

_COLUMNS = (Column("", 1), Column("When", 16), Column("Length", 7), Column("Text or problem"))
_NOTE = """\
Nothing was dictated yet. What you dictate, F2, is kept here
with its sound, so that nothing is lost."""


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
        self.entries: tuple[Entry, ...] = ()
        self._total_bytes = 0
        self._playback: Playback | None = None
        self._played = ""
        self._turn = threading.Lock()

    def compose_body(self) -> ComposeResult:
        """Lay out list, text and buttons."""
        with Vertical(classes="body"):
            yield Rows(_COLUMNS, note=_NOTE, id="entries")
            yield TextArea("", id="text", read_only=True, compact=True, soft_wrap=True)
            yield Static(id="facts", classes="quiet", markup=False)
            with Horizontal(classes="row"):
                yield Button("Play", id="play", action="screen.play")
                yield Button("Recognise", id="retry", action="screen.retry", variant="primary")
                yield Button("Copy", id="copy", action="screen.copy")
                yield Button("Speak", id="speak", action="screen.speak", tooltip="Say the text in a voice.")
                yield Button("Delete", id="delete", action="screen.delete")
                yield Static(id="total", classes="quiet", markup=False)

    def on_mount(self) -> None:
        """Set the buttons right."""
        self._show_state()

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
        """Recognise again."""
        entry = self._chosen
        if entry is None:
            return
        service, dictation, turn = self.service, self.gpa_app.dictation, self._turn
        self.start("retry", lambda task: recognise_entry(task, service, dictation, entry, turn))
        self._show_state()

    def action_copy(self) -> None:
        """Copy the text."""
        if self._chosen is None or not self._chosen.text:
            self.gpa_app.show_message("There is no text to copy.")
            return
        self.gpa_app.copy(self.query_one("#text", TextArea).selected_text or self._chosen.text)

    async def action_speak(self) -> None:
        """Take the text to the Speak mode."""
        entry = self._chosen
        if entry is None or not entry.text:
            self.gpa_app.show_message("There is no text to speak; Ctrl+R writes it down.")
            return
        text = entry.text
        await self.gpa_app.action_go("speak")
        screen = self.app.screen

        def put() -> None:
            area = screen.query_one("#text", TextArea)
            area.text = text
            area.focus()

        screen.call_after_refresh(put)

    def action_delete(self) -> None:
        """Delete, after a question."""
        entry = self._chosen
        if entry is None:
            return

        def answer(yes: bool | None) -> None:
            if yes:
                if self._played == entry.name:
                    self.cancel("play")
                dictation = self.gpa_app.dictation
                self.start("delete", lambda task: delete_entry(task, dictation, entry))

        words = f" ({readable_duration(entry.duration_s)})" if entry.duration_s else ""
        question = f"Delete the recording of {entry.recorded_at:%Y-%m-%d %H:%M}{words} and its text?"
        self.app.push_screen(Confirm(question, yes="Delete", no="Keep", destroys=True), answer)

    def on_data_table_row_selected(self) -> None:
        """Play it."""
        self.action_play()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Show its text."""
        self._show_entry()
        self._show_state()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_history_listed(self, message: HistoryListed) -> None:
        """Show what there is."""
        self.entries, self._total_bytes = message.entries, message.total_bytes
        self._show_rows()
        self._show_entry()
        self._show_state()

    def on_text_changed(self, message: TextChanged) -> None:
        """Show the text that is coming."""
        if self._chosen is not None and self._chosen.name == message.name:
            self.query_one("#text", TextArea).text = message.text

    def on_playback_started(self, message: PlaybackStarted) -> None:
        """Note what plays."""
        self._playback = message.playback
        self._show_state()

    def task_stopped(self, name: str) -> None:
        """Look again after a change."""
        if name == "play":
            self._playback, self._played = None, ""
        if name in ("retry", "delete"):
            self._look_up()
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> Entry | None:
        key = self.query_one(Rows).chosen
        return next((entry for entry in self.entries if entry.name == key), None)

    def _look_up(self) -> None:
        dictation = self.gpa_app.dictation
        self.start("look", lambda task: list_history(task, dictation), silent=True)

    def _show_rows(self) -> None:
        symbols = self.gpa_app.symbols
        signs = {
            "recording": symbols.recording,
            "recorded": symbols.idle,
            "recognised": symbols.done,
            "failed": symbols.failed,
        }
        rows = []
        for entry in self.entries:
            sign = symbols.busy if entry.in_use else signs[entry.state]
            text = entry.text or entry.error or ("in use" if entry.in_use else f"({entry.state})")
            when = f"{entry.recorded_at:%Y-%m-%d %H:%M}"
            rows.append((entry.name, (sign, when, readable_duration(entry.duration_s), text)))
        self.query_one(Rows).show(rows)

    def _show_entry(self) -> None:
        entry = self._chosen
        area = self.query_one("#text", TextArea)
        text = "" if entry is None else entry.text
        if area.text != text and not self.has_task("retry"):
            area.text = text
        words = ""
        if entry is not None:
            dot = f" {self.gpa_app.symbols.dot} "
            state = "in use" if entry.in_use else entry.state
            facts = [state, f"{readable_duration(entry.duration_s)} long", entry.device, entry.name]
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
        for button in ("copy", "speak"):
            self.query_one(f"#{button}", Button).disabled = entry is None or not entry.text
        count = len(self.entries)
        plural = "" if count == 1 else "s"
        total = f"{count} recording{plural}, {readable_size(self._total_bytes)}"
        self.query_one("#total", Static).update(total if count else "")
