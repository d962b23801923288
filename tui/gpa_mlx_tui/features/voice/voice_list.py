"""The kept voices and the built-in ones, below a row that stands for a new one."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from gpa_mlx_tui.features.voice.library_jobs import list_voices
from gpa_mlx_tui.features.voice.listed_voice import ListedVoice
from gpa_mlx_tui.features.voice.messages import VoicesListed
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.messages import TaskEnded
from gpa_mlx_tui.themes import symbols_of

_NEW = "+ New voice"


class VoiceList(OptionList):
    """Lists the voices; the highlighted one is chosen.

    Args:
        id: Of the widget.
    """

    class Chosen(Message):
        """Another voice was chosen.

        Args:
            voice: None: a new one is to be made.
        """

        def __init__(self, voice: ListedVoice | None) -> None:
            super().__init__()
            self.voice = voice

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)
        self.voices: tuple[ListedVoice, ...] = ()
        self.chosen: ListedVoice | None = None
        self._rows: list[ListedVoice | None] = []
        self._wanted = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names that are taken."""
        return tuple(voice.name for voice in self.voices)

    def on_mount(self) -> None:
        """Show the row for a new voice."""
        self._fill()

    def look_up(self, wanted: str | None = None) -> None:
        """Look up the voices again: other modes and programs may have changed the library.

        Args:
            wanted: The voice to choose then; empty: a new one; None: the one that is chosen now.
        """
        app = app_services(self)
        model = app.service.model
        chosen = "" if self.chosen is None else self.chosen.name
        self._wanted = chosen if wanted is None else wanted
        app.service.start("voices", self, lambda task: list_voices(task, model))

    def choose_new(self) -> None:
        """Go to the row for a new voice."""
        self.highlighted = 0
        self._choose(None)

    def on_voices_listed(self, message: VoicesListed) -> None:
        """List what was found."""
        message.stop()
        self.voices = message.voices
        self._fill()

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what went wrong."""
        message.stop()
        if message.error is not None:
            app_services(self).show_error(message.error)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Choose it."""
        event.stop()
        if event.option_index < len(self._rows) and event.option_index == self.highlighted:
            self._choose(self._rows[event.option_index])

    def _choose(self, voice: ListedVoice | None) -> None:
        if voice != self.chosen:
            self.chosen = voice
            self.post_message(self.Chosen(voice))

    def _fill(self) -> None:
        symbols = symbols_of(self.app)
        options: list[Option | None] = [Option(_NEW)]
        self._rows = [None]
        for kind, title in (("kept", "Kept"), ("built-in", "Built in")):
            if found := [voice for voice in self.voices if voice.kind == kind]:
                options.append(Option(title, disabled=True))
                self._rows.append(None)
                for voice in found:
                    sign = f"{symbols.doubtful} " if voice.problem else "  "
                    options.append(Option(f"{sign}{voice.name}"))
                    self._rows.append(voice)
        self.clear_options()
        self.add_options(options)
        index = next((row for row, voice in enumerate(self._rows) if voice and voice.name == self._wanted), 0)
        self.highlighted = index
        self._choose(self._rows[index])
