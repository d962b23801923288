"""What a download would take: size, space, licence, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.text.quantities import readable_size
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from gpa_mlx_convert.hub_source import DownloadSurvey
    from gpa_mlx_tui.services.background import BackgroundTask

_LINES_MBIT = (20, 100)
"""Speeds of a slow and of a usual line: which one the user has is known when the download runs, and shown then."""


class DownloadSurveyed(TaskMessage):
    """The hub was asked.

    Args:
        task: The task.
        survey: What the download would take.
    """

    def __init__(self, task: BackgroundTask, survey: DownloadSurvey) -> None:
        super().__init__(task)
        self.survey = survey


def survey(task: BackgroundTask, repo: str, revision: str | None) -> None:
    """Ask the hub what a download would take.

    Raises:
        GPAError: It cannot be asked, or there is no such model.
    """
    from gpa_mlx_convert.hub_source import survey_download

    task.post(DownloadSurveyed(task, survey_download(repo, revision)))


def describe_survey(found: DownloadSurvey) -> str:
    """Return it in a few lines."""
    lines = []
    if found.missing_bytes:
        times = " or ".join(f"{_minutes(found.missing_bytes, speed)} min at {speed} Mbit/s" for speed in _LINES_MBIT)
        lines.append(f"Download: {readable_size(found.missing_bytes)}, {times}; then it is converted here.")
    else:
        lines.append("Download: nothing, all of it is here; it is converted anew if need be.")
    needed, free = readable_size(found.needed_bytes), readable_size(found.free_bytes)
    if found.free_bytes < found.needed_bytes:
        lines.append(f"Disk: perhaps too little: it needs {needed}, and {free} are free.")
    else:
        lines.append(f"Disk: needs {needed} for a while, {free} are free.")
    lines.append(
        f"Licence: {found.licence or 'its page names none'}. GPA contains parts of Spark-TTS (CC BY-NC-SA 4.0): "
        "read both before you use it commercially."
    )
    return "\n".join(lines)


def _minutes(size_bytes: int, speed_mbit: int) -> int:
    """Return how long a download takes, at least a minute."""
    return max(round(size_bytes * 8 / (speed_mbit * 1e6) / 60), 1)
