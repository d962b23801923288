"""Recordings in line to be written down: what is known of each, without any widget."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.transcripts.collector import TranscriptCollector
from gpa_mlx.transcripts.targets import Targets, targets_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpa_mlx.errors import GPAError
    from gpa_mlx.transcripts.formats import Format

State: TypeAlias = Literal["waiting", "working", "done", "failed", "stopped"]

_NOTES = {
    "no_speech": "no speech was heard",
    "length": "the text is cut: the model had not finished",
    "loop": "the text is cut where the model began to repeat itself",
}


@dataclass(slots=True, eq=False)
class FileJob:
    """One recording.

    Attributes:
        path: The recording.
        place: What to call its text in another folder, without extension.
        id: Names it in the queue.
        duration_s: Its length as its header says; None when that does not tell.
        state: How it stands.
        targets: Where its text goes; None until that was checked.
        gathered: What was heard; grows on the work's thread.
        error: Why it failed.
        files: What was written.
        began: When it began, by `time.monotonic`.
        took_s: How long it worked.
    """

    path: Path
    place: Path
    id: str = ""
    duration_s: float | None = None
    state: State = "waiting"
    targets: Targets | None = None
    gathered: TranscriptCollector = field(default_factory=TranscriptCollector)
    error: GPAError | None = None
    files: tuple[Path, ...] = ()
    began: float = 0.0
    took_s: float = 0.0

    @property
    def text(self) -> str:
        """What was heard, one line per segment."""
        return "\n".join(words for segment in self.gathered.segments if (words := segment.text.strip()))

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1; None when that is not known."""
        if self.state == "done":
            return 1.0
        if not self.duration_s or self.state == "waiting":
            return None
        return min(self.gathered.position_s / self.duration_s, 1.0)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None when that is not known."""
        share = self.share
        if self.state != "working" or not share:
            return None
        return (time.monotonic() - self.began) * (1 / share - 1)

    @property
    def note(self) -> str:
        """What is to be said of a text that is there; may be empty."""
        return _NOTES.get(self.gathered.finish_reason, "") if self.state == "done" else ""

    def files_for(self, folder: Path | None, formats: Iterable[Format]) -> Targets:
        """Return the files to write, beside the recording or in a folder."""
        if folder is None:
            return targets_in(self.path.parent, Path(self.path.stem), formats)
        return targets_in(folder, self.place, formats)

    def wait(self) -> None:
        """Get in line, as if it were new."""
        self.state, self.targets, self.error, self.files = "waiting", None, None, ()
        self.gathered, self.began, self.took_s = TranscriptCollector(), 0.0, 0.0

    def begin(self) -> None:
        """Note that the work begins."""
        self.state, self.began = "working", time.monotonic()

    def end(self, state: State, error: GPAError | None = None) -> None:
        """Note that the work has ended."""
        self.state, self.error = state, error
        self.took_s = time.monotonic() - self.began if self.began else 0.0


def share_of_all(jobs: Sequence[FileJob]) -> float:
    """Return how much of a queue is done, 0 to 1: of its seconds, or of its files where lengths are not known."""
    waiting = [job for job in jobs if job.state in ("waiting", "working")]
    if any(job.duration_s is None for job in waiting):
        return 1 - len(waiting) / len(jobs)
    heard_s = sum(job.gathered.position_s for job in jobs)
    left_s = sum((job.duration_s or 0.0) - job.gathered.position_s for job in waiting)
    return heard_s / (heard_s + left_s) if heard_s + left_s > 0 else 0.0


def left_in_all_s(jobs: Sequence[FileJob]) -> float | None:
    """Return the seconds that the queue needs, judged by how long its recordings took so far; None: not known yet."""
    done = [job for job in jobs if job.state == "done" and job.duration_s]
    running = next((job for job in jobs if job.state == "working"), None)
    waiting = [job for job in jobs if job.state == "waiting"]
    heard_s = sum(job.duration_s or 0.0 for job in done) + (running.gathered.position_s if running else 0.0)
    worked_s = sum(job.took_s for job in done) + (time.monotonic() - running.began if running else 0.0)
    if not heard_s or any(job.duration_s is None for job in waiting):
        return None
    left_s = (running.left_s if running else 0.0) or 0.0
    return left_s + worked_s / heard_s * sum(job.duration_s or 0.0 for job in waiting)
