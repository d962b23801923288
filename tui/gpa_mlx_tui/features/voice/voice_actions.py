"""The questions that come before a voice is kept, renamed, removed or passed on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.store.file_names import name_key
from gpa_mlx.voices.consent import CONSENT_QUESTION
from gpa_mlx_tui.features.voice import library_jobs
from gpa_mlx_tui.features.voice.voice_dialogs import AskName, PasteCard
from gpa_mlx_tui.widgets.dialogs import Confirm, PathPicker

if TYPE_CHECKING:
    from gpa_mlx.types import Voice
    from gpa_mlx_tui.features.mode_screen import ModeScreen
    from gpa_mlx_tui.features.voice.voice_list import VoiceList

KEEP = "keep"
"""The task that keeps a new voice."""

_CHANGE = "change"


class VoiceActions:
    """Asks, and then starts the task; its messages go to the screen.

    Args:
        screen: Has the tasks and shows the dialogues.
        voices: Knows which names are taken.
    """

    def __init__(self, screen: ModeScreen, voices: VoiceList) -> None:
        self._screen, self._voices = screen, voices

    def keep(self, voice: Voice, name: str) -> None:
        """Keep a new voice, if its owner has agreed.

        Args:
            voice: The voice.
            name: A name to begin with.
        """

        def ask(chosen: str | None) -> None:
            if chosen is not None:
                self._screen.app.push_screen(Confirm(CONSENT_QUESTION), lambda yes: take(chosen, yes))

        def take(chosen: str, yes: bool | None) -> None:
            if yes:
                self._screen.start(KEEP, lambda task: library_jobs.keep_new(task, voice, chosen))
            elif yes is not None:
                self._screen.gpa_app.show_message(
                    "The voice was not kept: its owner has not agreed. Ask the owner first."
                )

        self._screen.app.push_screen(AskName("What shall the voice be called?", name, self._voices.names), ask)

    def own_name(self) -> str | None:
        """Return the name of the chosen voice if it can be changed; else say why not."""
        chosen = self._voices.chosen
        if chosen is None or chosen.kind != "kept":
            words = "Choose a voice that you keep; the built-in ones belong to the model."
            self._screen.gpa_app.show_message(words)
            return None
        return chosen.name

    def rename(self, name: str) -> None:
        """Give a voice another name."""

        def take(new_name: str | None) -> None:
            if new_name is not None and new_name != name:
                self._screen.start(_CHANGE, lambda task: library_jobs.rename(task, name, new_name))

        taken = [other for other in self._voices.names if other != name]
        self._screen.app.push_screen(AskName(f"What shall '{name}' be called?", name, taken), take)

    def remove(self, name: str) -> None:
        """Remove a voice."""

        def take(yes: bool | None) -> None:
            if yes:
                self._screen.start(_CHANGE, lambda task: library_jobs.remove(task, name))

        question = f"Remove the voice '{name}'? Only its card could bring it back."
        self._screen.app.push_screen(Confirm(question, yes="Remove", no="Keep", destroys=True), take)

    def export(self, voice: Voice) -> None:
        """Write the card of a voice to a file."""

        def take(path: Path | None) -> None:
            if path is not None:
                self._screen.start(_CHANGE, lambda task: library_jobs.export(task, voice, path))

        start = Path.cwd() / f"{voice.name}.voice"
        self._screen.app.push_screen(PathPicker("Export the card as", "save", start), take)

    def paste(self, text: str = "") -> None:
        """Add the voice of a card that is pasted, or in a file.

        Args:
            text: What was pasted already.
        """
        self._screen.app.push_screen(PasteCard(text), lambda voice: None if voice is None else self.take_card(voice))

    def read(self, path: Path) -> None:
        """Add the voice of a card file."""
        self._screen.start(_CHANGE, lambda task: library_jobs.read_file(task, path))

    def take_card(self, voice: Voice) -> None:
        """Keep the voice of a card, under another name if its own is taken."""

        def take(name: str | None) -> None:
            if name is not None:
                self._screen.start(_CHANGE, lambda task: library_jobs.keep_card(task, replace(voice, name=name)))

        taken = self._voices.names
        if name_key(voice.name) in {name_key(name) for name in taken}:
            title = f"There is a voice '{voice.name}' already. What shall this one be called?"
            self._screen.app.push_screen(AskName(title, voice.name, taken), take)
        else:
            take(voice.name)
