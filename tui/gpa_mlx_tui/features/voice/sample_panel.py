"""How a voice sounds: a button, what is said, and its picture with a playhead."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Horizontal, Vertical

from gpa_mlx_tui.features.voice.jobs import say_sample
from gpa_mlx_tui.services.sound import play
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import ComposeResult

    from gpa_mlx.types import Voice
    from gpa_mlx.types import Waveform as Samples
    from gpa_mlx_tui.features.mode_screen import ModeScreen
    from gpa_mlx_tui.features.voice.messages import SampleMade
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.sound import Playback, PlaybackOpened, SoundGrew

_PLAYHEAD_S = 0.05
_NOTE = "what the voice says will be drawn here"


class SamplePanel(Vertical):
    """Plays voices and recordings; keeps what voices have said, to be heard again at once.

    Args:
        id: Of the widget.
    """

    DEFAULT_CSS = "SamplePanel { height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._samples: dict[tuple[Path, tuple[int, ...]], SampleMade] = {}
        self._playback: Playback | None = None
        self._playing_wave: Waveform | None = None

    def compose(self) -> ComposeResult:
        """Lay out the panel."""
        with Horizontal(classes="row"):
            yield Button("Play voice", id="play", action="screen.play")
            yield ProgressRow(id="progress")
        yield Waveform(note=_NOTE, id="sample")

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)

    # -- what the screen asks for -------------------------------------------------------------------------------------

    def toggle(self) -> bool:
        """Pause the sound or go on; return whether there is one."""
        if self._playback is None or not self._mode.has_task("play"):
            return False
        self._playback.toggle()
        return True

    def play_voice(self, voice: Voice) -> None:
        """Say a sample with a voice, or play the one it has said before."""
        service, output = self._mode.service, self._mode.gpa_app.output
        if self.show_known(voice):
            known = self._samples[self._key(voice)]
            self._play(self._wave, lambda task: play(task, [known.samples], output, text=known.text))
            return
        self.report("loading the model" if service.state == "opening" else "beginning")
        engine = service.engine
        self._play(self._wave, lambda task: say_sample(task, engine, voice, output))

    def play_recording(self, samples: Samples, wave: Waveform) -> None:
        """Play samples, and follow them in a picture of them."""
        output = self._mode.gpa_app.output
        self._play(wave, lambda task: play(task, [samples], output))

    def show_known(self, voice: Voice | None) -> bool:
        """Show what a voice has said before; return whether there is something. Voices with equal codes speak alike."""
        self._wave.clear()
        known = None if voice is None else self._samples.get(self._key(voice))
        if known is not None:
            self._wave.add(known.peaks)
        return known is not None

    def show_made(self, sample: SampleMade) -> None:
        """Keep and show what a new voice has said to be measured."""
        self._samples[self._key(sample.voice)] = sample
        self._wave.add(sample.peaks)

    def clear(self) -> None:
        """Show nothing."""
        self._wave.clear()

    def report(self, words: str) -> None:
        """Say what is being done."""
        self.query_one(ProgressRow).show(words)

    def note_end(self, name: str) -> None:
        """Note that a task of the screen has ended."""
        if name == "play":
            self._playback = None
            if self._playing_wave is not None:
                self._playing_wave.move_to(None)
        if name in ("make", "play") and not (self._mode.has_task("make") or self._mode.has_task("play")):
            self.report("")

    def show_state(self, *, can_play: bool) -> None:
        """Set the button right.

        Args:
            can_play: Whether there is a voice to hear.
        """
        playing = self._mode.has_task("play") and self._playback is not None
        paused = self._playback is not None and self._playback.is_paused
        button = self.query_one("#play", Button)
        button.label = "Go on" if playing and paused else "Pause" if playing else "Play voice"
        button.disabled = not playing and not can_play

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Note what plays."""
        self._playback = message.playback
        self.report(f'"{message.text}"' if message.text else "")

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw it."""
        self._wave.add(message.peaks)

    def on_sample_made(self, message: SampleMade) -> None:
        """Keep it; its sound was drawn while it was made."""
        self._samples[self._key(message.voice)] = message

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _mode(self) -> ModeScreen:
        return cast("ModeScreen", self.screen)

    @property
    def _wave(self) -> Waveform:
        return self.query_one("#sample", Waveform)

    def _key(self, voice: Voice) -> tuple[Path, tuple[int, ...]]:
        return self._mode.service.model, voice.global_tokens

    def _play(self, wave: Waveform, body: Callable[[BackgroundTask], None]) -> None:
        self._mode.cancel("play")
        self._playing_wave, self._playback = wave, None
        self._mode.start("play", body, owner=self)

    def _follow(self) -> None:
        if self._playback is not None and self._playback.problem is None and self._playing_wave is not None:
            self._playing_wave.move_to(self._playback.position_s)
