"""Dictate: speak, see the text come, correct it, take it along."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from gpa_mlx_tui.features.dictate.choices import ChoicesDialog, DictationChoices
from gpa_mlx_tui.features.dictate.jobs import DictationRun, transcribe_recording, unwritten
from gpa_mlx_tui.features.dictate.live_text import LiveText
from gpa_mlx_tui.features.dictate.messages import Dictated, TextTranscribed, TranscribedRecording
from gpa_mlx_tui.features.dictate.progress import FileProgress, RecordingProgress
from gpa_mlx_tui.features.dictate.text import DictatedText
from gpa_mlx_tui.features.dictate.words import WordsEditor, WordsRead, read_words, words_path, write_words
from gpa_mlx_tui.features.mode_screen import RECORD, ModeScreen
from gpa_mlx_tui.services.choices import ModelChoice, models
from gpa_mlx_tui.services.kept_state import Kept, kept_flag, kept_text
from gpa_mlx_tui.services.messages import Listed, Saved
from gpa_mlx_tui.services.microphone import MicrophoneChecked, with_words
from gpa_mlx_tui.services.sound import PEAK_S
from gpa_mlx_tui.services.standby import Standby
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.level_meter import LevelMeter
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from gpa_mlx.dictation import Finished
    from gpa_mlx_tui.services.background import BackgroundTask

_SHOWN_S = 10.0
_NOTE = "what the microphone hears will be drawn here"
_INVITATION = "What you say appears here, to be corrected, copied and saved."
_DEMO = " The demo model hears twenty words: say `three, two, one, go`."


class DictateScreen(ModeScreen):
    """Records, shows the text while it comes, and keeps it to be edited, copied and saved."""

    mode = "dictate"
    uses = "transcribe"
    first_focus: ClassVar[str] = "#text"
    long_tasks: ClassVar[Mapping[str, str]] = {
        RECORD: "the text of a recording (History keeps the recording)",
        "transcribe": "a recording being written down",
    }

    def __init__(self) -> None:
        super().__init__()
        self.last: TranscribedRecording | None = None
        self._choices = DictationChoices()
        self._standby = Standby()
        self._dictating: DictationRun | None = None
        self._microphone_turn = threading.Lock()
        self._recording = RecordingProgress()
        self._file = FileProgress("")
        self._microphone = ""
        self._problem = ""

    def keep(self) -> Kept:
        """Keep the text and the choices."""
        by_itself = self.query_one("#auto", Toggle).value
        return {"text": self._text.text, "stops_at_pause": by_itself, **self._choices.keep()}

    def bring_back(self, kept: Kept) -> None:
        """Set them as they were."""
        self._text.text = kept_text(kept, "text")
        self._text.move_cursor(self._text.document.end)
        self.query_one("#auto", Toggle).value = kept_flag(kept, "stops_at_pause")
        self._choices = DictationChoices.brought_back(kept)

    def compose_body(self) -> ComposeResult:
        """Lay out buttons, level, sound and text."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield Button("Record", id="record", action="screen.record", variant="primary")
                yield Button("Copy", id="copy", action="screen.copy")
                yield Button("Save", id="save", action="screen.save")
                yield Button("Again", id="again", action="screen.again", disabled=True)
                yield Button("Options", id="choices", action="screen.choices")
                yield Button("Words", id="words", action="screen.words", tooltip="Your own words and names.")
                yield Toggle("Until a pause", id="auto", tooltip="End the recording when nobody speaks any more.")
            yield Static(id="status", markup=False)
            yield LevelMeter(id="meter")
            yield Waveform(tail_s=_SHOWN_S, note=_NOTE, id="wave")
            yield LiveText(id="coming")
            invitation = _INVITATION + (_DEMO if self.gpa_app.is_demo else "")
            yield DictatedText(id="text", compact=True, soft_wrap=True, placeholder=invitation)

    def on_mount(self) -> None:
        """Show how things are, and what was left to do."""
        self._show_state()
        dictation = self.gpa_app.dictation

        def look(task: BackgroundTask) -> None:
            if count := unwritten(dictation):
                what = "A recording was" if count == 1 else f"{count} recordings were"
                words = f"{what} not written down yet: History, F7, has what was said."
                self.app.call_from_thread(self.gpa_app.show_message, words)

        self.start("unwritten", look, silent=True)

    def on_screen_resume(self) -> None:
        """Look for a microphone, once the screen is painted: there may be another one."""
        self.call_after_refresh(self._prepare_microphone)

    def on_screen_suspend(self) -> None:
        """Listen no more, unless a recording goes on."""
        if not isinstance(self.app.screen, DictateScreen):
            self._standby.release()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_record(self) -> None:
        """Start, or stop and see the text."""
        if self.has_task(RECORD):
            if self._recording.is_stopping:
                self.gpa_app.show_message("The last words are being written down. Escape leaves them for later.")
            elif self._dictating is not None:
                self._recording.is_stopping = True
                self._dictating.stop()
                self._show_state()
            return
        if not self.may_record():
            return
        self.cancel("transcribe")
        self.cancel("microphone")
        by_itself = self.query_one("#auto", Toggle).value
        app, turn = self.gpa_app, self._microphone_turn
        dictating = DictationRun(
            app.dictation, self.service, turn, self._standby, self._choices, ends_by_itself=by_itself
        )
        self._dictating, self._recording = dictating, RecordingProgress()
        self.query_one(Waveform).clear(_NOTE)
        self.start(RECORD, dictating.run)
        self._show_state()

    def action_pause(self) -> None:
        """Leave out what is said, or hear it again."""
        if self._dictating is None or self._recording.is_stopping:
            self.gpa_app.show_message("Nothing is being recorded.")
        else:
            self._dictating.pause()

    def action_choices(self) -> None:
        """Choose what is done with each text."""

        def take(choices: DictationChoices | None) -> None:
            if choices is not None:
                self._choices = choices
                self._show_state()

        self.app.push_screen(ChoicesDialog(self._choices), take)

    def action_words(self) -> None:
        """Edit the user's own words."""
        path = words_path(self.gpa_app.dictation.words_file)
        self.start("words", lambda task: read_words(task, path), silent=True)

    def action_open(self) -> None:
        """Write down a recording from a file."""
        from gpa_mlx_tui.widgets.dialogs import PathPicker
        from gpa_mlx_tui.widgets.voice_picker import RECORDINGS

        def take(path: Path | None) -> None:
            if path is not None:
                self.take_files([path])

        self.app.push_screen(PathPicker("Write down", "open", Path.cwd(), suffixes=RECORDINGS), take)

    def take_files(self, paths: Sequence[Path]) -> None:
        """Write down a recording that was dropped."""
        if len(paths) > 1 or paths[0].is_dir():
            self.gpa_app.show_message("One recording at a time is written down here; Files, F6, takes many.")
        elif self.has_task("record"):
            self.gpa_app.show_message("Finish the recording first, with Ctrl+R.")
        else:
            self._transcribe(TranscribedRecording(audio=paths[0]), self.service.model)

    def action_copy(self) -> None:
        """Copy the text."""
        if not self._text.text.strip():
            self.gpa_app.show_message("There is no text to copy yet.")
            return
        self.gpa_app.copy(self._text.text)

    def action_save(self) -> None:
        """Save the text."""
        if not self._text.text.strip():
            self.gpa_app.show_message("There is no text to save yet.")
            return
        from gpa_mlx_tui.widgets.dialogs import PathPicker

        def save(path: Path | None) -> None:
            if path is not None:
                text = f"{self._text.text.rstrip()}\n"
                self.start("save", lambda task: write(task, path, text))

        def write(task: BackgroundTask, path: Path, text: str) -> None:
            from gpa_mlx.store.files import write_atomically

            write_atomically(path, text)
            task.post(Saved(task, (path.name,)))

        self.app.push_screen(PathPicker("Save the text as", "save", Path.cwd() / "dictation.txt"), save)

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
        self._text.begin_anew()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Show which microphone there is, or why none."""
        self._microphone = message.name
        self._problem = "" if message.problem is None else str(message.problem)
        self._show_state()

    def on_dictated(self, message: Dictated) -> None:
        """Follow a dictation."""
        from gpa_mlx.dictation import Finished, Level, Listening, Notice, Partial, Stopped
        from gpa_mlx.dictation.sounds import play_tone

        event, elapsed_s = message.event, self._recording.elapsed_s
        self._recording.take(event)
        match event:
            case Level():
                peak = 10 ** (event.peak_db / 20)
                self.query_one(LevelMeter).show(peak)
                columns = round(event.elapsed_s / PEAK_S) - round(elapsed_s / PEAK_S)
                self.query_one(Waveform).add([peak] * columns)
            case Partial():
                self.query_one(LiveText).show(event.confirmed, event.unconfirmed)
            case Notice():
                self.notify(event.text, severity="warning", timeout=15, markup=False)
            case Listening() | Stopped():
                self.query_one(LevelMeter).show(None)
                if self._choices.sounds:
                    play_tone("start" if isinstance(event, Listening) else "stop", self.gpa_app.output)
            case Finished():
                self._finish(event)
            case _:
                pass
        self._show_state()

    def on_text_transcribed(self, message: TextTranscribed) -> None:
        """Show what a recording says."""
        if message.recording is None:
            self._file.text = message.text
            self._file.position_s, self._file.duration_s = message.position_s, message.duration_s
            self.query_one(LiveText).show(message.text)
            self._show_state()
            return
        again = message.recording == self.last
        self.last, self._file.text = message.recording, ""
        self._deliver(message.text, replaces=again)

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

    def on_words_read(self, message: WordsRead) -> None:
        """Let the user edit the words; they hold from the next recording on."""

        def take(text: str | None) -> None:
            if text is not None and text != message.text:
                app = self.gpa_app
                app.dictation = with_words(app.dictation, message.path)
                self.start("save", lambda task: write_words(task, message.path, text))

        self.app.push_screen(WordsEditor(message.path, message.text), take)

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right; a file that was not written down to its end leaves what there is."""
        if name == RECORD:
            self._dictating = None
            self.query_one(LevelMeter).show(None)
            self._prepare_microphone()
        if name == "transcribe" and self._file.text:
            text, self._file.text = self._file.text, ""
            self._text.take(text)
            self.gpa_app.show_message("Stopped. The text so far is kept.")
        if name in (RECORD, "transcribe"):
            self.query_one(LiveText).show("")
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _text(self) -> DictatedText:
        return self.query_one(DictatedText)

    def _prepare_microphone(self) -> None:
        """Listen ahead, or only look whether there is a microphone."""
        dictation = self.gpa_app.dictation
        if self.has_task(RECORD):
            return
        if dictation.listens_ahead and self.is_current and not self.service.is_under_way(RECORD):
            self.start("microphone", lambda task: self._standby.open(task, dictation), silent=True)
        else:
            self.look_for_microphone()

    def _finish(self, event: Finished) -> None:
        self.last = TranscribedRecording(audio=event.entry.audio, entry=event.entry)
        if event.interruption is not None:
            self.gpa_app.show_error(event.interruption)
        if event.text:
            self._deliver(event.text)
        else:
            self.gpa_app.show_message("No words were heard. The recording is in the history.")

    def _deliver(self, text: str, *, replaces: bool = False) -> None:
        """Put a result into the text, and wherever else it is wanted."""
        self._text.take(text, replaces=replaces)
        choices = self._choices
        if choices.copies and text:
            self.gpa_app.copy(text)
        if choices.append_to and text:
            from gpa_mlx.store.text_output import append_text

            self.start("append", lambda task: append_text(Path(choices.append_to), text))

    def _transcribe(self, recording: TranscribedRecording, model: Path) -> None:
        service, dictation, choices = self.service, self.gpa_app.dictation, self._choices
        self.cancel("transcribe")
        self._file = FileProgress(recording.audio.name if recording.entry is None else "the recording")
        self.start("transcribe", lambda task: transcribe_recording(task, service, dictation, recording, model, choices))
        self._show_state()

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        symbols, recording = self.gpa_app.symbols, self.has_task(RECORD)
        if recording:
            words = self._recording.words(symbols)
        elif self.has_task("transcribe"):
            words = self._file.words(symbols)
        elif self._problem:
            words = f"{symbols.doubtful} {self._problem}"
        else:
            chosen = f" {symbols.dot} {self._choices.summary}" if self._choices.summary else ""
            words = f"{symbols.idle} Ready: {self._microphone or 'looking for a microphone'}{chosen}"
        self.query_one("#status", Static).update(words)
        record = self.query_one("#record", Button)
        record.label = "Finish" if recording else "Record"
        record.disabled = recording and self._recording.is_stopping
        self.query_one("#again", Button).disabled = self.last is None or recording
