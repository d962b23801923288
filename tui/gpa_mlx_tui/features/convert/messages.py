"""What the tasks of the Convert mode report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from gpa_mlx.jobs.convert import ConvertJob
    from gpa_mlx.synthesis.conversion import ConvertedSegment
    from gpa_mlx_tui.features.convert.source import Source
    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.sound import Peaks


class SourceRead(TaskMessage):
    """The source can be converted.

    Args:
        task: The task.
        source: What it is.
        duration_s: Its length.
    """

    def __init__(self, task: BackgroundTask, source: Source, duration_s: float) -> None:
        super().__init__(task)
        self.source = source
        self.duration_s = duration_s


class ConversionPlanned(TaskMessage):
    """The source will be converted.

    Args:
        task: The task.
        job: Converts it; its result grows on the task's thread, and stays when that is cancelled.
    """

    def __init__(self, task: BackgroundTask, job: ConvertJob) -> None:
        super().__init__(task)
        self.job = job


class ResultGrew(TaskMessage):
    """There is more of the result.

    Args:
        task: The task.
        peaks: Of the new sound.
    """

    def __init__(self, task: BackgroundTask, peaks: Peaks) -> None:
        super().__init__(task)
        self.peaks = peaks


class ConversionAdvanced(TaskMessage):
    """So much of the source is converted.

    Args:
        task: The task.
        source_s: Seconds of it.
    """

    def __init__(self, task: BackgroundTask, source_s: float) -> None:
        super().__init__(task)
        self.source_s = source_s


class SegmentAdded(TaskMessage):
    """A segment is converted.

    Args:
        task: The task.
        segment: How it came out.
    """

    def __init__(self, task: BackgroundTask, segment: ConvertedSegment) -> None:
        super().__init__(task)
        self.segment = segment


class ConversionMade(TaskMessage):
    """All of it is made; what is playing goes on."""
