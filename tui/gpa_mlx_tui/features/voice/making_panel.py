"""The recording that becomes a voice: buttons, picture, what is good and bad about it, and the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from gpa_mlx_tui.features.voice.coaching import advise, verdict
from gpa_mlx_tui.features.voice.jobs import best_clip
from gpa_mlx_tui.features.voice.quality_panel import QualityPanel
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.level_meter import LevelMeter
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from gpa_mlx_tui.features.voice.jobs import Clip, Part
    from gpa_mlx_tui.services.recorder import ClipGrew

_NOTE = "the part that counts will be drawn here"


class MakingPanel(Vertical):
    """Shows one recording after the other while it is made and judged."""

    @property
    def whole(self) -> bool:
        """Whether the beginning counts instead of the best part."""
        return self.query_one("#whole", Toggle).value

    def compose(self) -> ComposeResult:
        """Lay out the panel."""
        with Horizontal(classes="row"):
            yield Button("Record", id="record", variant="primary")
            yield Button("Open", id="open")
            yield Button("Clear", id="clear", disabled=True)
            yield Toggle("From the start", id="whole", tooltip="Do not look for the best part.")
        yield Static(id="status", markup=False)
        yield LevelMeter(id="meter")
        yield Waveform(note=_NOTE, id="source")
        yield QualityPanel(id="quality")
        with Horizontal(classes="row"):
            yield Button("Make", id="make", disabled=True)
            yield Button("Play recording", id="compare", disabled=True)
            yield Button("Keep", id="save", disabled=True)
        yield Static(id="result", markup=False)

    def begin_recording(self) -> None:
        """Make room for what the microphone hears."""
        self.query_one(Waveform).clear("")
        self.query_one(QualityPanel).show(())

    def grow(self, message: ClipGrew) -> None:
        """Show what the microphone heard."""
        self.query_one(Waveform).add(message.peaks)
        if message.peaks:
            self.query_one(LevelMeter).show(max(message.peaks))
        if message.advice:
            self.query_one(QualityPanel).show(message.advice)

    def show_clips(self, clips: Sequence[Clip]) -> Part | None:
        """Show the recording that counts, and return the part of it that does; None when there is none."""
        clip = best_clip(clips, whole=self.whole)
        wave = self.query_one(Waveform)
        wave.clear(_NOTE)
        self.query_one(LevelMeter).show(None)
        if clip is None:
            self.query_one(QualityPanel).show(())
            return None
        part = clip.part(whole=self.whole)
        wave.add(part.peaks)
        self.query_one(QualityPanel).show(advise(part.window.quality, part.duration_s, clip.wanted_s))
        return part

    def describe_clips(self, clips: Sequence[Clip]) -> str:
        """Return which part of which recording counts, and how good it is; empty when there is none."""
        clip = best_clip(clips, whole=self.whole)
        if clip is None:
            return ""
        part = clip.part(whole=self.whole)
        window = part.window
        of = clip.name if len(clips) == 1 else f"{clip.name}, the best of {len(clips)}"
        is_all = part.duration_s > clip.duration_s - 0.05
        place = f"All {clip.duration_s:.1f} s" if is_all else f"{window.start_s:.1f} to {window.end_s:.1f} s"
        return f"{place} of {of}: {verdict(window.quality.total)} ({window.quality.total:.0f}/100)"

    def show_state(
        self, status: str, result: str, *, recording: bool, busy: bool, has_clip: bool, has_voice: bool
    ) -> None:
        """Set words and buttons right.

        Args:
            status: About the recording.
            result: About the new voice.
            recording: Whether the microphone is open.
            busy: Whether a recording is judged or a voice is made.
            has_clip: Whether there is a recording.
            has_voice: Whether there is a new voice.
        """
        self.query_one("#status", Static).update(status)
        self.query_one("#result", Static).update(result)
        self.query_one(LevelMeter).display = recording
        self.query_one("#record", Button).label = "Finish" if recording else "Record"
        enabled = {
            "#open": not recording,
            "#clear": has_clip and not recording and not busy,
            "#make": has_clip and not recording and not busy,
            "#compare": has_clip and not recording,
            "#save": has_voice and not recording,
        }
        for selector, is_enabled in enabled.items():
            self.query_one(selector, Button).disabled = not is_enabled
