"""What the tasks of the Dictate mode report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.dictation import Event
    from gpa_mlx.history import Entry
    from gpa_mlx_tui.services.background import BackgroundTask


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedRecording:
    """What was transcribed last, to be transcribed again.

    Attributes:
        audio: The recording.
        entry: Its place in the history; None for a file of the user.
    """

    audio: Path
    entry: Entry | None = None


class Dictated(TaskMessage):
    """Something happened while somebody dictates.

    Args:
        task: The task.
        event: What.
    """

    def __init__(self, task: BackgroundTask, event: Event) -> None:
        super().__init__(task)
        self.event = event


class TextTranscribed(TaskMessage):
    """A recording was transcribed, or a part of it.

    Args:
        task: The task.
        text: So far.
        recording: Set when this is all of it.
        position_s: How far in the recording that is.
        duration_s: Length of the recording; None: not known.
    """

    def __init__(
        self,
        task: BackgroundTask,
        text: str,
        recording: TranscribedRecording | None = None,
        *,
        position_s: float = 0.0,
        duration_s: float | None = None,
    ) -> None:
        super().__init__(task)
        self.text = text
        self.recording = recording
        self.position_s = position_s
        self.duration_s = duration_s
