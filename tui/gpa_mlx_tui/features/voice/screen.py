"""Voice: make a voice from a recording, hear how good it is, keep it, pass it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, OptionList

from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.voice.kept_panel import KeptPanel
from gpa_mlx_tui.features.voice.making_panel import MakingPanel
from gpa_mlx_tui.features.voice.messages import ClipJudged, VoiceMade
from gpa_mlx_tui.features.voice.sample_panel import SamplePanel
from gpa_mlx_tui.features.voice.voice_actions import KEEP, VoiceActions
from gpa_mlx_tui.features.voice.voice_dialogs import CARDS
from gpa_mlx_tui.features.voice.voice_list import VoiceList
from gpa_mlx_tui.services.sound import PlaybackOpened
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker, ask_before_losing
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.events import Paste

    from gpa_mlx.types import Voice
    from gpa_mlx_tui.features.voice.messages import CardRead, LibraryChanged, SampleMade, StepTaken


class VoiceScreen(ModeScreen):
    """A list of voices at the left; at the right the making of a new one, or what is known of the chosen one."""

    mode = "voice"
    uses = "speak"
    first_focus: ClassVar[str] = "#voices"
    long_tasks: ClassVar[Mapping[str, str]] = {"record": "a recording for a voice", "make": "a voice being made"}

    def __init__(self) -> None:
        super().__init__()
        self._voices = VoiceList(id="voices")
        self._making = MakingPanel(id="making")
        self._sample = SamplePanel(id="sound")
        self._actions = VoiceActions(self, self._voices)

    def at_risk(self) -> list[str]:
        """Name a voice that was not kept, or recordings that no voice was made of."""
        if self._making.made is not None:
            return [*super().at_risk(), "a new voice that is not kept"]
        recorded = any(not isinstance(clip.audio, Path) for clip in self._making.clips)
        return super().at_risk() + (["a recording for a voice that was not made yet"] if recorded else [])

    def compose_body(self) -> ComposeResult:
        """Lay out the list, and both panels."""
        with Horizontal(classes="body"):
            with Vertical(id="left"):
                yield self._voices
                yield Button("Paste a card", id="card", action="screen.card")
            with Vertical(id="right"):
                with ContentSwitcher(initial="making", id="panel"):
                    yield self._making
                    yield KeptPanel(id="kept")
                yield self._sample

    def on_screen_resume(self) -> None:
        """Look up the voices and the microphone: there may be another model, new voices, another device."""
        self._show_state()
        self._voices.look_up()
        self.look_for_microphone(self._making)

    # -- a new voice --------------------------------------------------------------------------------------------------

    def action_record(self) -> None:
        """Start a recording, or finish it."""
        if self.has_task("record"):
            self._making.finish_recording()
            return
        if not self.may_record():
            return

        def record() -> None:
            self._voices.choose_new()
            self.cancel("play")
            self._making.record()
            self._show_state()

        _ask_for_new(self, record)

    def action_open(self) -> None:
        """Take recordings from files, beside those that are there."""
        dialog = PathPicker(
            "A recording of the voice", "open", Path.cwd(), suffixes=RECORDINGS, several=self.take_files
        )
        self.app.push_screen(dialog, lambda path: None if path is None else self.take_files([path]))

    def take_files(self, paths: Sequence[Path]) -> None:
        """Take recordings of a voice, or a voice card."""
        cards = [path for path in paths if path.suffix.lower() in CARDS]
        if len(paths) > 1 and cards:
            self.gpa_app.show_message("One card at a time, or recordings of one speaker.")
        elif cards:
            self._actions.read(cards[0])
        else:

            def take() -> None:
                self._voices.choose_new()
                self.cancel("record")
                self._making.judge(*((path, path.name) for path in paths))

            _ask_for_new(self, take)

    def on_paste(self, event: Paste) -> None:
        """Take a card that is pasted; dropped files are taken as everywhere."""
        if "gpa-mlx voice card" in event.text:
            event.stop()
            event.prevent_default()  # Textual calls the method of the base class, too
            self._actions.paste(event.text)

    def action_make(self) -> None:
        """Make the voice, and measure how like it the model speaks."""
        words = "loading the model" if self.service.state == "opening" else "beginning"
        if self._making.make():
            self._voices.choose_new()
            self.cancel("play")
            self._sample.clear()
            self._sample.report(words)
            self._show_state()

    def action_clear(self) -> None:
        """Begin with another voice."""

        def clear() -> None:
            self._making.clear()
            self._show_state()

        _ask_for_new(self, clear)

    def action_save(self) -> None:
        """Keep the new voice, or export the chosen one."""
        if self._voices.chosen is not None:
            self.action_export()
        elif self._making.made is None:
            self.gpa_app.show_message("Make a voice first.")
        else:
            self._actions.keep(self._making.made.enrollment.voice, self._making.suggested_name)

    # -- any voice ----------------------------------------------------------------------------------------------------

    def action_play(self) -> None:
        """Pause the sound, go on, or hear the voice."""
        if not self._sample.toggle():
            if self._voice is None:
                self.gpa_app.show_message("Make a voice or choose one first.")
                return
            self._sample.play_voice(self._voice)
        self._show_state()

    def action_compare(self) -> None:
        """Hear the recording, to compare it with the voice."""
        part = self._making.part
        if self._voices.chosen is not None:
            self.gpa_app.show_message("A kept voice has no recording: only its codes are kept.")
        elif part is None:
            self.gpa_app.show_message("Record or open something first.")
        else:
            self._sample.play_recording(part.samples, self._making.source_wave)
            self._show_state()

    def action_copy(self) -> None:
        """Copy the card of the chosen voice."""
        chosen = self._voices.chosen
        if chosen is None or chosen.voice is None:
            self.gpa_app.show_message("Choose a voice first; a new one is kept before it is passed on.")
            return
        from gpa_mlx.voices.card import format_card

        self.gpa_app.copy(format_card(chosen.voice))

    def action_export(self) -> None:
        """Write the card of the chosen voice to a file."""
        if self._voices.chosen is not None and self._voices.chosen.voice is not None:
            self._actions.export(self._voices.chosen.voice)

    def action_card(self) -> None:
        """Add a voice from its card."""
        self._actions.paste()

    def action_rename(self) -> None:
        """Give the chosen voice another name."""
        if (name := self._actions.own_name()) is not None:
            self._actions.rename(name)

    def action_remove(self) -> None:
        """Remove the chosen voice."""
        if (name := self._actions.own_name()) is not None:
            self._actions.remove(name)

    # -- what tasks and widgets report --------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hear it, or begin with a new one."""
        if isinstance(event.option_list, VoiceList):
            if self._voices.chosen is None:
                self.query_one("#record", Button).focus()
            else:
                self.action_play()

    def on_voice_list_chosen(self, message: VoiceList.Chosen) -> None:
        """Show this voice."""
        self.cancel("play")
        self._making.finish_recording()
        self.query_one("#panel", ContentSwitcher).current = "making" if message.voice is None else "kept"
        if message.voice is not None:
            self.query_one(KeptPanel).show(message.voice)
        self._sample.show_known(self._voice)
        self._sample.report("")
        self._show_state()

    @on(VoiceMade)
    @on(ClipJudged)
    @on(PlaybackOpened)
    def set_buttons(self, message: VoiceMade | ClipJudged | PlaybackOpened) -> None:
        """Set the buttons right: there may be another voice to hear, and a sound can be paused."""
        self._show_state()
        if isinstance(message, VoiceMade):
            self.query_one("#play", Button).focus()

    def on_step_taken(self, message: StepTaken) -> None:
        """Show what is being done."""
        self._sample.report(message.words)

    def on_sample_made(self, message: SampleMade) -> None:
        """Show what the new voice has said to be measured."""
        if message.task.name == "make":
            self._sample.show_made(message)

    def on_card_read(self, message: CardRead) -> None:
        """Keep the voice of a card, under another name if its own is taken."""
        self._actions.take_card(message.voice)

    def on_library_changed(self, message: LibraryChanged) -> None:
        """Say so, and list the voices again."""
        self.gpa_app.show_message(message.words)
        if message.task.name == KEEP:
            self._making.clear()
            self._show_state()
        self._voices.look_up(message.name)

    def task_stopped(self, name: str) -> None:
        """Set buttons and words right."""
        self._making.note_end(name)
        self._sample.note_end(name)
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _voice(self) -> Voice | None:
        """The voice to hear."""
        if self._voices.chosen is not None:
            return self._voices.chosen.voice
        return None if self._making.made is None else self._making.made.enrollment.voice

    def _show_state(self) -> None:
        if self.is_mounted:
            self._making.show_state()
            self._sample.show_state(can_play=self._voice is not None and not self.has_task("record"))


def _ask_for_new(screen: VoiceScreen, then: Callable[[], None]) -> None:
    """Make room for other recordings; a new voice that is not kept is lost only after a question."""
    ask_before_losing(screen, screen.at_risk() if screen._making.made is not None else [], then)
