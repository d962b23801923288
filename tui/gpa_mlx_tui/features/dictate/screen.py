"""Dictate: speak, see the text come, correct it, take it along."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from gpa_mlx_tui.features.dictate.jobs import DictationRun, transcribe_recording
from gpa_mlx_tui.features.dictate.messages import Dictated, TextTranscribed, TranscribedRecording
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.choices import ModelChoice, models
from gpa_mlx_tui.services.messages import Listed, Saved
from gpa_mlx_tui.services.microphone import MicrophoneChecked
from gpa_mlx_tui.services.sound import PEAK_S
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.file_fields import TextEntry
from gpa_mlx_tui.widgets.level_meter import LevelMeter
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from gpa_mlx.dictation import Event, Finished, Level
    from gpa_mlx_tui.services.background import BackgroundTask

_SHOWN_S = 10.0
_NOTE = "what the microphone hears will be drawn here"


class DictateScreen(ModeScreen):
    """Records, shows the text while it comes, and keeps it to be edited, copied and saved."""

    mode = "dictate"
    uses = "transcribe"
    first_focus: ClassVar[str] = "#text"

    def __init__(self) -> None:
        super().__init__()
        self.last: TranscribedRecording | None = None
        self._dictating: DictationRun | None = None
        self._microphone_turn = threading.Lock()
        self._elapsed_s = 0.0
        self._last_text = ""
        self._is_stopping = False
        self._microphone = ""
        self._problem = ""

    def compose_body(self) -> ComposeResult:
        """Lay out buttons, level, sound and text."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield Button("Record", id="record", action="screen.record", variant="primary")
                yield Button("Copy", id="copy", action="screen.copy")
                yield Button("Save", id="save", action="screen.save")
                yield Button("Again", id="again", action="screen.again", disabled=True)
                yield Toggle("Stop at a pause", id="auto", tooltip="End the recording when nobody speaks any more.")
            yield Static(id="status", markup=False)
            yield LevelMeter(id="meter")
            yield Waveform(tail_s=_SHOWN_S, note=_NOTE, id="wave")
            yield Static(id="live")
            yield TextEntry(id="text", compact=True, soft_wrap=True, placeholder=self._invitation())

    def on_mount(self) -> None:
        """Show how things are."""
        self._show_state()

    def on_screen_resume(self) -> None:
        """Look for a microphone, once the screen is painted: there may be another one."""
        self.call_after_refresh(self.look_for_microphone)

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_record(self) -> None:
        """Start, or stop and see the text."""
        if self.has_task("record"):
            if self._dictating is not None and not self._is_stopping:
                self._is_stopping = True
                self._dictating.stop()
                self._show_state()
            return
        self.cancel("transcribe")
        by_itself = self.query_one("#auto", Toggle).value
        dictating = DictationRun(self.gpa_app.dictation, self.service, self._microphone_turn, ends_by_itself=by_itself)
        self._dictating, self._is_stopping, self._elapsed_s = dictating, False, 0.0
        self.query_one(Waveform).clear(_NOTE)
        self.start("record", dictating.run)
        self._show_state()

    def action_open(self) -> None:
        """Write down a recording from a file."""
        from gpa_mlx_tui.widgets.dialogs import PathPicker
        from gpa_mlx_tui.widgets.voice_picker import RECORDINGS

        self.app.push_screen(PathPicker("Write down", "open", Path.cwd(), suffixes=RECORDINGS), self._open)

    def take_files(self, paths: Sequence[Path]) -> None:
        """Write down a recording that was dropped."""
        if len(paths) > 1 or paths[0].is_dir():
            self.gpa_app.show_message("One recording at a time is written down here; Files, F6, takes many.")
        elif self.has_task("record"):
            self.gpa_app.show_message("Finish the recording first, with Ctrl+R.")
        else:
            self._open(paths[0])

    def action_copy(self) -> None:
        """Copy the text."""
        text = self.query_one("#text", TextArea).text
        if not text.strip():
            self.gpa_app.show_message("There is no text to copy yet.")
            return
        self.gpa_app.copy(text)

    def action_save(self) -> None:
        """Save the text."""
        if not self.query_one("#text", TextArea).text.strip():
            self.gpa_app.show_message("There is no text to save yet.")
            return
        from gpa_mlx_tui.widgets.dialogs import PathPicker

        self.app.push_screen(PathPicker("Save the text as", "save", Path.cwd() / "dictation.txt"), self._save)

    def action_again(self) -> None:
        """Choose a model for the same recording."""
        if self.last is None:
            self.gpa_app.show_message("Record or open something first.")
            return
        if not self.last.audio.exists():
            self.gpa_app.show_message("The recording was not kept: History, F7, has a switch for that.")
            return
        current = self.service.model
        self.start("models", lambda task: task.post(Listed(task, models(current))), silent=True)

    def action_clear(self) -> None:
        """Begin a new text; Ctrl+Z in the text takes it back."""
        self.query_one("#text", TextArea).clear()
        self._last_text = ""

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Show which microphone there is, or why none."""
        self._microphone = message.name
        self._problem = "" if message.problem is None else str(message.problem)
        self._show_state()

    def on_dictated(self, message: Dictated) -> None:
        """Follow a dictation."""
        self._follow(message.event)

    def on_text_transcribed(self, message: TextTranscribed) -> None:
        """Show what a recording says."""
        if message.recording is None:
            self._show_live(message.text, "")
            return
        again = message.recording == self.last
        self.last = message.recording
        self._take(message.text, replaces=again)

    def on_listed(self, message: Listed) -> None:
        """Let the user choose a model."""
        from gpa_mlx_tui.widgets.dialogs import Choose

        found = [item for item in message.items if isinstance(item, ModelChoice)]
        about = [str(choice.path.parent) for choice in found]
        about[0] = "the one that is used now"

        def choose(index: int | None) -> None:
            if index is not None and self.last is not None:
                self._transcribe(self.last, found[index].path)

        self.app.push_screen(Choose("Hear it again with", [choice.name for choice in found], about), choose)

    def on_saved(self, message: Saved) -> None:
        """Say what was written."""
        self.gpa_app.show_message(f"Saved {' and '.join(message.files)}.")

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name == "record":
            self._dictating, self._is_stopping = None, False
            self.query_one(LevelMeter).show(None)
            self.look_for_microphone()
        if name in ("record", "transcribe"):
            self._show_live("", "")
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _invitation(self) -> str:
        text = "What you say appears here, to be corrected, copied and saved."
        if self.gpa_app.is_demo:
            text += " The demo model hears twenty words: say `three, two, one, go`."
        return text

    def _follow(self, event: Event) -> None:
        from gpa_mlx.dictation import Finished, Level, NoInput, Partial, Stopped

        if isinstance(event, Level):
            self._show_level(event)
        elif isinstance(event, Partial):
            self._show_live(event.confirmed, event.unconfirmed)
        elif isinstance(event, NoInput):
            self.notify(event.advice, title="No sound", severity="warning", timeout=10, markup=False)
        elif isinstance(event, Stopped):
            self._is_stopping = True
            self.query_one(LevelMeter).show(None)
            self._show_state()
        elif isinstance(event, Finished):
            self._finish(event)

    def _show_level(self, level: Level) -> None:
        peak = 10 ** (level.peak_db / 20)
        peaks = round(level.elapsed_s / PEAK_S) - round(self._elapsed_s / PEAK_S)
        self._elapsed_s = level.elapsed_s
        self.query_one(LevelMeter).show(peak)
        self.query_one(Waveform).add([peak] * peaks)
        self._show_state()

    def _finish(self, event: Finished) -> None:
        self.last = TranscribedRecording(audio=event.entry.audio, entry=event.entry)
        if event.interruption is not None:
            self.gpa_app.show_error(event.interruption)
        if event.text:
            self._take(event.text, replaces=False)
        else:
            self.gpa_app.show_message("No words were heard. The recording is in the history.")

    def _take(self, text: str, *, replaces: bool) -> None:
        """Put a result behind the text, or in the place of the last one if that is still there."""
        area = self.query_one("#text", TextArea)
        if replaces and self._last_text and area.text.endswith(self._last_text):
            kept = area.text[: -len(self._last_text)]
            area.text = kept + text
        else:
            area.insert(f"\n{text}" if area.text and not area.text.endswith("\n") else text, area.document.end)
        area.move_cursor(area.document.end)
        self._last_text = text

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self._transcribe(TranscribedRecording(audio=path), self.service.model)

    def _transcribe(self, recording: TranscribedRecording, model: Path) -> None:
        service, dictation = self.service, self.gpa_app.dictation
        self.start("transcribe", lambda task: transcribe_recording(task, service, dictation, recording, model))
        self._show_state()

    def _save(self, path: Path | None) -> None:
        if path is None:
            return
        text = self.query_one("#text", TextArea).text

        def write(task: BackgroundTask) -> None:
            from gpa_mlx.store.files import write_atomically

            write_atomically(path, f"{text.rstrip()}\n")
            task.post(Saved(task, (path.name,)))

        self.start("save", write)

    def _show_live(self, confirmed: str, unconfirmed: str) -> None:
        guess = f" {unconfirmed}{self.gpa_app.symbols.ellipsis}" if unconfirmed else ""
        self.query_one("#live", Static).update(
            Content.from_markup("$confirmed[italic dim]$guess[/]", confirmed=confirmed, guess=guess)
        )

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        symbols = self.gpa_app.symbols
        recording = self.has_task("record")
        if recording and not self._is_stopping:
            minutes, seconds = divmod(int(self._elapsed_s), 60)
            words = f"{symbols.recording} Recording {minutes}:{seconds:02}. Ctrl+R ends it, Esc drops the text."
        elif recording:
            words = f"{symbols.busy} Writing it down{symbols.ellipsis} Esc drops the text."
        elif self.has_task("transcribe"):
            words = f"{symbols.busy} Hearing the recording{symbols.ellipsis} Esc stops."
        elif self._problem:
            words = f"{symbols.doubtful} {self._problem}"
        else:
            words = f"{symbols.idle} Ready: {self._microphone or 'looking for a microphone'}"
        self.query_one("#status", Static).update(words)
        record = self.query_one("#record", Button)
        record.label = "Finish" if recording else "Record"
        record.disabled = recording and self._is_stopping
        self.query_one("#again", Button).disabled = self.last is None or recording
