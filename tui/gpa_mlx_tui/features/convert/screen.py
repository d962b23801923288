"""Convert: a recording, a voice, and the same words in that voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, Static

from gpa_mlx.audio.files.output_endings import USUAL_ENDINGS
from gpa_mlx.runtime.cancellation import check_cancelled
from gpa_mlx_tui.features.convert.jobs import convert, read_source, save
from gpa_mlx_tui.features.convert.messages import ConversionAdvanced, ConversionMade
from gpa_mlx_tui.features.convert.segment_list import SegmentList
from gpa_mlx_tui.features.convert.sound_pair import Side, SoundPair
from gpa_mlx_tui.features.convert.source import Source
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.kept_state import Kept, kept_flag
from gpa_mlx_tui.services.messages import Saved
from gpa_mlx_tui.services.recorder import ClipGrew, ClipRecorder
from gpa_mlx_tui.services.sound import output_path, pieces_while_made
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import LONG_S, PathPicker, ask_before_losing
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS, VoicePicker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from gpa_mlx.jobs.convert import ConvertJob
    from gpa_mlx_tui.features.convert.messages import (
        ConversionPlanned,
        SegmentAdded,
        SourceRead,
    )
    from gpa_mlx_tui.services.microphone import MicrophoneChecked
    from gpa_mlx_tui.services.recorder import ClipRecorded
    from gpa_mlx_tui.services.sound import PlaybackOpened

_MOST_RECORDED_S = 600.0
_RECORDED = "your recording"


class ConvertScreen(ModeScreen):
    """Converts a recording, plays source and result in turns, and saves the result.

    Attributes:
        source: What is to be converted; None until it has been read.
        job: What was converted last; None until it has been planned.
    """

    mode = "convert"
    uses = "vc"
    first_focus: ClassVar[str] = "#open"
    long_tasks: ClassVar[Mapping[str, str]] = {"record": "a recording to convert", "convert": "a conversion under way"}

    def __init__(self) -> None:
        super().__init__()
        self.source: Source | None = None
        self.job: ConvertJob | None = None
        self._source_s = 0.0
        self._target = ""
        self._recorder: ClipRecorder | None = None
        self._problem = ""
        self._saved_job: ConvertJob | None = None
        self._saving_job: ConvertJob | None = None

    def keep(self) -> Kept:
        """Keep the voice and the switches."""
        switches = {name: self.query_one(f"#{name}", Toggle).value for name in ("plays", "verify")}
        return {**self.query_one(VoicePicker).keep(), **switches}

    def bring_back(self, kept: Kept) -> None:
        """Set them as they were."""
        self.query_one(VoicePicker).bring_back(kept)
        for name, default in (("plays", True), ("verify", False)):
            self.query_one(f"#{name}", Toggle).value = kept_flag(kept, name, default)

    def at_risk(self) -> list[str]:
        """Name a conversion that was not saved, or a recording from the microphone that nothing was made of."""
        losses = super().at_risk()
        if self.has_task("convert"):
            return losses
        if _has_audio(self.job):
            return losses + (["a conversion that is not saved"] if self.job is not self._saved_job else [])
        recorded = self.source is not None and self.source.name == _RECORDED
        return losses + (["your recording, which was not converted"] if recorded else [])

    def compose_body(self) -> ComposeResult:
        """Lay out settings, buttons, both sounds and the segments."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield Button("Open", id="open", action="screen.open")
                yield Button("Record", id="record", action="screen.record")
                yield Static("Voice", classes="label")
                yield VoicePicker(id="voice")
                yield Toggle("Play meanwhile", True, id="plays", tooltip="Play the result while it is made.")
                yield Toggle("Verify", id="verify", tooltip="Listen to every segment before and after.")
            with Horizontal(classes="row"):
                yield Button("Convert", id="convert", action="screen.convert", variant="primary", disabled=True)
                yield Button("Play", id="play", action="screen.play", disabled=True)
                yield Button("Compare", id="compare", action="screen.compare", disabled=True)
                yield Button("Save", id="save", action="screen.save", disabled=True)
                yield ProgressRow(id="progress")
            yield SoundPair(id="sounds")
            yield SegmentList(id="segments")

    def on_screen_resume(self) -> None:
        """Look up the voices and the microphone: there may be another model, new voices, another device."""
        self._show_state()
        self.query_one(VoicePicker).look_up()
        self.look_for_microphone()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_convert(self) -> None:
        """Convert the source."""
        source, voice = self.source, self.query_one(VoicePicker).choice
        if source is None or voice is None:
            words = "Open or record something first." if source is None else "Choose a voice first."
            self.gpa_app.show_message(words)
            return

        def start() -> None:
            for name in ("convert", "play"):
                self.cancel(name)
            self.job, self._target = None, voice.name
            self.query_one(SegmentList).clear_options()
            words = "loading the model" if self.service.state == "opening" else "beginning"
            self.query_one(ProgressRow).show(words)
            verify, plays = (self.query_one(name, Toggle).value for name in ("#verify", "#plays"))
            engine, output, length_s = self.service.engine, self.gpa_app.output, self._source_s
            self._sounds.convert(
                lambda task: convert(
                    task, engine, source, voice, output, verify=verify, plays=plays, expected_s=length_s
                )
            )
            self._show_state()

        losses = self.at_risk() if self.job is not None and self.job.result.duration_s >= LONG_S else []
        ask_before_losing(self, losses, start)

    def action_open(self) -> None:
        """Take the source from a file."""
        dialog = PathPicker("Convert the recording", "open", Path.cwd(), suffixes=RECORDINGS)
        self.app.push_screen(dialog, lambda path: None if path is None else self.take_files([path]))

    def take_files(self, paths: Sequence[Path]) -> None:
        """Take a recording as the source, or a voice card."""
        if len(paths) > 1 or paths[0].is_dir():
            self.gpa_app.show_message("One recording at a time is converted; drop one.")
            return
        if paths[0].suffix.lower() == ".voice":
            self.query_one(VoicePicker).take_file(paths[0])
            return

        def take() -> None:
            self._forget()
            self._read(Source(paths[0].name, paths[0]))

        ask_before_losing(self, self.at_risk(), take)

    def action_record(self) -> None:
        """Start a recording, or finish it."""
        if self.has_task("record"):
            if self._recorder is not None:
                self._recorder.stop()
            return

        def record() -> None:
            if self.may_record():
                self._forget()
                self._recorder = ClipRecorder(self.gpa_app.dictation, most_s=_MOST_RECORDED_S)
                self._sounds.record(self._recorder.run)
                self._show_state()

        if self.may_record():
            ask_before_losing(self, self.at_risk(), record)

    def action_voice(self) -> None:
        """Choose who shall say it."""
        self.query_one(VoicePicker).look_up(then_open=True)

    def action_play(self) -> None:
        """Pause the sound, go on, or play again what was heard last."""
        player = self._sounds.player
        if player.is_sounding:
            player.toggle()
            self._show_state()
        else:
            self._play(self._sounds.side if _has_audio(self.job) else "source", 0.0)

    def action_compare(self) -> None:
        """Play the other sound, from the same place on while one is heard."""
        if not _has_audio(self.job):
            self.gpa_app.show_message("There is nothing to compare yet.")
            return
        player = self._sounds.player
        self._play(self._sounds.other_side, player.position_s if player.is_sounding else 0.0)

    def action_save(self) -> None:
        """Save the result."""
        job, source = self.job, self.source
        if job is None or source is None or not _has_audio(self.job):
            self.gpa_app.show_message("There is no result to save yet.")
            return

        def take(path: Path | None) -> None:
            if path is not None:
                self._saving_job = job
                note = "It says in itself that it is synthetic."
                self.start("save", lambda task: task.post(Saved(task, save(job, output_path(path)), note)))

        stem = "converted" if source.name == _RECORDED else Path(source.name).stem
        start = Path.cwd() / f"{stem}-{self._target}.wav"
        dialog = PathPicker(
            f"Save the result as ({', '.join(USUAL_ENDINGS)})", "save", start, writes=lambda path: (output_path(path),)
        )
        self.app.push_screen(dialog, take)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Play from this segment on, on the side that was heard last."""
        if self.job is None or self.has_task("convert"):
            return
        segment = self.job.result.parts[event.option_index]
        side = self._sounds.side
        self._play(side, segment.source_start_s if side == "source" else segment.start_s)

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_microphone_checked(self, message: MicrophoneChecked) -> None:
        """Note why nothing can be recorded."""
        self._problem = "" if message.problem is None else str(message.problem)
        self._show_state()

    def on_clip_recorded(self, message: ClipRecorded) -> None:
        """Take the recording."""
        from gpa_mlx.types import SAMPLE_RATE_HZ

        self._read(Source(_RECORDED, (message.samples, SAMPLE_RATE_HZ)))

    def on_source_read(self, message: SourceRead) -> None:
        """Take it."""
        self.source, self._source_s = message.source, message.duration_s
        self._show_state()
        self.query_one("#convert", Button).focus()

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Set the buttons right, or say that nothing sounds."""
        if message.task.name == "convert" and message.playback.problem is not None:
            words = f"{message.playback.problem.message} It is converted all the same, and can be saved."
            self.gpa_app.show_message(words)
        self._show_state()

    def on_conversion_planned(self, message: ConversionPlanned) -> None:
        """Note what is being made."""
        self.job = message.job

    def on_segment_added(self, message: SegmentAdded) -> None:
        """List it."""
        self.query_one(SegmentList).add(message.segment)

    @on(ClipGrew)
    @on(ConversionAdvanced)
    @on(ConversionMade)
    def show_how_far_it_is(self, message: ClipGrew | ConversionAdvanced | ConversionMade) -> None:
        """Say how long the recording is, how far the conversion, or that only the sound goes on."""
        progress = self.query_one(ProgressRow)
        if isinstance(message, ConversionMade):
            progress.show(made_words(self.job))
        elif isinstance(message, ConversionAdvanced) and message.source_s > 0 and self._source_s > 0:
            words = f"{message.source_s:.0f} of {self._source_s:.0f} s"
            progress.show(words, min(message.source_s / self._source_s, 1.0))
        self._show_state()

    def on_saved(self, _: Saved) -> None:
        """Note what is not lost any more."""
        self._saved_job = self._saving_job

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        if name == "record":
            self._recorder = None
            self.look_for_microphone()
        if name in ("record", "read") and not (self.has_task("read") or self.source):
            self._sounds.clear("source")
        if name == "convert":
            self.query_one(ProgressRow).show(made_words(self.job))
        self._sounds.note_end(name)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _sounds(self) -> SoundPair:
        return self.query_one(SoundPair)

    def _forget(self) -> None:
        """Make room for another source; what was made of the last one is gone."""
        for name in ("convert", "play", "record", "read"):
            self.cancel(name)
        self.source, self.job, self._source_s, self._target = None, None, 0.0, ""
        self._sounds.side = "result"
        for side in ("source", "result"):
            self._sounds.clear(side)
        self.query_one(SegmentList).clear_options()
        self.query_one(ProgressRow).show("")

    def _read(self, source: Source) -> None:
        self._sounds.clear("source", "")
        self._sounds.start("read", lambda task: read_source(task, source))
        self._show_state()

    def _play(self, side: Side, start_s: float) -> None:
        job, source = self.job, self.source
        if side == "source" and source is not None:
            pieces, duration_s = source.pieces(start_s), self._source_s
        elif side == "result" and job is not None and job.result.has_audio:
            result = job.result
            pieces = pieces_while_made(result.pieces, start_s, lambda: not self.has_task("convert"), check_cancelled)
            duration_s = self._source_s if self.has_task("convert") else result.duration_s
        else:
            self.gpa_app.show_message("Open or record something first.")
            return
        self._sounds.play(side, pieces, start_s, max(duration_s - start_s, 0.0))
        self._show_state()

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        recording, converting = self.has_task("record"), self.has_task("convert")
        player = self._sounds.player
        result = "Result"
        if self._target and self.source is not None:
            sign = f"{self.gpa_app.symbols.busy} " if converting and not player.is_sounding else ""
            result = f"{sign}Result: {self.source.name} in the voice {self._target}"
        self._sounds.show_names(_source_words(self, self._source_s, self._problem), result)
        self.query_one("#record", Button).label = "Finish" if recording else "Record"
        play_button = self.query_one("#play", Button)
        play_button.label = "Play" if not player.is_sounding else "Go on" if player.is_paused else "Pause"
        self.query_one("#compare", Button).label = f"Hear the {self._sounds.other_side}"
        disabled = {
            "#convert": self.source is None or recording,
            "#play": not player.is_sounding and (self.source is None or recording),
            "#compare": not _has_audio(self.job),
            "#save": not _has_audio(self.job),
        }
        for selector, is_disabled in disabled.items():
            self.query_one(selector, Button).disabled = is_disabled


def _has_audio(job: ConvertJob | None) -> bool:
    """Return whether there is a result to hear and to save."""
    return job is not None and job.result.has_audio


def _source_words(screen: ConvertScreen, duration_s: float, problem: str) -> str:
    """Return the line above the source: what is done with it, what it is, or how to get one."""
    symbols = screen.gpa_app.symbols
    if screen.has_task("record"):
        recorded_s = screen.query_one(SoundPair).recorded_s
        return f"{symbols.recording} Recording {recorded_s:.0f} s. Ctrl+N ends it, Esc drops it."
    if screen.has_task("read"):
        return f"{symbols.busy} Reading the recording{symbols.ellipsis}"
    if screen.source is not None:
        return f"Source: {screen.source.name}, {duration_s:.1f} s"
    if problem:
        return f"{symbols.doubtful} {problem}"
    return "Source: Ctrl+O takes a file, Ctrl+N records."


def made_words(job: ConvertJob | None) -> str:
    """Return how much was converted; empty: nothing."""
    if job is None or not job.result.has_audio:
        return ""
    result = job.result
    seed = "" if result.seed is None else f", seed {result.seed}"
    return f"{'' if result.is_complete else 'stopped after '}{result.duration_s:.1f} s{seed}"
