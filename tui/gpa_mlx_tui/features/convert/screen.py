"""Convert: a recording, a voice, and the same words in that voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from gpa_mlx_tui.features.convert import jobs
from gpa_mlx_tui.features.convert.jobs import (
    ConversionGrew,
    ConversionMade,
    Converted,
    Source,
    SourceRead,
    read_source,
)
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.hearing import MicrophoneChecked
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.recorder import ClipGrew, ClipRecorded, ClipRecorder
from gpa_mlx_tui.services.sound import SoundGrew, SoundOpened, play, wav_path
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS, VoicePicker
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from gpa_mlx.synthesis.attempt import PassageEnd
    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx_tui.services.sound import Playback

Side: TypeAlias = Literal["source", "result"]

_PLAYHEAD_S = 0.05
_MOST_RECORDED_S = 600.0
_RECORDED = "your recording"
_SOURCE_NOTE = "the source will be drawn here"
_RESULT_NOTE = "the result will be drawn here"
_SAME = 0.05
_TROUBLES: Mapping[PassageEnd, str] = {
    "length": "cut off: it did not end",
    "loop": "cut off: the model repeated itself",
    "silence": "cut off: the model fell silent",
    "no_codes": "nothing came out; another try may do better",
}


class ConvertScreen(ModeScreen):
    """Converts a recording, plays source and result in turns, and saves the result."""

    mode = "convert"
    uses = "vc"
    first_focus: ClassVar[str] = "#open"

    def __init__(self) -> None:
        super().__init__()
        self.source: Source | None = None
        self.made: Converted | None = None
        self._source_s = 0.0
        self._recorder: ClipRecorder | None = None
        self._elapsed_s = 0.0
        self._problem = ""
        self._playback: Playback | None = None
        self._side: Side = "result"
        self._played_from_s = 0.0

    def compose_body(self) -> ComposeResult:
        """Lay out settings, buttons, both sounds and the stretches."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield Button("Open", id="open")
                yield Button("Record", id="record")
                yield Static("Voice", classes="label")
                yield VoicePicker(id="voice")
                yield Toggle("Play meanwhile", True, id="plays", tooltip="Play the result while it is made.")
                yield Toggle("Verify", id="verify", tooltip="Listen to every stretch before and after.")
            with Horizontal(classes="row"):
                yield Button("Convert", id="convert", variant="primary", disabled=True)
                yield Button("Play", id="play", disabled=True)
                yield Button("Compare", id="compare", disabled=True)
                yield Button("Save", id="save", disabled=True)
                yield ProgressRow(id="progress")
            yield Static(id="source_name", markup=False)
            yield Waveform(note=_SOURCE_NOTE, id="source")
            yield Static(id="result_name", markup=False)
            yield Waveform(note=_RESULT_NOTE, id="result")
            yield OptionList(id="stretches", compact=True, markup=False)

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)
        self._show_state()

    def on_screen_resume(self) -> None:
        """Look up the voices and the microphone: there may be another model, new voices, another device."""
        self.query_one(VoicePicker).look_up()
        self.look_for_microphone()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_convert(self) -> None:
        """Convert the source."""
        source, voice = self.source, self.query_one(VoicePicker).choice
        if source is None or voice is None:
            self.gpa.tell("Open or record something first." if source is None else "Choose a voice first.")
            return
        for name in ("convert", "play"):
            self.cancel(name)
        made = self.made = Converted(
            source,
            voice,
            verify=self.query_one("#verify", Toggle).value,
            plays=self.query_one("#plays", Toggle).value,
        )
        self._side, self._played_from_s, self._playback = "result", 0.0, None
        self._wave("result").clear()
        self.query_one("#stretches", OptionList).clear_options()
        self._report("loading the model" if self.service.state == "opening" else "beginning")
        service, output, expected_s = self.service, self.gpa.output, self._source_s
        self.begin("convert", lambda work: jobs.convert(work, service, made, output, expected_s))
        self._show_state()

    def action_open(self) -> None:
        """Take the source from a file."""
        dialog = PathPicker("Convert the recording", "open", Path.cwd(), suffixes=RECORDINGS)
        self.app.push_screen(dialog, self._open)

    def action_record(self) -> None:
        """Start a recording, or finish it."""
        if self.working("record"):
            if self._recorder is not None:
                self._recorder.stop()
            return
        self._forget()
        self._recorder, self._elapsed_s = ClipRecorder(self.gpa.ears, most_s=_MOST_RECORDED_S), 0.0
        self._wave("source").clear("")
        self.begin("record", self._recorder.run)
        self._show_state()

    def action_voice(self) -> None:
        """Choose who shall say it."""
        self.query_one(VoicePicker).look_up(then_open=True)

    def action_play(self) -> None:
        """Pause the sound, go on, or play again what was heard last."""
        if self._is_sounding and self._playback is not None:
            self._playback.toggle()
            self._show_state()
        elif not self.working("convert"):
            self._play(self._side if self._has_result else "source", 0.0)

    def action_compare(self) -> None:
        """Play the other sound, from the same place on while one is heard."""
        if self.working("convert") or not self._has_result:
            self.gpa.tell("There is nothing to compare yet.")
            return
        position_s = self._position_s if self._is_sounding else 0.0
        self._play("source" if self._side == "result" else "result", position_s)

    def action_save(self) -> None:
        """Save the result."""
        if self.made is None or not self.made.has_sound:
            self.gpa.tell("There is no result to save yet.")
            return
        stem = "converted" if self.made.source.name == _RECORDED else Path(self.made.source.name).stem
        start = Path.cwd() / f"{stem}-{self.made.target.name}.wav"
        dialog = PathPicker("Save the result as (.wav)", "save", start, writes=lambda path: (wav_path(path),))
        self.app.push_screen(dialog, self._save)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        getattr(self, f"action_{event.button.id}")()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Play from this stretch on, on the side that was heard last."""
        if self.made is None or self.working("convert"):
            return
        segment = self.made.segments[event.option_index]
        self._play(self._side, segment.source_start_s if self._side == "source" else segment.start_s)

    # -- what works tell ----------------------------------------------------------------------------------------------

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Note why nothing can be recorded."""
        self._problem = "" if message.problem is None else str(message.problem)
        self._show_state()

    def on_clip_grew(self, message: ClipGrew) -> None:
        """Draw what the microphone hears."""
        self._elapsed_s = message.elapsed_s
        self._wave("source").add(message.peaks)
        self._show_state()

    def on_clip_recorded(self, message: ClipRecorded) -> None:
        """Take the recording."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self._read(Source(_RECORDED, (message.samples, SAMPLE_RATE_HZ)))

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw it."""
        self._wave("source").add(message.peaks)

    def on_source_read(self, message: SourceRead) -> None:
        """Take it."""
        self.source, self._source_s = message.source, message.duration_s
        self._show_state()
        self.query_one("#convert", Button).focus()

    def on_sound_opened(self, message: SoundOpened) -> None:
        """Note what plays, or say that nothing does."""
        self._playback = message.playback
        if message.work.name == "convert" and message.playback.problem is not None:
            self.gpa.tell(f"{message.playback.problem.message} It is converted all the same, and can be saved.")
        self._show_state()

    def on_conversion_grew(self, message: ConversionGrew) -> None:
        """Draw it, and list the stretch that is complete."""
        self._wave("result").add(message.peaks)
        if message.segment is not None:
            self.query_one("#stretches", OptionList).add_option(Option(self._line(message.segment)))
        if message.source_s > 0 and self._source_s > 0:
            words = f"{message.source_s:.0f} of {self._source_s:.0f} s"
            self._report(words, min(message.source_s / self._source_s, 1.0))
        self._show_state()

    def on_conversion_made(self, _: ConversionMade) -> None:
        """Say that only the sound goes on."""
        self._report_made()

    def on_voice_picker_picked(self) -> None:
        """Everything may be there now."""
        self._show_state()

    def on_saved(self, message: Saved) -> None:
        """Say what was written."""
        self.gpa.tell(f"Saved {' and '.join(message.files)}. It says in itself that it is synthetic.")

    def work_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name == "record":
            self._recorder = None
            self.look_for_microphone()
        if name in ("record", "read") and not (self.working("read") or self.source):
            self._wave("source").clear(_SOURCE_NOTE)
        if name == "convert":
            self._report_made()
        if name in ("convert", "play"):
            self._playback = None
            for side in ("source", "result"):
                self._wave(side).move_to(None)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _has_result(self) -> bool:
        return self.made is not None and self.made.has_sound

    @property
    def _is_sounding(self) -> bool:
        """Whether something plays, or is paused."""
        playing = self.working("play") or self.working("convert")
        return playing and self._playback is not None and self._playback.problem is None

    @property
    def _position_s(self) -> float:
        return self._played_from_s + (0.0 if self._playback is None else self._playback.position_s)

    def _wave(self, side: Side) -> Waveform:
        return self.query_one(f"#{side}", Waveform)

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self._forget()
            self._read(Source(path.name, path))

    def _forget(self) -> None:
        """Make room for another source; what was made of the last one is gone."""
        for name in ("convert", "play", "record", "read"):
            self.cancel(name)
        self.source, self.made, self._source_s, self._side = None, None, 0.0, "result"
        self._wave("source").clear(_SOURCE_NOTE)
        self._wave("result").clear()
        self.query_one("#stretches", OptionList).clear_options()
        self._report("")

    def _read(self, source: Source) -> None:
        self._wave("source").clear("")
        self.begin("read", lambda work: read_source(work, source))
        self._show_state()

    def _play(self, side: Side, start_s: float) -> None:
        made, source, output = self.made, self.source, self.gpa.output
        if side == "source" and source is not None:
            pieces, duration_s = source.pieces(start_s), self._source_s
        elif side == "result" and made is not None and made.has_sound:
            pieces, duration_s = made.pieces_from(start_s), made.duration_s
        else:
            self.gpa.tell("Open or record something first.")
            return
        self.cancel("play")
        self._side, self._played_from_s, self._playback = side, start_s, None
        rest_s = max(duration_s - start_s, 0.0)
        self.begin("play", lambda work: play(work, pieces, output, expected_s=rest_s))
        self._show_state()

    def _save(self, path: Path | None) -> None:
        made = self.made
        if path is None or made is None:
            return
        self.begin("save", lambda work: work.post(Saved(work, jobs.save(made, wav_path(path)))))

    def _follow(self) -> None:
        if self._is_sounding:
            self._wave(self._side).move_to(self._position_s)
            self._wave("result" if self._side == "source" else "source").move_to(None)

    def _line(self, segment: ConvertedSegment) -> str:
        symbols = self.gpa.symbols
        wrong = segment.error_rate
        trouble = _TROUBLES.get(segment.finish_reason, "")
        if segment.stopped_early and not trouble:
            made_s, asked_s = segment.end_s - segment.start_s, segment.source_end_s - segment.source_start_s
            trouble = f"stopped early, after {made_s:.1f} of {asked_s:.1f} s; another try may do better"
        is_good = not trouble and (wrong or 0.0) <= _SAME
        facts = (
            "" if wrong is None else f"{max(1 - wrong, 0):.0%} of the text kept",
            "" if segment.attempts == 1 else f"{segment.attempts} tries",
            trouble,
        )
        sign = symbols.done if is_good else symbols.doubtful
        place = f"{sign} {_clock(segment.source_start_s)} to {_clock(segment.source_end_s)}"
        return f"{place}  {', '.join(fact for fact in facts if fact)}".rstrip()

    def _report(self, words: str, share: float | None = None) -> None:
        self.query_one(ProgressRow).show(words, share)

    def _report_made(self) -> None:
        made = self.made
        if made is None or not made.has_sound:
            self._report("")
            return
        seed = "" if made.seed is None else f", seed {made.seed}"
        self._report(f"{'' if made.is_whole else 'stopped after '}{made.duration_s:.1f} s{seed}")

    def _source_words(self) -> str:
        symbols = self.gpa.symbols
        if self.working("record"):
            return f"{symbols.recording} Recording {self._elapsed_s:.0f} s. Ctrl+N ends it, Esc drops it."
        if self.working("read"):
            return f"{symbols.busy} Reading the recording{symbols.ellipsis}"
        if self.source is not None:
            return f"Source: {self.source.name}, {self._source_s:.1f} s"
        if self._problem:
            return f"{symbols.doubtful} {self._problem}"
        return "Source: Ctrl+O takes a file, Ctrl+N records."

    def _result_words(self) -> str:
        symbols, made = self.gpa.symbols, self.made
        if made is None:
            return "Result"
        busy = self.working("convert") and not self._is_sounding
        sign = f"{symbols.busy} " if busy else ""
        return f"{sign}Result: {made.source.name} in the voice {made.target.name}"

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        recording, converting_now = self.working("record"), self.working("convert")
        paused = self._playback is not None and self._playback.is_paused
        sign = self.gpa.symbols.pause if paused else self.gpa.symbols.play
        heard = self._side if self._is_sounding else None
        for side, words in (("source", self._source_words()), ("result", self._result_words())):
            self.query_one(f"#{side}_name", Static).update(f"{sign} {words}" if side == heard else words)
        self.query_one("#record", Button).label = "Finish" if recording else "Record"
        play = self.query_one("#play", Button)
        play.label = "Go on" if self._is_sounding and paused else "Pause" if self._is_sounding else "Play"
        other = "source" if self._side == "result" else "result"
        self.query_one("#compare", Button).label = f"Hear the {other}"
        disabled = {
            "#convert": self.source is None or recording,
            "#play": not self._is_sounding and (self.source is None or recording or converting_now),
            "#compare": not self._has_result or converting_now,
            "#save": not self._has_result,
        }
        for selector, is_disabled in disabled.items():
            self.query_one(selector, Button).disabled = is_disabled


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
