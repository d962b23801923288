"""Speak: a text, a voice, and the speech as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, Static, TextArea

from gpa_mlx.audio.files.output_endings import USUAL_ENDINGS
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.speak.clock import SpeechClock
from gpa_mlx_tui.features.speak.form import SpeechForm
from gpa_mlx_tui.features.speak.jobs import (
    make_speech,
    preview,
    read_text_file,
    redo_passage,
    save_speech,
    speech_files,
)
from gpa_mlx_tui.features.speak.passage_list import PassageList
from gpa_mlx_tui.services.kept_state import Kept, kept_text
from gpa_mlx_tui.services.messages import Listed, Saved
from gpa_mlx_tui.services.player import PlayerState
from gpa_mlx_tui.services.sound import PlaybackOpened, SoundGrew, play
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.edits import replace_text
from gpa_mlx_tui.widgets.file_fields import TextEntry
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS, VoicePicker
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.timer import Timer

    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx_tui.features.speak.messages import (
        PassageAdvanced,
        PassageRedone,
        PreviewFound,
        SpeechMade,
        SpeechPlanned,
        WordsUnknown,
    )

_DEMO_TEXT = "three two one go"
_PREVIEW_AFTER_S = 0.3
_PLAYHEAD_S = 0.05
_TEXTS = (".txt", ".md", ".text", ".srt", ".rst")


class SpeakScreen(ModeScreen):
    """Says a text while it is made, and keeps it to be played again and saved.

    Attributes:
        job: What was said last; None until it has been planned.
    """

    mode = "speak"
    uses = "speak"
    first_focus: ClassVar[str] = "#text"
    long_tasks: ClassVar[Mapping[str, str]] = {"speak": "speech under way"}

    def __init__(self) -> None:
        super().__init__()
        self.job: SpeakJob | None = None
        self._player = PlayerState()
        self._clock = SpeechClock()
        self._preview_timer: Timer | None = None
        self._saved_job: SpeakJob | None = None

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
        unsaved = self._has_speech and self.job is not self._saved_job and not self.has_task("speak")
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
                yield Button("Stop", id="stop", action="screen.stop", disabled=True)
                yield Button("Redo", id="redo", action="screen.redo", disabled=True, tooltip="The chosen passage.")
                yield Button("Save", id="save", action="screen.save", disabled=True)
                yield ProgressRow(id="progress")
            yield Waveform(note="the speech will be drawn here", id="wave")
            yield PassageList(id="passages")

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)
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
        if self._player.is_sounding:
            self._player.toggle()
            self._show_state()
        elif not self.has_task("speak"):
            self._play_from(0.0)

    def action_stop(self) -> None:
        """Stop making and playing speech."""
        self.cancel_tasks()

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
        if job is None or not self._has_speech:
            self.gpa_app.show_message("There is no speech to save yet.")
            return

        def take(path: Path | None) -> None:
            if path is not None:
                self.start("save", lambda task: task.post(Saved(task, save_speech(job, path))))

        title = f"Save the speech as ({', '.join(USUAL_ENDINGS)}; subtitles beside)"
        self.app.push_screen(PathPicker(title, "save", Path.cwd() / "speech.wav", writes=speech_files), take)

    def on_text_area_changed(self) -> None:
        """Show how the text will be read, once it stops changing."""
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(_PREVIEW_AFTER_S, self._preview)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Play from this passage on."""
        if self.job is not None and not self.has_task("speak"):
            self._play_from(self.job.result.parts[event.option_index].start_s)

    def action_redo(self) -> None:
        """Say the highlighted passage again, another way."""
        job, number = self.job, self.query_one(PassageList).highlighted
        if job is None or number is None or self.has_task("speak"):
            self.gpa_app.show_message("Choose a passage of the list below, once all is spoken.")
            return
        self.cancel("play")
        self._report(f"passage {number + 1} again")
        self.start("redo", lambda task: redo_passage(task, job, number))
        self._show_state()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Note what plays, or say that nothing does."""
        self._player.open(message.task, message.playback)
        if message.task.name == "speak" and message.playback.problem is not None:
            words = f"{message.playback.problem.message} The speech is made all the same, and can be saved."
            self.gpa_app.show_message(words)
        self._show_state()

    def on_speech_planned(self, message: SpeechPlanned) -> None:
        """Note what is being made."""
        self.job = message.job

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw it."""
        self.query_one(Waveform).add(message.peaks)
        self._show_state()

    def on_passage_advanced(self, message: PassageAdvanced) -> None:
        """Say how far it is, and list the passage that is complete."""
        if message.passage is not None:
            self.query_one(PassageList).add(message.passage)
        count = message.count
        about = "" if count.is_exact else "about "
        left = self._clock.left(message.share)
        self._report(f"passage {message.number + 1} of {about}{count.number}{left}", message.share)

    def on_generation_began(self) -> None:
        """Start the clock."""
        self._clock.start()

    def on_passage_redone(self, message: PassageRedone) -> None:
        """Show and play it."""
        if self.job is not None:
            self.query_one(PassageList).show_all(self.job.result.parts, message.number)
            wave = self.query_one(Waveform)
            wave.clear()
            wave.add(message.peaks)
            self._play_from(message.passage.start_s)

    def on_words_unknown(self, message: WordsUnknown) -> None:
        """Say what will be missing."""
        self.gpa_app.show_message(f"This model cannot say: {message.words}. The rest is spoken without them.")

    def on_speech_made(self, _: SpeechMade) -> None:
        """Say that only the sound goes on."""
        self._show_state()
        self._report_made()

    def on_preview_found(self, message: PreviewFound) -> None:
        """Show the words."""
        dot = self.gpa_app.symbols.dot
        words = f" {dot} ".join(message.spoken)
        label = "" if not message.spoken else "Read as written" if message.is_as_written else f"Read as: {words}"
        self.query_one("#spoken", Static).update(label)

    def on_listed(self, message: Listed) -> None:
        """Take the text of a file."""
        if message.task.name == "open":
            replace_text(self.query_one("#text", TextArea), str(message.items[0]))

    def on_saved(self, message: Saved) -> None:
        """Say what was written."""
        self._saved_job = self.job
        self.gpa_app.show_message(f"Saved {' and '.join(message.files)}.")

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name in ("speak", "redo"):
            self._report_made()
        if name in ("speak", "play"):
            self._player.end()
            self.query_one(Waveform).move_to(None)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _has_speech(self) -> bool:
        return self.job is not None and self.job.result.has_audio

    def _open(self, path: Path) -> None:
        self.start("open", lambda task: task.post(Listed(task, (read_text_file(path),))))

    def _speak(self) -> None:
        settings, problem = self.query_one(SpeechForm).read(self.query_one("#text", TextArea).text)
        if settings is None:
            self.gpa_app.show_message(problem)
            return
        for name in ("speak", "play", "redo"):
            self.cancel(name)
        self.job = None
        self.query_one(Waveform).clear()
        self.query_one(PassageList).clear_options()
        self._report("loading the model" if self.service.state == "opening" else "beginning")
        engine, output = self.service.engine, self.gpa_app.output
        self._player.begin(self.start("speak", lambda task: make_speech(task, engine, settings, output)))
        self._show_state()

    def _play_from(self, start_s: float) -> None:
        job, output = self.job, self.gpa_app.output
        if job is None or not self._has_speech:
            self.gpa_app.show_message("There is nothing to play yet.")
            return
        self.cancel("play")
        self._player.begin(
            self.start("play", lambda task: play(task, job.result.pieces_from(start_s), output)), start_s
        )
        self._show_state()

    def _preview(self) -> None:
        text = self.query_one("#text", TextArea).text
        self.start("preview", lambda task: preview(task, text), silent=True)

    def _follow(self) -> None:
        if self._player.is_sounding:
            self.query_one(Waveform).move_to(self._player.position_s)

    def _report(self, words: str, share: float | None = None) -> None:
        self.query_one(ProgressRow).show(words, share)

    def _report_made(self) -> None:
        if self.job is None or not self._has_speech:
            self._report("")
            return
        result = self.job.result
        seed = "" if result.seed is None else f", seed {result.seed}"
        self._report(f"{result.duration_s:.1f} s{seed}")

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        sounding, paused = self._player.is_sounding, self._player.is_paused
        play_button = self.query_one("#play", Button)
        play_button.label = "Pause" if sounding and not paused else "Go on" if sounding else "Play"
        play_button.disabled = not (sounding or (self._has_speech and not self.has_task("speak")))
        names = ("speak", "play", "redo")
        self.query_one("#stop", Button).disabled = not any(map(self.has_task, names))
        self.query_one("#redo", Button).disabled = not self._has_speech or self.has_task("speak")
        self.query_one("#save", Button).disabled = not self._has_speech
