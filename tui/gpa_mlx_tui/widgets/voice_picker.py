"""Who speaks: a button that shows the voice and lets another one be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.choices import VoiceChoice, card_choice, recording_choice, voices_of
from gpa_mlx_tui.services.kept_state import Kept, kept_text
from gpa_mlx_tui.services.messages import Listed, TaskEnded
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Choose, PathPicker

if TYPE_CHECKING:
    from gpa_mlx_tui.services.background import BackgroundTask

_NAMES = """
3g2 3ga 3gp 8svx aac ac3 adts aif aifc aiff amr ape asf au avi awb bwf caf dff divx dsf dts dtshd dv eac3 ec3
f4a f4v flac flv g722 g726 gsm iff ircam latm loas m2p m2t m2ts m4a m4b m4r m4v mka mkv mlp mov mp2 mp3 mp4 mpc
mpeg mpg mpga mts mxf nist nut oga ogg ogm ogv ogx oma opus paf qt qta ra rf64 rm rmvb sf snd sox sph spx svx
tak thd ts tta vob voc w64 wav wave weba webm wma wmv wv
"""
RECORDINGS = tuple(f".{name}" for name in _NAMES.split())
"""Files that the tree offers as recordings: all that can be read. Written down here because looking takes NumPy; any
name can be typed."""

_FROM_FILE = "A recording or a card"
_CARD = ".voice"


class VoicePicker(Button):
    """Shows the chosen voice; pressed, it offers those of the model and the library, and any recording.

    Args:
        id: Of the widget.
    """

    # Fixed, so that the row does not move when another voice is chosen.
    DEFAULT_CSS = """
    VoicePicker { width: 16; text-align: left; content-align-horizontal: left; text-overflow: ellipsis; }
    """

    class Picked(Message):
        """Another voice was chosen, or the first one was found.

        Args:
            picker: Where.
            choice: The voice.
        """

        def __init__(self, picker: VoicePicker, choice: VoiceChoice) -> None:
            super().__init__()
            self.picker = picker
            self.choice = choice

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("no voice", id=id)
        self.choice: VoiceChoice | None = None
        self._offered: tuple[VoiceChoice, ...] = ()
        self._opens = False
        self._wanted = ""

    def keep(self) -> Kept:
        """Return the choice for the next start."""
        if self.choice is None:
            return {"voice": self._wanted}
        source = self.choice.source
        return {"voice": self.choice.name, "file": str(source) if isinstance(source, Path) else ""}

    def bring_back(self, kept: Kept) -> None:
        """Choose what was chosen in the last run, as far as it is still there."""
        file = kept_text(kept, "file")
        if file and Path(file).is_file():
            self.pick(recording_choice(Path(file)))
        else:
            self._wanted = kept_text(kept, "voice")

    def on_mount(self) -> None:
        """Say what it is for."""
        self.tooltip = "Choose who speaks."

    def look_up(self, *, then_open: bool = False) -> None:
        """Look up the voices again: there may be another model, or new voices.

        Args:
            then_open: Let the user choose when they are known.
        """
        app = app_services(self)
        model = app.service.model
        self._opens = then_open

        def find(task: BackgroundTask) -> None:
            task.post(Listed(task, voices_of(model, app.settings.load().settings.voice)))

        app.service.start("voices", self, find)

    def pick(self, choice: VoiceChoice) -> None:
        """Choose a voice."""
        symbols = app_services(self).symbols
        self.choice = choice
        self.label = f"{choice.name} {symbols.more}"
        self.post_message(self.Picked(self, choice))

    def take_file(self, path: Path) -> None:
        """Choose who speaks in a recording, or the voice of a card."""
        if path.suffix.lower() == _CARD:
            app_services(self).service.start("card", self, lambda task: task.post(Listed(task, (card_choice(path),))))
        else:
            self.pick(recording_choice(path))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Let the user choose."""
        event.stop()
        self.look_up(then_open=True)

    def on_listed(self, message: Listed) -> None:
        """Offer what was found."""
        message.stop()
        found = tuple(item for item in message.items if isinstance(item, VoiceChoice))
        if message.task.name == "card":
            self.pick(found[0])
            return
        self._offered = found
        names = [choice.name for choice in self._offered]
        if self.choice is None and self._offered:
            self.pick(self._offered[names.index(self._wanted) if self._wanted in names else 0])
        elif self.choice is not None and not self.choice.is_file:
            self._follow(names)
        if self._opens:
            self._opens = False
            self._offer(names)

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say what went wrong."""
        message.stop()
        if message.error is not None:
            app_services(self).show_error(message.error)

    def _follow(self, names: list[str]) -> None:
        """Take the voice that has the name of the chosen one now, or the first."""
        assert self.choice is not None
        if self.choice.name in names:
            self.choice = self._offered[names.index(self.choice.name)]
        elif self._offered:
            self.pick(self._offered[0])
        else:
            self.choice, self.label = None, "no voice"

    def _offer(self, names: list[str]) -> None:
        about = [choice.about for choice in self._offered]
        current = names.index(self.choice.name) if self.choice is not None and self.choice.name in names else 0
        symbols = app_services(self).symbols
        dialog = Choose(
            "Who speaks?",
            [*names, f"{_FROM_FILE}{symbols.ellipsis}"],
            [*about, "a few seconds of clean speech"],
            current,
        )
        self.app.push_screen(dialog, self._take)

    def _take(self, index: int | None) -> None:
        if index is None:
            return
        if index < len(self._offered):
            self.pick(self._offered[index])
        else:
            dialog = PathPicker(
                "A recording of the voice, or a card", "open", Path.cwd(), suffixes=(*RECORDINGS, _CARD)
            )
            self.app.push_screen(dialog, lambda path: None if path is None else self.take_file(path))
