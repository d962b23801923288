"""Speak: a text, a voice, and the speech as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.speak.jobs import (
    MadeSpeech,
    PreviewFound,
    SpeechGrew,
    SpeechMade,
    SpeechRequest,
    make_speech,
    preview,
    read_text_file,
    save_speech,
    speech_files,
)
from gpa_mlx_tui.services.messages import Listed, Saved
from gpa_mlx_tui.services.sound import SoundOpened, play
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import VoicePicker
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from gpa_mlx.synthesis.long_form import SpokenPassage
    from gpa_mlx_tui.services.sound import Playback

_DEMO_TEXT = "three two one go"
_PREVIEW_AFTER_S = 0.3
_PLAYHEAD_S = 0.05
_MOST_SEED = 2**32 - 1
_TEXTS = (".txt", ".md", ".text", ".srt", ".rst")


class SpeakScreen(ModeScreen):
    """Says a text while it is made, and keeps it to be played again and saved."""

    mode = "speak"
    uses = "speak"
    first_focus: ClassVar[str] = "#text"

    def __init__(self) -> None:
        super().__init__()
        self.made: MadeSpeech | None = None
        self._playback: Playback | None = None
        self._played_from_s = 0.0
        self._preview_timer: Timer | None = None

    def compose_body(self) -> ComposeResult:
        """Lay out text, settings, buttons, sound and passages."""
        with Vertical(classes="body"):
            yield TextArea(
                _DEMO_TEXT if self.gpa.is_demo else "",
                id="text",
                compact=True,
                soft_wrap=True,
                placeholder="Write or paste what should be said.",
            )
            yield Static(id="spoken", classes="quiet", markup=False)
            with Horizontal(classes="row"):
                yield Static("Voice", classes="label")
                yield VoicePicker(id="voice")
                yield Static("Temperature", classes="label")
                yield Input(placeholder="0.2", type="number", id="temperature", compact=True)
                yield Static("Seed", classes="label")
                yield Input(placeholder="any", type="integer", id="seed", compact=True)
                yield Toggle("Verify", id="verify", tooltip="Listen to every passage; play it after.")
            with Horizontal(classes="row"):
                yield Button("Speak", id="speak", variant="primary")
                yield Button("Play", id="play", disabled=True)
                yield Button("Stop", id="stop", disabled=True)
                yield Button("Save", id="save", disabled=True)
                yield ProgressRow(id="progress")
            yield Waveform(note="the speech will be drawn here", id="wave")
            yield OptionList(id="passages", compact=True, markup=False)

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
        if self._is_sounding and self._playback is not None:
            self._playback.toggle()
            self._show_state()
        elif not self.working("speak"):
            self._play_from(0.0)

    def action_open(self) -> None:
        """Take the text from a file."""
        self.app.push_screen(PathPicker("Take the text from", "open", Path.cwd(), suffixes=_TEXTS), self._open)

    def action_voice(self) -> None:
        """Choose who speaks."""
        self.query_one(VoicePicker).look_up(then_open=True)

    def action_save(self) -> None:
        """Save what was said."""
        if self.made is None or not self.made.pieces:
            self.gpa.tell("There is no speech to save yet.")
            return
        title = "Save the speech as (.wav; subtitles go beside it)"
        dialog = PathPicker(title, "save", Path.cwd() / "speech.wav", writes=speech_files)
        self.app.push_screen(dialog, self._save)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        actions = {"speak": self.action_speak, "play": self.action_play, "save": self.action_save}
        if event.button.id == "stop":
            self.cancel_works()
        elif event.button.id in actions:
            actions[event.button.id]()

    def on_text_area_changed(self) -> None:
        """Show how the text will be read, once it stops changing."""
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(_PREVIEW_AFTER_S, self._preview)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Play from this passage on."""
        if self.made is not None and not self.working("speak"):
            self._play_from(self.made.passages[event.option_index].start_s)

    # -- what works tell ----------------------------------------------------------------------------------------------

    def on_sound_opened(self, message: SoundOpened) -> None:
        """Note what plays, or say that nothing does."""
        self._playback = message.playback
        if message.work.name == "speak" and message.playback.problem is not None:
            self.gpa.tell(f"{message.playback.problem.message} The speech is made all the same, and can be saved.")
        self._show_state()

    def on_speech_grew(self, message: SpeechGrew) -> None:
        """Draw it, and list the passage that is complete."""
        self.query_one(Waveform).add(message.peaks)
        if message.passage is not None:
            self.query_one("#passages", OptionList).add_option(Option(self._line(message.passage)))
        done = message.number + (message.passage is not None)
        number = min(message.number + 1, message.total)
        self._report(f"passage {number} of {message.total}", done / message.total)
        self._show_state()

    def on_speech_made(self, _: SpeechMade) -> None:
        """Say that only the sound goes on."""
        self._show_state()
        self._report_made()

    def on_preview_found(self, message: PreviewFound) -> None:
        """Show the words."""
        dot = self.gpa.symbols.dot
        words = f" {dot} ".join(message.spoken)
        label = "" if not message.spoken else "Read as written" if message.is_as_written else f"Read as: {words}"
        self.query_one("#spoken", Static).update(label)

    def on_listed(self, message: Listed) -> None:
        """Take the text of a file."""
        if message.work.name == "open":
            self.query_one("#text", TextArea).text = str(message.items[0])

    def on_saved(self, message: Saved) -> None:
        """Say what was written."""
        self.gpa.tell(f"Saved {' and '.join(message.files)}.")

    def work_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name in ("speak", "play"):
            if name == "speak":
                self._report_made()
            self.query_one(Waveform).move_to(None)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _is_sounding(self) -> bool:
        """Whether something plays, or is paused."""
        playing = self.working("play") or self.working("speak")
        return playing and self._playback is not None and self._playback.problem is None

    def _speak(self) -> None:
        request = self._request()
        if request is None:
            return
        for name in ("speak", "play"):
            self.cancel(name)
        made = self.made = MadeSpeech(request)
        self._played_from_s, self._playback = 0.0, None
        self.query_one(Waveform).clear()
        self.query_one("#passages", OptionList).clear_options()
        self._report("loading the model" if self.service.state == "opening" else "beginning")
        service, output = self.service, self.gpa.output
        self.begin("speak", lambda work: make_speech(work, service, made, output))
        self._show_state()

    def _request(self) -> SpeechRequest | None:
        text = self.query_one("#text", TextArea).text
        voice = self.query_one(VoicePicker).choice
        temperature, seed = self.query_one("#temperature", Input), self.query_one("#seed", Input)
        problem = ""
        if not text.strip():
            problem = "Write what should be said first."
        elif voice is None:
            problem = "Choose a voice first."
        elif temperature.value and not 0 <= _number(temperature.value) <= 10:
            problem = "The temperature must be a number from 0 to 10."
        elif seed.value and not 0 <= _number(seed.value) <= _MOST_SEED:
            problem = f"The seed must be a whole number from 0 to {_MOST_SEED}."
        if problem or voice is None:
            self.gpa.tell(problem)
            return None
        return SpeechRequest(
            text=text,
            voice=voice,
            temperature=float(temperature.value) if temperature.value else None,
            seed=int(seed.value) if seed.value else None,
            verify=self.query_one("#verify", Toggle).value,
        )

    def _play_from(self, start_s: float) -> None:
        made, output = self.made, self.gpa.output
        if made is None or not made.pieces:
            self.gpa.tell("There is nothing to play yet.")
            return
        self.cancel("play")
        self._played_from_s, self._playback = start_s, None
        self.begin("play", lambda work: play(work, made.pieces_from(start_s), output))
        self._show_state()

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self.begin("open", lambda work: work.post(Listed(work, (read_text_file(path),))))

    def _save(self, path: Path | None) -> None:
        made = self.made
        if path is None or made is None:
            return
        self.begin("save", lambda work: work.post(Saved(work, save_speech(made, path))))

    def _preview(self) -> None:
        text = self.query_one("#text", TextArea).text
        self.begin("preview", lambda work: preview(work, text), silent=True)

    def _follow(self) -> None:
        if self._is_sounding and self._playback is not None:
            self.query_one(Waveform).move_to(self._played_from_s + self._playback.position_s)

    def _line(self, passage: SpokenPassage) -> str:
        symbols = self.gpa.symbols
        heard = passage.error_rate
        is_good = passage.finish_reason == "stop" and (heard or 0.0) <= 0.05
        score = "not verified" if heard is None else f"{max(1 - heard, 0):.0%} understood"
        sign = symbols.done if is_good else symbols.doubtful
        text = " ".join(passage.text.split())
        minutes, seconds = divmod(int(passage.start_s), 60)
        ending = "" if passage.finish_reason == "stop" else f" ({passage.finish_reason})"
        return f"{sign} {minutes}:{seconds:02}  {score:<15}{ending} {text}"

    def _report(self, words: str, share: float | None = None) -> None:
        self.query_one(ProgressRow).show(words, share)

    def _report_made(self) -> None:
        made = self.made
        if made is None or not made.pieces:
            self._report("")
            return
        seed = "" if made.seed is None else f", seed {made.seed}"
        self._report(f"{made.duration_s:.1f} s{seed}")

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        working = self.working("speak") or self.working("play")
        has_sound = self.made is not None and bool(self.made.pieces)
        paused = self._playback is not None and self._playback.is_paused
        play = self.query_one("#play", Button)
        play.label = "Pause" if self._is_sounding and not paused else "Go on" if self._is_sounding else "Play"
        play.disabled = not (self._is_sounding or (has_sound and not self.working("speak")))
        self.query_one("#stop", Button).disabled = not working
        self.query_one("#save", Button).disabled = not has_sound


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
