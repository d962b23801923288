"""Voice: make a voice from a recording, hear how good it is, keep it, pass it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, OptionList

from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.voice import library_jobs
from gpa_mlx_tui.features.voice.jobs import (
    MOST_RECORDED_S,
    ClipJudged,
    SampleMade,
    StepTaken,
    VoiceMade,
    describe_made,
    judge_clip,
    make_voice,
    say_sample,
)
from gpa_mlx_tui.features.voice.kept_panel import KeptPanel
from gpa_mlx_tui.features.voice.making_panel import MakingPanel
from gpa_mlx_tui.features.voice.voice_actions import KEEP, VoiceActions
from gpa_mlx_tui.features.voice.voice_list import VoiceList
from gpa_mlx_tui.services.hearing import MicrophoneChecked
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.recorder import ClipGrew, ClipRecorded, ClipRecorder
from gpa_mlx_tui.services.sound import SoundGrew, SoundOpened, play
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from gpa_mlx.types import AudioLike, Voice
    from gpa_mlx_tui.features.voice.jobs import Clip, Part
    from gpa_mlx_tui.services.service import BackgroundTask
    from gpa_mlx_tui.services.sound import Playback

_PLAYHEAD_S = 0.05
_RECORDED = "your recording"
_NOTE = "what the voice says will be drawn here"


class VoiceScreen(ModeScreen):
    """A list of voices at the left; at the right the making of a new one, or what is known of the chosen one."""

    mode = "voice"
    uses = "speak"
    first_focus: ClassVar[str] = "#shelf"

    def __init__(self) -> None:
        super().__init__()
        self.clips: list[Clip] = []
        self.made: VoiceMade | None = None
        self._part: Part | None = None
        self._recorder: ClipRecorder | None = None
        self._elapsed_s = 0.0
        self._microphone = ""
        self._problem = ""
        self._playback: Playback | None = None
        self._wave = "#sample"
        self._samples: dict[tuple[Path, tuple[int, ...]], SampleMade] = {}

    def compose_body(self) -> ComposeResult:
        """Lay out the list, and both panels."""
        with Horizontal(classes="body"):
            with Vertical(id="left"):
                yield VoiceList(id="shelf")
                yield Button("Paste a card", id="card")
            with Vertical(id="right"):
                with ContentSwitcher(initial="making", id="panel"):
                    yield MakingPanel(id="making")
                    yield KeptPanel(id="kept")
                with Horizontal(classes="row"):
                    yield Button("Play voice", id="play")
                    yield ProgressRow(id="progress")
                yield Waveform(note=_NOTE, id="sample")

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)
        self._show_state()

    def on_screen_resume(self) -> None:
        """Look up the voices and the microphone: there may be another model, new voices, another device."""
        self.query_one(VoiceList).look_up()
        self.look_for_microphone()

    # -- a new voice --------------------------------------------------------------------------------------------------

    def action_record(self) -> None:
        """Start a recording, or finish it."""
        if self.working("record"):
            if self._recorder is not None:
                self._recorder.stop()
            return
        self.query_one(VoiceList).choose_new()
        for name in ("play", "make", "judge"):
            self.cancel(name)
        self._recorder = ClipRecorder(self.gpa.ears, most_s=MOST_RECORDED_S, voice_for=self.service.model)
        self._elapsed_s = 0.0
        self._panel.begin_recording()
        self.begin("record", self._recorder.run)
        self._show_state()

    def action_open(self) -> None:
        """Take a recording from a file, beside those that are there."""
        self.app.push_screen(
            PathPicker("A recording of the voice", "open", Path.cwd(), suffixes=RECORDINGS), self._open
        )

    def action_make(self) -> None:
        """Make the voice, and measure how like it the model speaks."""
        part, whole = self._part, self._panel.whole
        if part is None or self.working("record"):
            self.gpa.tell("Record or open something first.")
            return
        if part.window.quality.speech_share == 0 and not whole:
            self.gpa.tell("No speech is heard in it. Take another recording, or this one from the start.")
            return
        self.query_one(VoiceList).choose_new()
        self.cancel("play")
        service, clips = self.service, tuple(self.clips)
        self.made = None
        self.query_one("#sample", Waveform).clear()
        self._report("loading the model" if service.state == "opening" else "beginning")
        self.begin("make", lambda work: make_voice(work, service, clips, whole=whole))
        self._show_state()

    def action_save(self) -> None:
        """Keep the new voice, or export the chosen one."""
        if (chosen := self.query_one(VoiceList).chosen) is not None:
            if chosen.voice is not None:
                self._keeper.export(chosen.voice)
        elif self.made is None:
            self.gpa.tell("Make a voice first.")
        else:
            source = self.made.clip.name
            self._keeper.keep(self.made.enrolment.voice, "" if source == _RECORDED else Path(source).stem)

    # -- any voice ----------------------------------------------------------------------------------------------------

    def action_play(self) -> None:
        """Pause the sound, go on, or hear the voice."""
        if self._playback is not None and self.working("play"):
            self._playback.toggle()
            self._show_state()
            return
        voice = self._voice
        if voice is None:
            self.gpa.tell("Make a voice or choose one first.")
            return
        service, output, known = self.service, self.gpa.output, self._known_sample()
        self.query_one("#sample", Waveform).clear()
        if known is not None:
            self.query_one("#sample", Waveform).add(known.peaks)
            self._play("#sample", lambda work: play(work, [known.samples], output, text=known.text))
            return
        self._report("loading the model" if service.state == "opening" else "beginning")
        self._play("#sample", lambda work: say_sample(work, service, voice, output))

    def action_compare(self) -> None:
        """Hear the recording, to compare it with the voice."""
        part, output = self._part, self.gpa.output
        if self.query_one(VoiceList).chosen is not None:
            self.gpa.tell("A kept voice has no recording: only its codes are kept.")
        elif part is None or self.working("record"):
            self.gpa.tell("Record or open something first.")
        else:
            self._play("#source", lambda work: play(work, [part.samples], output))

    def action_copy(self) -> None:
        """Copy the card of the chosen voice."""
        chosen = self.query_one(VoiceList).chosen
        if chosen is None or chosen.voice is None:
            self.gpa.tell("Choose a voice first; a new one is kept before it is passed on.")
            return
        from gpa_mlx.voices.card import format_card

        self.gpa.copy(format_card(chosen.voice))

    def action_card(self) -> None:
        """Add a voice from its card."""
        self._keeper.paste()

    def action_rename(self) -> None:
        """Give the chosen voice another name."""
        if (name := self._own_name()) is not None:
            self._keeper.rename(name)

    def action_remove(self) -> None:
        """Remove the chosen voice."""
        if (name := self._own_name()) is not None:
            self._keeper.remove(name)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        if event.button.id == "clear":
            self._clear()
        else:
            getattr(self, f"action_{'save' if event.button.id == 'export' else event.button.id}")()

    def on_checkbox_changed(self) -> None:
        """Another part of the recording counts."""
        if not self.working("record"):
            self._show_clips()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hear it, or begin with a new one."""
        if isinstance(event.option_list, VoiceList):
            if self.query_one(VoiceList).chosen is None:
                self._panel.query_one("#record", Button).focus()
            else:
                self.action_play()

    # -- what works and widgets tell ----------------------------------------------------------------------------------

    def on_voice_list_chosen(self, message: VoiceList.Chosen) -> None:
        """Show this voice."""
        self.cancel("play")
        if self._recorder is not None:
            self._recorder.stop()
        self.query_one("#panel", ContentSwitcher).current = "making" if message.voice is None else "kept"
        if message.voice is not None:
            self.query_one(KeptPanel).show(message.voice)
        sample, known = self.query_one("#sample", Waveform), self._known_sample()
        sample.clear()
        if known is not None:
            sample.add(known.peaks)
        self._report("")
        self._show_state()

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Show which microphone there is, or why none."""
        self._microphone = message.name
        self._problem = "" if message.problem is None else str(message.problem)
        self._show_state()

    def on_clip_grew(self, message: ClipGrew) -> None:
        """Draw what the microphone hears, and coach."""
        self._elapsed_s = message.elapsed_s
        self._panel.grow(message)
        self._show_state()

    def on_clip_recorded(self, message: ClipRecorded) -> None:
        """Take the recording."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self.clips = []
        self._judge((message.samples, SAMPLE_RATE_HZ), _RECORDED)

    def on_clip_judged(self, message: ClipJudged) -> None:
        """Show how good the recording is."""
        self.clips.append(message.clip)
        self.made = None
        self._show_clips()
        self._panel.query_one("#make", Button).focus()

    def on_step_taken(self, message: StepTaken) -> None:
        """Show what is being done."""
        self._report(message.words)

    def on_voice_made(self, message: VoiceMade) -> None:
        """Show how good it is."""
        self.made = message
        self._show_state()
        self.query_one("#play", Button).focus()

    def on_sound_opened(self, message: SoundOpened) -> None:
        """Note what plays."""
        self._playback = message.playback
        self._report(f'"{message.text}"' if message.text else "")
        self._show_state()

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw it."""
        self.query_one("#sample", Waveform).add(message.peaks)

    def on_sample_made(self, message: SampleMade) -> None:
        """Keep it, to be heard again at once; the new voice has said it to be measured."""
        self._samples[self.service.model, message.voice.global_tokens] = message
        if message.work.name == "make":
            self.query_one("#sample", Waveform).add(message.peaks)

    def on_card_read(self, message: library_jobs.CardRead) -> None:
        """Keep the voice of a card, under another name if its own is taken."""
        self._keeper.take_card(message.voice)

    def on_shelf_changed(self, message: library_jobs.ShelfChanged) -> None:
        """Say so, and list the voices again."""
        self.gpa.tell(message.words)
        if message.work.name == KEEP:
            self._clear()
        self.query_one(VoiceList).look_up(message.name)

    def on_saved(self, message: Saved) -> None:
        """Say what was written."""
        self.gpa.tell(f"Saved {' and '.join(message.files)}.")

    def work_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name == "record":
            self._recorder = None
            self.look_for_microphone()
            if not self.working("judge"):
                self._show_clips()
        elif name == "play":
            self._playback = None
            self.query_one(self._wave, Waveform).move_to(None)
        if name in ("make", "play") and not (self.working("make") or self.working("play")):
            self._report("")
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _keeper(self) -> VoiceActions:
        return VoiceActions(self, self.query_one(VoiceList))

    @property
    def _panel(self) -> MakingPanel:
        return self.query_one(MakingPanel)

    @property
    def _voice(self) -> Voice | None:
        """The voice to hear."""
        chosen = self.query_one(VoiceList).chosen
        if chosen is not None:
            return chosen.voice
        return None if self.made is None else self.made.enrolment.voice

    def _known_sample(self) -> SampleMade | None:
        """Return what the voice to hear has said before; voices with the same codes speak alike."""
        voice = self._voice
        return None if voice is None else self._samples.get((self.service.model, voice.global_tokens))

    def _own_name(self) -> str | None:
        """Return the name of the chosen voice if it can be changed; else say why not."""
        chosen = self.query_one(VoiceList).chosen
        if chosen is None or chosen.kind != "kept":
            self.gpa.tell("Choose a voice that you keep; the built-in ones belong to the model.")
            return None
        return chosen.name

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self.query_one(VoiceList).choose_new()
            self.cancel("record")
            self._judge(path, path.name)

    def _judge(self, audio: AudioLike, name: str) -> None:
        model = self.service.model
        self.begin("judge", lambda work: judge_clip(work, audio, name, model))
        self._show_state()

    def _play(self, wave: str, body: Callable[[BackgroundTask], None]) -> None:
        self.cancel("play")
        self._wave, self._playback = wave, None
        self.begin("play", body)
        self._show_state()

    def _follow(self) -> None:
        if self._playback is not None and self._playback.problem is None:
            self.query_one(self._wave, Waveform).move_to(self._playback.position_s)

    def _clear(self) -> None:
        """Begin with another voice."""
        self.clips, self.made = [], None
        self._show_clips()

    def _show_clips(self) -> None:
        self._part = self._panel.show_clips(self.clips)
        self._show_state()

    def _report(self, words: str) -> None:
        self.query_one(ProgressRow).show(words)

    def _status(self) -> str:
        symbols = self.gpa.symbols
        if self.working("record"):
            return f"{symbols.recording} Recording {self._elapsed_s:.0f} s. Ctrl+R ends it, Esc drops it."
        if self.working("judge"):
            return f"{symbols.busy} Listening to the recording{symbols.ellipsis}"
        if described := self._panel.describe_clips(self.clips):
            return described
        if self._problem:
            return f"{symbols.doubtful} {self._problem}"
        return f"{symbols.idle} {self._microphone or 'looking for a microphone'}"

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        result = "" if self.made is None else describe_made(self.made.enrolment, self.made.clip.name)
        if self.working("make"):
            result = f"{self.gpa.symbols.busy} Making the voice{self.gpa.symbols.ellipsis} Esc stops."
        self._panel.show_state(
            self._status(),
            result,
            recording=self.working("record"),
            busy=self.working("judge") or self.working("make"),
            has_clip=self._part is not None,
            has_voice=self.made is not None,
        )
        playing = self.working("play") and self._playback is not None
        paused = self._playback is not None and self._playback.is_paused
        play = self.query_one("#play", Button)
        play.label = "Go on" if playing and paused else "Pause" if playing else "Play voice"
        play.disabled = not playing and (self._voice is None or self.working("record"))
