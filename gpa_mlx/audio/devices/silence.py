"""A microphone that gives exact zeros: who keeps the sound back, and what to do.

No live microphone is so silent. It is muted; or it wakes up, as Bluetooth headsets do; or macOS gives zeros in the
place of the sound, because its question whether the terminal may use the microphone is open, or was answered with no.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gpa_mlx.errors import AudioDeviceError
from gpa_mlx.runtime.clipboard import is_remote
from gpa_mlx.runtime.macos.microphone_access import MicrophoneAccess, microphone_access
from gpa_mlx.runtime.terminal_app import microphone_permission, terminal_app

SILENT_S = 1.0
"""After so long there is something to say about it."""

GIVE_UP_S = 10.0
"""After so long it will go on so: headsets are awake by then, and questions read."""

INPUT_PANE = "System Settings > Sound > Input"


class Advice(NamedTuple):
    """What is wrong, and what to do, one sentence or two each."""

    problem: str
    remedy: str

    def as_error(self) -> AudioDeviceError:
        """Return it as what ends a recording."""
        return AudioDeviceError(self.problem, hint=self.remedy)

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAdviser:
    """Says what may be wrong with a microphone that gives zeros.

    Attributes:
        platform: As `sys.platform`.
        environ: Environment variables, which tell the terminal.
        access: Asks the system whether the microphone may be used.
    """

    platform: str = field(default_factory=lambda: sys.platform)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    access: Callable[[], MicrophoneAccess] = microphone_access

    def advise(self, zeros_s: float) -> Advice:
        """Return what to say.

        Args:
            zeros_s: How long there were zeros.
        """
        problem = "The microphone gives nothing but zeros"
        if self.platform != "darwin":
            return Advice(
                f"{problem}: it is muted, or the system keeps its sound back.",
                "Unmute it: `pactl set-source-mute @DEFAULT_SOURCE@ 0`, or `alsamixer` (F4: capture).",
            )
        if is_remote(self.environ):
            return Advice(
                f"{problem}: over ssh macOS lets no program use the microphone, and asks nobody.",
                "Run gpa-mlx in a terminal on the Mac itself.",
            )
        return self._on_a_mac(problem, is_early=zeros_s < GIVE_UP_S)

    def _on_a_mac(self, problem: str, *, is_early: bool) -> Advice:
        app, access = terminal_app(self.environ) or "your terminal app", self.access()
        allow = f"{microphone_permission(self.environ)}."
        match access:
            case "denied":
                return Advice(f"macOS does not let {app} use the microphone.", allow)
            case "restricted":
                return Advice(
                    f"{problem}: Screen Time, or a profile of whoever manages this Mac, forbids the microphone.",
                    "System Settings > Screen Time, or ask who manages it.",
                )
            case "granted" if is_early:
                return Advice(f"{problem} yet.", "A Bluetooth headset takes some seconds to wake up.")
            case "granted":
                return Advice(
                    f"{problem}, though {app} may use it.",
                    f"Unmute it, turn it up in {INPUT_PANE}, or choose another one there.",
                )
            case _ if is_early:
                return Advice(
                    f"{problem} yet: macOS may be asking now whether {app} may use it.",
                    "Answer its question, which may be behind other windows.",
                )
            case "undecided":
                return Advice(f"{problem}: macOS was not told yet whether {app} may use it.", allow)
            case _:
                return Advice(f"{problem}: it is muted, or macOS does not let {app} use it.", allow)


class Silence:
    """A stretch of exact zeros in a recording.

    Args:
        adviser: Says what may be wrong.
        follows_sound: It may be a noise gate between two sentences: nothing is said before `GIVE_UP_S`.
    """

    def __init__(self, adviser: SilenceAdviser, *, follows_sound: bool = False) -> None:
        self._adviser = adviser
        self._limits_s = (GIVE_UP_S,) if follows_sound else (SILENT_S, GIVE_UP_S)
        self._seconds = 0.0
        self._said: Advice | None = None

    @property
    def is_final(self) -> bool:
        """Whether there is no point in waiting any longer."""
        return self._seconds >= GIVE_UP_S

    def note(self, seconds: float) -> Advice | None:
        """Take note of more zeros; return what is to be said now, each thing once."""
        before, self._seconds = self._seconds, self._seconds + seconds
        if not any(before < limit <= self._seconds for limit in self._limits_s):
            return None
        advice = self._adviser.advise(self._seconds)
        if advice == self._said:
            return None
        self._said = advice
        return advice

    def error(self) -> AudioDeviceError:
        """Return what ends a recording that has nothing else."""
        return self._adviser.advise(GIVE_UP_S).as_error()
