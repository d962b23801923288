"""Two short tones that say, without a look at the screen, that a recording begins and that it is over."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from gpa_mlx.errors import GPAError
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from gpa_mlx.audio.devices.playback import OutputDevice
    from gpa_mlx.types import Waveform

Moment: TypeAlias = Literal["start", "stop"]

_NOTES_HZ: dict[Moment, tuple[float, float]] = {"start": (660.0, 880.0), "stop": (880.0, 660.0)}
_NOTE_S, _FADE_S = 0.07, 0.01
_AMPLITUDE = 0.12


def tone(moment: Moment) -> Waveform:
    """Return the tones of a moment, rising or falling, `(samples,)` float32 at 16 kHz, with ends that do not click."""
    time_s = np.arange(round(_NOTE_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    envelope = np.minimum(np.minimum(time_s, _NOTE_S - time_s) / _FADE_S, 1.0)
    notes = [_AMPLITUDE * envelope * np.sin(2 * np.pi * hz * time_s) for hz in _NOTES_HZ[moment]]
    return np.concatenate(notes).astype(np.float32)


def play_tone(moment: Moment, output: OutputDevice | None = None) -> None:
    """Play the tones of a moment and return at once; where nothing can be played it stays silent.

    Args:
        moment: Which.
        output: Where to play; None means the system's default output.
    """

    def play() -> None:
        from gpa_mlx.audio.devices.playback import Player

        with suppress(GPAError):
            player = Player(SAMPLE_RATE_HZ, device=output)
            player.feed(tone(moment))
            player.finish()

    threading.Thread(target=play, name="gpa-mlx tone", daemon=True).start()
