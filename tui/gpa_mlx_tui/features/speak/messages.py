"""What the tasks of the Speak mode report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from gpa_mlx.jobs.speak import SpeakJob
    from gpa_mlx.synthesis.long_form import SpokenPassage
    from gpa_mlx.synthesis.plan import PassageCount
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.sound import Peaks


class SpeechPlanned(TaskMessage):
    """The text will be spoken.

    Args:
        task: The task.
        job: Speaks it; its result grows on the task's thread, and stays when that is cancelled.
    """

    def __init__(self, task: BackgroundTask, job: SpeakJob) -> None:
        super().__init__(task)
        self.job = job


class GenerationBegan(TaskMessage):
    """All that is needed is loaded: from here on the time counts."""


class PassageRedone(TaskMessage):
    """A passage was said again, and has taken the place of the old one.

    Args:
        task: The task.
        number: Which, from 0.
        passage: How it came out.
        peaks: Of the whole speech, as it is now.
    """

    def __init__(self, task: BackgroundTask, number: int, passage: SpokenPassage, peaks: Peaks) -> None:
        super().__init__(task)
        self.number = number
        self.passage = passage
        self.peaks = peaks


class PassageAdvanced(TaskMessage):
    """A passage begins, or is complete.

    Args:
        task: The task.
        number: Which, from 0.
        count: Passages of the text.
        share: The share of the text, from 0 to 1, that is spoken.
        passage: How it came out; None while it is spoken.
    """

    def __init__(
        self, task: BackgroundTask, number: int, count: PassageCount, share: float, passage: SpokenPassage | None
    ) -> None:
        super().__init__(task)
        self.number = number
        self.count = count
        self.share = share
        self.passage = passage


class WordsUnknown(TaskMessage):
    """The model cannot say some words; the rest is spoken without them.

    Args:
        task: The task.
        words: Which, for people.
    """

    def __init__(self, task: BackgroundTask, words: str) -> None:
        super().__init__(task)
        self.words = words


class SpeechMade(TaskMessage):
    """All of it is made; what is playing goes on."""


class PreviewFound(TaskMessage):
    """How the text will be read.

    Args:
        task: The task.
        spoken: One line for each passage.
        is_as_written: Nothing is read otherwise than it is written.
        unknown: What the model cannot say, a list for people; empty: nothing.
    """

    def __init__(
        self, task: BackgroundTask, spoken: tuple[str, ...], *, is_as_written: bool, unknown: str = ""
    ) -> None:
        super().__init__(task)
        self.spoken = spoken
        self.unknown = unknown
        self.is_as_written = is_as_written
