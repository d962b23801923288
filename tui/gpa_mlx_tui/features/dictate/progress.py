"""How a recording goes, told by its events, and the words for the status line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from gpa_mlx.dictation import Event
    from gpa_mlx_tui.themes import Symbols

_ZEROS_DB = -119.0


@dataclass(slots=True, eq=False)
class RecordingProgress:
    """One recording from its key to its text.

    Attributes:
        elapsed_s: Length so far.
        is_heard: The microphone has given its first sound.
        is_paused: What is said is left out.
        is_stopping: Its text is being worked out.
        advice: What to do about a microphone that gives zeros; empty while it does not.
    """

    elapsed_s: float = 0.0
    is_heard: bool = False
    is_paused: bool = False
    is_stopping: bool = False
    advice: str = ""

    def take(self, event: Event) -> None:
        """Note what happened."""
        from gpa_mlx.dictation import Level, Listening, NoInput, Paused, Stopped

        match event:
            case Listening():
                self.is_heard, self.advice = True, ""
            case Level(_, peak_db, elapsed_s):
                self.elapsed_s = elapsed_s
                if peak_db > _ZEROS_DB:
                    self.advice = ""
            case NoInput(advice):
                self.advice = advice
            case Paused(is_paused):
                self.is_paused = is_paused
            case Stopped():
                self.is_stopping = True
            case _:
                pass

    def words(self, symbols: Symbols) -> str:
        """Return the status line."""
        if self.is_stopping:
            return f"{symbols.busy} Writing it down{symbols.ellipsis} Esc drops the text."
        if self.advice:
            return f"{symbols.doubtful} {self.advice}"
        if not self.is_heard:
            return f"{symbols.busy} Opening the microphone{symbols.ellipsis}"
        minutes, seconds = divmod(int(self.elapsed_s), 60)
        if self.is_paused:
            return f"{symbols.pause} Paused at {minutes}:{seconds:02}. Ctrl+L goes on, Ctrl+R ends it."
        return (
            f"{symbols.recording} Recording {minutes}:{seconds:02}. Ctrl+R ends it, Ctrl+L pauses, Esc drops the text."
        )


@dataclass(slots=True, eq=False)
class FileProgress:
    """A recording from a file, while it is written down.

    Attributes:
        name: Of the file.
        text: So far; empty again when all of it was taken.
        position_s: How far it is.
        duration_s: Its length; None: not known.
    """

    name: str
    text: str = ""
    position_s: float = 0.0
    duration_s: float | None = None

    def words(self, symbols: Symbols) -> str:
        """Return the status line."""
        of = "" if not self.duration_s else f" of {readable_duration(self.duration_s)}"
        share = f", {min(self.position_s / self.duration_s, 1.0):.0%}" if self.duration_s else ""
        return (
            f"{symbols.busy} Writing down {self.name}: {readable_duration(self.position_s)}{of}{share}. "
            "Esc keeps the text so far."
        )
