"""What is spoken: its picture, its passages, how far it is, and what sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical

from gpa_mlx_tui.features.speak.clock import SpeechClock
from gpa_mlx_tui.features.speak.jobs import make_speech, redo_passage
from gpa_mlx_tui.features.speak.passage_list import PassageList
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.player import PlayerState
from gpa_mlx_tui.services.sound import play
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.waveform import Waveform

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widgets import OptionList

    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx_tui.features.mode_screen import ModeScreen
    from gpa_mlx_tui.features.speak.jobs import SpeechSettings
    from gpa_mlx_tui.features.speak.messages import PassageAdvanced, PassageRedone, SpeechPlanned, WordsUnknown
    from gpa_mlx_tui.services.sound import PlaybackOpened, SoundGrew

_PLAYHEAD_S = 0.05


class SpeechPanel(Vertical):
    """Speaks, draws what tasks bring, lists the passages and plays them.

    Args:
        progress: Where it says how far it is.
        id: Of the widget.

    Attributes:
        job: What was said last; None until it has been planned.
        player: What sounds.
    """

    DEFAULT_CSS = "SpeechPanel { height: auto; }"

    def __init__(self, progress: ProgressRow, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.job: SpeakJob | None = None
        self.player = PlayerState()
        self._progress = progress
        self._clock = SpeechClock()

    def compose(self) -> ComposeResult:
        """Lay out picture and passages."""
        yield Waveform(note="the speech will be drawn here", id="wave")
        yield PassageList(id="passages")

    def on_mount(self) -> None:
        """Begin to follow the playhead."""
        self.set_interval(_PLAYHEAD_S, self._follow)

    @property
    def has_speech(self) -> bool:
        """Whether there is something to play and to save."""
        return self.job is not None and self.job.result.has_audio

    # -- what the screen asks for -------------------------------------------------------------------------------------

    def speak(self, settings: SpeechSettings) -> None:
        """Say a text; what was said before is forgotten."""
        for name in ("speak", "play", "redo"):
            self._mode.cancel(name)
        self.job = None
        self._wave.clear()
        self.query_one(PassageList).clear_options()
        service, output = self._mode.service, self._mode.gpa_app.output
        self._progress.show("loading the model" if service.state == "opening" else "beginning")
        engine = service.engine
        self.player.begin(
            self._mode.start("speak", lambda task: make_speech(task, engine, settings, output), owner=self)
        )

    def redo(self) -> bool:
        """Say the highlighted passage again, another way; return whether there is one."""
        job, number = self.job, self.query_one(PassageList).highlighted
        if job is None or number is None or self._mode.has_task("speak"):
            return False
        self._mode.cancel("play")
        self._progress.show(f"passage {number + 1} again")
        self._mode.start("redo", lambda task: redo_passage(task, job, number), owner=self)
        return True

    def play_from(self, start_s: float) -> None:
        """Play what was said from a moment on."""
        job, output = self.job, self._mode.gpa_app.output
        if job is None or not self.has_speech:
            self._mode.gpa_app.show_message("There is nothing to play yet.")
            return
        self._mode.cancel("play")
        task = self._mode.start("play", lambda task: play(task, job.result.pieces_from(start_s), output), owner=self)
        self.player.begin(task, start_s)

    def note_end(self, name: str) -> None:
        """Note that a task of the screen has ended."""
        if name in ("speak", "redo"):
            self.report_made()
        if name in ("speak", "play"):
            self.player.end()
            self._wave.move_to(None)

    def report_made(self) -> None:
        """Say what there is."""
        words = ""
        if self.job is not None and self.has_speech:
            result = self.job.result
            words = f"{result.duration_s:.1f} s" + ("" if result.seed is None else f", seed {result.seed}")
        self._progress.show(words)

    # -- what tasks and widgets report --------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Play from this passage on."""
        event.stop()
        if self.job is not None and not self._mode.has_task("speak"):
            self.play_from(self.job.result.parts[event.option_index].start_s)

    def on_playback_opened(self, message: PlaybackOpened) -> None:
        """Note what plays."""
        self.player.open(message.task, message.playback)

    def on_speech_planned(self, message: SpeechPlanned) -> None:
        """Note what is being made."""
        self.job = message.job

    def on_generation_began(self) -> None:
        """Start the clock."""
        self._clock.start()

    def on_sound_grew(self, message: SoundGrew) -> None:
        """Draw it."""
        self._wave.add(message.peaks)

    def on_words_unknown(self, message: WordsUnknown) -> None:
        """Say what will be missing."""
        app = app_services(self)
        app.show_message(f"This model cannot say: {message.words}. The rest is spoken without them.")

    def on_passage_advanced(self, message: PassageAdvanced) -> None:
        """Say how far it is, and list the passage that is complete."""
        if message.passage is not None:
            self.query_one(PassageList).add(message.passage)
        count = message.count
        about = "" if count.is_exact else "about "
        left = self._clock.left(message.share)
        self._progress.show(f"passage {message.number + 1} of {about}{count.number}{left}", message.share)

    def on_passage_redone(self, message: PassageRedone) -> None:
        """Show and play it."""
        if self.job is not None:
            self.query_one(PassageList).show_all(self.job.result.parts, message.number)
            self._wave.clear()
            self._wave.add(message.peaks)
            self.play_from(message.passage.start_s)

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _mode(self) -> ModeScreen:
        return cast("ModeScreen", self.screen)

    @property
    def _wave(self) -> Waveform:
        return self.query_one(Waveform)

    def _follow(self) -> None:
        if self.player.is_sounding:
            self._wave.move_to(self.player.position_s)
