"""The recording that becomes a voice: buttons, picture, what is good and bad about it, and the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from gpa_mlx.voices.coaching import advise, verdict
from gpa_mlx_tui.features.voice.clips import best_clip
from gpa_mlx_tui.features.voice.coaching import next_step, sentence_to_read
from gpa_mlx_tui.features.voice.jobs import Coach, describe_made, judge_clips, make_voice
from gpa_mlx_tui.features.voice.quality_panel import QualityPanel
from gpa_mlx_tui.services.recorder import ClipRecorder
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.level_meter import LevelMeter
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from gpa_mlx.types import AudioLike
    from gpa_mlx_tui.features.mode_screen import ModeScreen
    from gpa_mlx_tui.features.voice.clips import Clip, Part
    from gpa_mlx_tui.features.voice.messages import ClipAdvised, ClipJudged, VoiceMade
    from gpa_mlx_tui.services.microphone import MicrophoneChecked
    from gpa_mlx_tui.services.recorder import ClipGrew, ClipRecorded

_NOTE = "the part that counts will be drawn here"
_RECORDED = "your recording"
_MOST_RECORDED_S = 60.0


class MakingPanel(Vertical):
    """Records, opens and judges recordings, and makes a voice of the best one.

    Attributes:
        clips: The recordings so far.
        made: The new voice; None until there is one.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.clips: list[Clip] = []
        self.made: VoiceMade | None = None
        self._part: Part | None = None
        self._recorder: ClipRecorder | None = None
        self._elapsed_s = 0.0
        self._microphone = ""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Lay out the panel."""
        with Horizontal(classes="row"):
            yield Button("Record", id="record", action="screen.record", variant="primary")
            yield Button("Open", id="open", action="screen.open")
            yield Button("Clear", id="clear", action="screen.clear", disabled=True)
            yield Toggle("From the start", id="whole", tooltip="Do not look for the best part.")
        yield Static(id="status", markup=False)
        yield Static(id="reading", markup=False)
        yield LevelMeter(id="meter")
        yield Waveform(note=_NOTE, id="source")
        yield QualityPanel(id="quality")
        with Horizontal(classes="row"):
            yield Button("Make", id="make", action="screen.make", disabled=True)
            yield Button("Play recording", id="compare", action="screen.compare", disabled=True)
            yield Button("Keep", id="save", action="screen.save", disabled=True)
        yield Static(id="result", markup=False)

    @property
    def part(self) -> Part | None:
        """The part of a recording that counts; None while there is none, or while the microphone is open."""
        return None if self._mode.has_task("record") else self._part

    @property
    def source_wave(self) -> Waveform:
        """The picture of that part."""
        return self.query_one("#source", Waveform)

    @property
    def suggested_name(self) -> str:
        """A name to begin with for the new voice; may be empty."""
        source = "" if self.made is None else self.made.clip.name
        return "" if source == _RECORDED else Path(source).stem

    # -- what the screen asks for -------------------------------------------------------------------------------------

    def record(self) -> None:
        """Start a recording."""
        for name in ("make", "judge"):
            self._mode.cancel(name)
        coach = Coach(self._mode.service.model)
        self._recorder = ClipRecorder(self._mode.gpa_app.dictation, most_s=_MOST_RECORDED_S, watch=coach)
        self._elapsed_s = 0.0
        self.source_wave.clear("")
        self.query_one(QualityPanel).show(())
        self._mode.start("record", self._recorder.run, owner=self)
        self.show_state()

    def finish_recording(self) -> None:
        """End the recording, if there is one; it is judged then."""
        if self._recorder is not None:
            self._recorder.stop()

    def judge(self, *recordings: tuple[AudioLike, str]) -> None:
        """Take recordings, each with its name, beside those that are there."""
        model = self._mode.service.model
        self._mode.start("judge", lambda task: judge_clips(task, recordings, model), owner=self)
        self.show_state()

    def make(self) -> bool:
        """Make the voice, and measure how like it the model speaks; return whether that was started."""
        part, whole = self.part, self._whole
        if part is None:
            self._mode.gpa_app.show_message("Record or open something first.")
            return False
        if part.window.quality.speech_share == 0 and not whole:
            words = "No speech is heard in it. Take another recording, or this one from the start."
            self._mode.gpa_app.show_message(words)
            return False
        engine, clips = self._mode.service.engine, tuple(self.clips)
        self.made = None
        self._mode.start("make", lambda task: make_voice(task, engine, clips, whole=whole), owner=self)
        self.show_state()
        return True

    def clear(self) -> None:
        """Begin with another voice."""
        self.clips, self.made = [], None
        self._show_clips()

    def note_end(self, name: str) -> None:
        """Note that a task of the screen has ended."""
        if name == "record":
            self._recorder = None
            self._mode.look_for_microphone(self)
            if not self._mode.has_task("judge"):
                self._show_clips()
        self.show_state()

    # -- what tasks and widgets report --------------------------------------------------------------------------------

    def on_checkbox_changed(self) -> None:
        """Another part of the recording counts."""
        if not self._mode.has_task("record"):
            self._show_clips()

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Show which microphone there is, or why none."""
        self._microphone = message.name
        self._problem = "" if message.problem is None else str(message.problem)
        self.show_state()

    def on_clip_grew(self, message: ClipGrew) -> None:
        """Draw what comes from the microphone."""
        self._elapsed_s = message.elapsed_s
        self.source_wave.add(message.peaks)
        if message.peaks:
            self.query_one(LevelMeter).show(max(message.peaks))
        self.show_state()

    def on_clip_advised(self, message: ClipAdvised) -> None:
        """Coach."""
        self.query_one(QualityPanel).show(message.advice)

    def on_clip_recorded(self, message: ClipRecorded) -> None:
        """Take the recording, instead of those that are there."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self.clips = []
        self.judge(((message.samples, SAMPLE_RATE_HZ), _RECORDED))

    def on_clip_judged(self, message: ClipJudged) -> None:
        """Show how good the recording is."""
        self.clips.append(message.clip)
        self.made = None
        self._show_clips()
        self.query_one("#make", Button).focus()

    def on_voice_made(self, message: VoiceMade) -> None:
        """Show how good it is."""
        self.made = message
        self.show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _mode(self) -> ModeScreen:
        return cast("ModeScreen", self.screen)

    @property
    def _whole(self) -> bool:
        """Whether the beginning counts instead of the best part."""
        return self.query_one("#whole", Toggle).value

    def _show_clips(self) -> None:
        """Show the recording that counts."""
        clip = best_clip(self.clips, whole=self._whole)
        self._part = None if clip is None else clip.part(whole=self._whole)
        self.source_wave.clear(_NOTE)
        self.query_one(LevelMeter).show(None)
        advice = ()
        if clip is not None and self._part is not None:
            self.source_wave.add(self._part.peaks)
            advice = advise(self._part.window.quality, self._part.duration_s, clip.wanted_s)
        self.query_one(QualityPanel).show(advice)
        self.show_state()

    def _status(self) -> str:
        symbols = symbols_of(self.app)
        if self._mode.has_task("record"):
            return f"{symbols.recording} Recording {self._elapsed_s:.0f} s. Ctrl+R ends it, Esc drops it. Read aloud:"
        if self._mode.has_task("judge"):
            return f"{symbols.busy} Listening to the recording{symbols.ellipsis}"
        if (clip := best_clip(self.clips, whole=self._whole)) is not None:
            return self._describe(clip)
        if self._problem:
            return f"{symbols.doubtful} {self._problem}"
        return f"{symbols.idle} {self._microphone or 'looking for a microphone'}"

    def _describe(self, clip: Clip) -> str:
        """Return which part of which recording counts, and how good it is."""
        part = clip.part(whole=self._whole)
        window = part.window
        of = clip.name if len(self.clips) == 1 else f"{clip.name}, the best of {len(self.clips)}"
        is_all = part.duration_s > clip.duration_s - 0.05
        place = f"All {clip.duration_s:.1f} s" if is_all else f"{window.start_s:.1f} to {window.end_s:.1f} s"
        return f"{place} of {of}: {verdict(window.quality.total)} ({window.quality.total:.0f}/100)"

    def _result(self) -> str:
        if self._mode.has_task("make"):
            symbols = symbols_of(self.app)
            return f"{symbols.busy} Making the voice{symbols.ellipsis} Esc stops."
        if self.made is None:
            return ""
        enrollment, part = self.made.enrollment, self.made.part
        words = describe_made(enrollment, self.made.clip.name)
        if enrollment.probe is None:
            return words
        alike = enrollment.probe.similarity
        advice = advise(part.window.quality, part.duration_s, self.made.clip.wanted_s)
        return f"{words} {next_step(None if alike is None else alike.levels, advice)}".rstrip()

    def show_state(self) -> None:
        """Set words and buttons right."""
        if not self.is_mounted:
            return
        recording = self._mode.has_task("record")
        busy = self._mode.has_task("judge") or self._mode.has_task("make")
        has_clip = self._part is not None
        self.query_one("#status", Static).update(self._status())
        reading, result = self.query_one("#reading", Static), self.query_one("#result", Static)
        reading.display, result.display = recording, not recording
        reading.update(sentence_to_read(self._elapsed_s) if recording else "")
        result.update(self._result())
        self.query_one(LevelMeter).display = recording
        self.query_one("#record", Button).label = "Finish" if recording else "Record"
        enabled = {
            "#open": not recording,
            "#clear": has_clip and not recording and not busy,
            "#make": has_clip and not recording and not busy,
            "#compare": has_clip and not recording,
            "#save": self.made is not None and not recording,
        }
        for selector, is_enabled in enabled.items():
            self.query_one(selector, Button).disabled = not is_enabled
