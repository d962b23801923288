"""Recordings in line to be transcribed: what is known of each, without any widget."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.jobs.recordings import file_input
from gpa_mlx.transcripts.collector import TranscriptCollector
from gpa_mlx.transcripts.emptiness import EMPTY_REASONS
from gpa_mlx.transcripts.targets import Targets, distinct_places, targets_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.errors import GPAError
    from gpa_mlx.transcripts.formats import Format

State: TypeAlias = Literal["waiting", "working", "done", "failed", "stopped", "skipped"]

_NOTES = {
    "no_speech": "no speech was heard",
    "length": "the text is cut: the model had not finished",
    "loop": "the text is cut where the model started to repeat itself",
}


@dataclass(slots=True, eq=False)
class QueuedFile:
    """One recording.

    Attributes:
        path: The recording.
        place: What to call its text in another folder, without extension.
        id: Names it in the queue.
        duration_s: Its length as its header says; None when that does not tell.
        state: How it stands.
        targets: Where its text goes; None until that was checked.
        transcript: What was transcribed; grows on the task's thread.
        error: Why it failed.
        files: What was written.
        started: When it started, by `time.monotonic`.
        took_s: How long it worked.
    """

    path: Path
    place: Path
    id: str = ""
    duration_s: float | None = None
    state: State = "waiting"
    targets: Targets | None = None
    transcript: TranscriptCollector = field(default_factory=TranscriptCollector)
    error: GPAError | None = None
    files: tuple[Path, ...] = ()
    started: float = 0.0
    took_s: float = 0.0

    @property
    def text(self) -> str:
        """What was transcribed, one line per segment."""
        return "\n".join(words for segment in self.transcript.segments if (words := segment.text.strip()))

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1; None when that is not known."""
        if self.state == "done":
            return 1.0
        if not self.duration_s or self.state == "waiting":
            return None
        return min(self.transcript.position_s / self.duration_s, 1.0)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None when that is not known."""
        share = self.share
        if self.state != "working" or not share:
            return None
        return (time.monotonic() - self.started) * (1 / share - 1)

    @property
    def note(self) -> str:
        """What is to be said of a text that is there; may be empty."""
        if self.state != "done":
            return ""
        if self.transcript.empty_reason is not None:
            what = "no speech was heard" if self.transcript.finish_reason == "no_speech" else "no text"
            return f"{what}: {EMPTY_REASONS[self.transcript.empty_reason]}"
        return _NOTES.get(self.transcript.finish_reason, "")

    def wait(self) -> None:
        """Get in line, as if it were new."""
        self.state, self.targets, self.error, self.files = "waiting", None, None, ()
        self.transcript, self.started, self.took_s = TranscriptCollector(), 0.0, 0.0

    def begin(self) -> None:
        """Note that it is begun."""
        self.state, self.started = "working", time.monotonic()

    def end(self, state: State, error: GPAError | None = None) -> None:
        """Note that it has ended."""
        self.state, self.error = state, error
        self.took_s = time.monotonic() - self.started if self.started else 0.0


def plan_files(files: Sequence[QueuedFile], folder: Path | None, formats: Sequence[Format]) -> dict[str, Targets]:
    """Return the files to write for each recording, by its id in the queue; equal names keep their suffix.

    Args:
        files: The recordings, those too whose files are known already.
        folder: Where to write; None: beside each recording.
        formats: One file each.
    """
    groups: dict[Path, list[QueuedFile]] = {}
    for file in files:
        groups.setdefault(folder or file.path.parent, []).append(file)
    planned: dict[str, Targets] = {}
    for parent, group in groups.items():
        sources = [file_input(file.path, file.place if folder else None) for file in group]
        for file, place in zip(group, distinct_places(sources), strict=True):
            planned[file.id] = targets_in(parent, place, formats)
    return planned


def share_of_all(files: Sequence[QueuedFile]) -> float:
    """Return how much of a queue is done, 0 to 1: of its seconds, or of its files where lengths are not known."""
    waiting = [file for file in files if file.state in ("waiting", "working")]
    if any(file.duration_s is None for file in waiting):
        return 1 - len(waiting) / len(files)
    transcribed_s = sum(file.transcript.position_s for file in files)
    left_s = sum((file.duration_s or 0.0) - file.transcript.position_s for file in waiting)
    return transcribed_s / (transcribed_s + left_s) if transcribed_s + left_s > 0 else 0.0


def left_in_all_s(files: Sequence[QueuedFile]) -> float | None:
    """Return the seconds that the queue needs, judged by how long its recordings took so far; None: not known yet."""
    done = [file for file in files if file.state == "done" and file.duration_s]
    running = next((file for file in files if file.state == "working"), None)
    waiting = [file for file in files if file.state == "waiting"]
    transcribed_s = sum(file.duration_s or 0.0 for file in done) + (running.transcript.position_s if running else 0.0)
    worked_s = sum(file.took_s for file in done) + (time.monotonic() - running.started if running else 0.0)
    if not transcribed_s or any(file.duration_s is None for file in waiting):
        return None
    left_s = (running.left_s if running else 0.0) or 0.0
    return left_s + worked_s / transcribed_s * sum(file.duration_s or 0.0 for file in waiting)
