"""The row of settings for speech: who says it, how freely, and whether it is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Input, Static

from gpa_mlx_tui.features.speak.jobs import LEAST_SPEED, MOST_SPEED, SpeechSettings
from gpa_mlx_tui.services.kept_state import Kept, kept_flag, kept_text
from gpa_mlx_tui.widgets.file_fields import TextField
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import VoicePicker

if TYPE_CHECKING:
    from textual.app import ComposeResult

_NUMBERS = ("temperature", "seed", "speed")
_MOST_SEED = 2**32 - 1
_MOST_TEMPERATURE = 10


class SpeechForm(Horizontal):
    """Voice, temperature, seed, speed, verification."""

    def compose(self) -> ComposeResult:
        """Lay out the row."""
        yield Static("Voice", classes="label")
        yield VoicePicker(id="voice")
        yield Static("Temp.", classes="label")
        yield TextField(placeholder="0.2", type="number", valid_empty=True, id="temperature", compact=True)
        yield Static("Seed", classes="label")
        yield TextField(placeholder="any", type="integer", valid_empty=True, id="seed", compact=True)
        yield Static("Speed", classes="label")
        yield TextField(placeholder="1", type="number", valid_empty=True, id="speed", compact=True)
        yield Toggle("Verify", id="verify", tooltip="Listen to every passage; play it after.")

    def keep(self) -> Kept:
        """Return what is filled in, for the next start."""
        numbers = {name: self.query_one(f"#{name}", Input).value for name in _NUMBERS}
        verify = self.query_one("#verify", Toggle).value
        return {**self.query_one(VoicePicker).keep(), **numbers, "verify": verify}

    def bring_back(self, kept: Kept) -> None:
        """Fill it in again."""
        self.query_one(VoicePicker).bring_back(kept)
        for name in _NUMBERS:
            self.query_one(f"#{name}", Input).value = kept_text(kept, name)
        self.query_one("#verify", Toggle).value = kept_flag(kept, "verify")

    def read(self, text: str) -> tuple[SpeechSettings | None, str]:
        """Return what is filled in, or what is wrong with it."""
        voice = self.query_one(VoicePicker).choice
        temperature, seed, speed = (self.query_one(f"#{name}", Input).value for name in _NUMBERS)
        if not text.strip():
            return None, "Write what should be said first."
        if voice is None:
            return None, "Choose a voice first."
        if temperature and not 0 <= _number(temperature) <= _MOST_TEMPERATURE:
            return None, f"The temperature must be a number from 0 to {_MOST_TEMPERATURE}."
        if seed and not 0 <= _number(seed) <= _MOST_SEED:
            return None, f"The seed must be a whole number from 0 to {_MOST_SEED}."
        if speed and not LEAST_SPEED <= _number(speed) <= MOST_SPEED:
            return None, f"The speed must be a number from {LEAST_SPEED:g} to {MOST_SPEED:g}."
        settings = SpeechSettings(
            text=text,
            voice=voice,
            temperature=float(temperature) if temperature else None,
            seed=int(seed) if seed else None,
            speed=float(speed) if speed else 1.0,
            verify=self.query_one("#verify", Toggle).value,
        )
        return settings, ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
