"""Source and result as two pictures, one of which sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from textual.containers import Vertical
from textual.widgets import Static

from gpa_mlx_tui.services.player import PlayerState
from gpa_mlx_tui.services.sound import play
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import ComposeResult

    from gpa_mlx.types import Waveform as Samples
    from gpa_mlx_tui.features.convert.messages import ResultGrew
    from gpa_mlx_tui.features.mode_screen import ModeScreen
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.recorder import ClipGrew
    from gpa_mlx_tui.services.sound import PlaybackOpened, SoundGrew

Side: TypeAlias = Literal["source", "result"]

_PLAYHEAD_S = 0.05
_NOTES: dict[Side, str] = {"source": "the source will be drawn here", "result": "the result will be drawn here"}


class SoundPair(Vertical):
    """Draws what tasks bring, and plays either side.

    Args:
        id: Of the widget.

    Attributes:
        side: What was heard last.
        player: What sounds.
        recorded_s: Length of the recording that is being made.
    """

    DEFAULT_CSS = "SoundPair { height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.side: Side = "result"
        self.player = PlayerState()
        self.recorded_s = 0.0

    def compose(self) -> ComposeResult:
        """Lay out both sides."""
        for side, note in _NOTES.items():
            yield Static(id=f"{side}_name", markup=False)
            yield Waveform(note=note, id=side)

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)

    @property
    def other_side(self) -> Side:
        """What was not heard last."""
        return "source" if self.side == "result" else "result"

    # -- what the screen asks for -------------------------------------------------------------------------------------

    def start(self, name: str, body: Callable[[BackgroundTask], None]) -> None:
        """Start a task whose sound is drawn here."""
        cast("ModeScreen", self.screen).start(name, body, owner=self)

    def record(self, body: Callable[[BackgroundTask], None]) -> None:
        """Start a recording of the source."""
        self.recorded_s = 0.0
        self.clear("source", "")
        self.start("record", body)

    def convert(self, body: Callable[[BackgroundTask], None]) -> None:
        """Start a conversion, which may sound."""
        self.clear("result")
        self.side = "result"
        self.player.begin(cast("ModeScreen", self.screen).start("convert", body, owner=self))

    def play(self, side: Side, pieces: Iterable[Samples], start_s: float, rest_s: float) -> None:
        """Play one side from a moment on; what sounds is stopped, and made on where it is not made yet."""
        screen = cast("ModeScreen", self.screen)
        output = screen.gpa_app.output
        screen.cancel("play")
        self.player.silence()
        self.side = side
        task = screen.start("play", lambda task: play(task, pieces, output, expected_s=rest_s), owner=self)
        self.player.begin(task, start_s)

    def note_end(self, name: str) -> None:
        """Note that a task has ended, and its sound with it."""
        if self.player.follows(name):
            self.player.end()
            for side in _NOTES:
                self._wave(side).move_to(None)

    def clear(self, side: Side, note: str | None = None) -> None:
        """Forget the sound of a side, and say `note` in its place; None: what it is for."""
        self._wave(side).clear(_NOTES[side] if note is None else note)

    def show_names(self, source: str, result: str) -> None:
        """Say what both sides are; the one that sounds has a sign."""
        symbols = symbols_of(self.app)
        sign = symbols.pause if self.player.is_paused else symbols.play
        sounding = self.side if self.player.is_sounding else None
        for side, words in (("source", source), ("result", result)):
            self.query_one(f"#{side}_name", Static).update(f"{sign} {words}" if side == sounding else words)

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_clip_grew(self, message: ClipGrew) -> None:
        """Draw what comes from the microphone."""
        self.recorded_s = message.elapsed_s
        self._wave("source").add(message.peaks)

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw the source."""
        self._wave("source").add(message.peaks)

    def on_result_grew(self, message: ResultGrew) -> None:
        """Draw the result."""
        self._wave("result").add(message.peaks)

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Note what plays."""
        self.player.open(message.task, message.playback)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _wave(self, side: Side) -> Waveform:
        return self.query_one(f"#{side}", Waveform)

    def _follow(self) -> None:
        if self.player.is_sounding:
            for side in _NOTES:
                self._wave(side).move_to(self.player.position_s if side == self.side else None)
