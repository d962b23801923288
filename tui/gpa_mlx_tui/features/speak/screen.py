"""Speak: a text, a voice, and the speech as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea

from gpa_mlx.audio.files.output_endings import USUAL_ENDINGS
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.speak.form import SpeechForm
from gpa_mlx_tui.features.speak.jobs import (
    preview,
    read_text_file,
    save_speech,
    speech_files,
)
from gpa_mlx_tui.features.speak.messages import PassageRedone
from gpa_mlx_tui.features.speak.speech_panel import SpeechPanel
from gpa_mlx_tui.services.kept_state import Kept, kept_text
from gpa_mlx_tui.services.messages import Listed, Saved
from gpa_mlx_tui.services.sound import PlaybackOpened, SoundGrew
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import LONG_S, PathPicker, ask_before_losing
from gpa_mlx_tui.widgets.edits import replace_text
from gpa_mlx_tui.widgets.file_fields import TextEntry
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS, VoicePicker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.timer import Timer

    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx_tui.features.speak.messages import PreviewFound, SpeechMade

_DEMO_TEXT = "three two one go"
_PREVIEW_AFTER_S = 0.3
_TEXTS = (".txt", ".md", ".text", ".srt", ".rst")


class SpeakScreen(ModeScreen):
    """Says a text while it is made, and keeps it to be played again and saved."""

    mode = "speak"
    uses = "speak"
    first_focus: ClassVar[str] = "#text"
    long_tasks: ClassVar[Mapping[str, str]] = {"speak": "speech under way"}

    def __init__(self) -> None:
        super().__init__()
        self._progress = ProgressRow(id="progress")
        self._speech = SpeechPanel(self._progress, id="speech")
        self._preview_timer: Timer | None = None
        self._saved_job: SpeakJob | None = None
        self._saving_job: SpeakJob | None = None

    @property
    def job(self) -> SpeakJob | None:
        """What was said last; None until it has been planned."""
        return self._speech.job

    def keep(self) -> Kept:
        """Keep the text and the settings beside it."""
        return {"text": self.query_one("#text", TextArea).text, **self.query_one(SpeechForm).keep()}

    def bring_back(self, kept: Kept) -> None:
        """Set them as they were."""
        if text := kept_text(kept, "text"):
            self.query_one("#text", TextArea).text = text
        self.query_one(SpeechForm).bring_back(kept)

    def at_risk(self) -> list[str]:
        """Name speech that was not saved."""
        unsaved = self._speech.has_speech and self.job is not self._saved_job and not self.has_task("speak")
        return super().at_risk() + (["speech that is not saved"] if unsaved else [])

    def compose_body(self) -> ComposeResult:
        """Lay out text, settings, buttons, sound and passages."""
        with Vertical(classes="body"):
            yield TextEntry(
                _DEMO_TEXT if self.gpa_app.is_demo else "",
                id="text",
                compact=True,
                soft_wrap=True,
                placeholder="Write or paste what should be said.",
            )
            yield Static(id="spoken", classes="quiet", markup=False)
            yield SpeechForm(classes="row")
            with Horizontal(classes="row"):
                yield Button("Speak", id="speak", action="screen.speak", variant="primary")
                yield Button("Play", id="play", action="screen.play", disabled=True)
                yield Button("Stop", id="stop", action="app.cancel", disabled=True)
                yield Button("Redo", id="redo", action="screen.redo", disabled=True, tooltip="The chosen passage.")
                yield Button("Save", id="save", action="screen.save", disabled=True)
                yield self._progress
            yield self._speech

    def on_mount(self) -> None:
        """Let the text be replaced by typing."""
        self.query_one("#text", TextArea).select_all()
        self._show_state()

    def on_screen_resume(self) -> None:
        """Look up the voices: there may be another model, or new voices."""
        self.query_one(VoicePicker).look_up()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_speak(self) -> None:
        """Say the text, with what was typed just before."""
        self.query_one("#text", TextArea).call_later(self._speak)

    def action_play(self) -> None:
        """Pause, go on, or play again."""
        player = self._speech.player
        if player.is_sounding:
            player.toggle()
        elif not self.has_task("speak"):
            self._speech.play_from(0.0)
        self._show_state()

    def action_open(self) -> None:
        """Take the text from a file."""
        dialog = PathPicker("Take the text from", "open", Path.cwd(), suffixes=_TEXTS)
        self.app.push_screen(dialog, lambda path: None if path is None else self._open(path))

    def take_files(self, paths: Sequence[Path]) -> None:
        """Take a dropped recording as the voice, any other file as the text."""
        path = paths[0]
        if len(paths) > 1 or path.is_dir():
            self.gpa_app.show_message("Drop one file: a text to be spoken, or a recording of the voice.")
        elif path.suffix.lower() in (*RECORDINGS, ".voice"):
            self.query_one(VoicePicker).take_file(path)
        else:
            self._open(path)

    def action_voice(self) -> None:
        """Choose who speaks."""
        self.query_one(VoicePicker).look_up(then_open=True)

    def action_save(self) -> None:
        """Save what was said."""
        job = self.job
        if job is None or not self._speech.has_speech:
            self.gpa_app.show_message("There is no speech to save yet.")
            return

        def take(path: Path | None) -> None:
            if path is not None:
                self._saving_job = job
                self.start("save", lambda task: task.post(Saved(task, save_speech(job, path))))

        title = f"Save the speech as ({', '.join(USUAL_ENDINGS)}; subtitles beside)"
        self.app.push_screen(PathPicker(title, "save", Path.cwd() / "speech.wav", writes=speech_files), take)

    def on_text_area_changed(self) -> None:
        """Show how the text will be read, once it stops changing."""
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(_PREVIEW_AFTER_S, self._preview)

    def action_redo(self) -> None:
        """Say the highlighted passage again, another way."""
        if not self._speech.redo():
            self.gpa_app.show_message("Choose a passage of the list below, once all is spoken.")
        self._show_state()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Set the buttons right, or say that nothing sounds."""
        if message.task.name == "speak" and message.playback.problem is not None:
            words = f"{message.playback.problem.message} The speech is made all the same, and can be saved."
            self.gpa_app.show_message(words)
        self._show_state()

    @on(SoundGrew)
    @on(PassageRedone)
    def note_new_sound(self, message: SoundGrew | PassageRedone) -> None:
        """There is more to play, or other things to save."""
        if isinstance(message, PassageRedone):
            self._saved_job = self._saving_job = None
        self._show_state()

    def on_speech_made(self, _: SpeechMade) -> None:
        """Say that only the sound goes on."""
        self._show_state()
        self._speech.report_made()

    def on_preview_found(self, message: PreviewFound) -> None:
        """Show the words."""
        dot = self.gpa_app.symbols.dot
        words = f" {dot} ".join(message.spoken)
        read = "" if not message.spoken else "Read as written" if message.is_as_written else f"Read as: {words}"
        cannot = f"This model cannot say: {message.unknown}" if message.unknown else ""
        self.query_one("#spoken", Static).update(f" {dot} ".join(filter(None, (cannot, read))))

    def on_listed(self, message: Listed) -> None:
        """Take the text of a file."""
        if message.task.name == "open":
            replace_text(self.query_one("#text", TextArea), str(message.items[0]))

    def on_saved(self, _: Saved) -> None:
        """Note what is not lost any more."""
        self._saved_job = self._saving_job

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        self._speech.note_end(name)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _open(self, path: Path) -> None:
        self.start("open", lambda task: task.post(Listed(task, (read_text_file(path),))))

    def _speak(self) -> None:
        settings, problem = self.query_one(SpeechForm).read(self.query_one("#text", TextArea).text)
        if settings is None:
            self.gpa_app.show_message(problem)
            return

        def start() -> None:
            self._speech.speak(settings)
            self._show_state()

        is_long = self.job is not None and self.job.result.duration_s >= LONG_S
        ask_before_losing(self, self.at_risk() if is_long else [], start)

    def _preview(self) -> None:
        text = self.query_one("#text", TextArea).text
        model = self.gpa_app.service.model
        self.start("preview", lambda task: preview(task, text, model), silent=True)

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        sounding, paused = self._speech.player.is_sounding, self._speech.player.is_paused
        play_button = self.query_one("#play", Button)
        play_button.label = "Pause" if sounding and not paused else "Go on" if sounding else "Play"
        play_button.disabled = not (sounding or (self._speech.has_speech and not self.has_task("speak")))
        names = ("speak", "play", "redo")
        self.query_one("#stop", Button).disabled = not any(map(self.has_task, names))
        self.query_one("#redo", Button).disabled = not self._speech.has_speech or self.has_task("speak")
        self.query_one("#save", Button).disabled = not self._speech.has_speech
