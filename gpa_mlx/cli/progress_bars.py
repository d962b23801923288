"""Progress bars on standard error: one for each part of a long step."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gpa_mlx.cli.output import say
from gpa_mlx.jobs.events import StepStarted
from gpa_mlx.text.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from rich.progress import Progress, TaskID

    from gpa_mlx.jobs.events import PartProgress


class ProgressBars:
    """One bar per part on standard error, with the time left; nothing but the lines when that is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def follow(self, events: Generator[StepStarted | PartProgress, None, None]) -> None:
        """Run a job to its end and show how it goes; an interrupt closes the job before anything else is done."""
        with contextlib.closing(events):
            for event in events:
                if isinstance(event, StepStarted):
                    self.say(event.step)
                else:
                    self.report(event.part, event.done_bytes, event.total_bytes)

    def report(self, name: str, done: int, total: int) -> None:
        """Show how far a part is, in bytes."""
        if name not in self._bars:
            # What an earlier run has done is no measure of the speed of this one.
            self._bars[name] = self._progress.add_task(name, total=total, completed=done)
        self._progress.update(self._bars[name], completed=done)

    def say(self, line: str) -> None:
        """Write a line, above the bars where there are any."""
        if self._progress.disable:
            say(printable_line(line), err=True)
        else:
            self._progress.console.print(printable_line(line), markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def show_progress() -> Iterator[ProgressBars]:
    """Show progress while the block runs."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield ProgressBars(progress)
