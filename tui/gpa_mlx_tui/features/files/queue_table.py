"""The queue of recordings as a table, and what has become of each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gpa_mlx.errors import GPAError
from gpa_mlx.text.quantities import readable_duration
from gpa_mlx_tui.features.files.queue import QueuedFile, left_in_all_s, share_of_all
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.services.typed_paths import absolute
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx_tui.features.files.messages import FileAdvanced, FileDone, FileFailed, FileKept, QueueChecked

_COLUMNS = (
    Column("", 1),
    Column("File", share=2),
    Column("Length", 7, drop=2),
    Column("State", 11, drop=1),
    Column("Left", 7, drop=3),
    Column("Text or problem", share=3),
)
_NOTE = """\
Drop recordings or folders here, paste or type their paths above,
or press Ctrl+O for a file and Ctrl+G for a folder. Ctrl+R starts."""


class QueueTable(Rows):
    """Recordings in line, one of which is chosen; takes what the tasks report of them.

    Args:
        id: Of the widget.

    Attributes:
        files: The queue.
        own: What was written from it, which may be written again.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(_COLUMNS, note=_NOTE, id=id)
        self.files: list[QueuedFile] = []
        self.own: set[Path] = set()
        self._added = 0

    @property
    def chosen_file(self) -> QueuedFile | None:
        """The chosen one; None when there is none."""
        return next((file for file in self.files if file.id == self.chosen), None)

    def in_state(self, *states: str) -> list[QueuedFile]:
        """Return the recordings that are in one of these states."""
        return [file for file in self.files if file.state in states]

    def add(self, files: Sequence[QueuedFile]) -> bool:
        """Put those in line that are not there yet; return whether there were any."""
        known = {absolute(file.path) for file in self.files}
        new = [file for file in files if absolute(file.path) not in known]
        for file in new:
            self._added += 1
            file.id = f"file{self._added}"
        self.files += new
        return bool(new)

    def keep(self) -> list[list[str]]:
        """Return what is not done, for the next start."""
        return [[str(absolute(file.path)), str(file.place), file.state] for file in self.files if file.state != "done"]

    def bring_back(self, kept: object) -> None:
        """Put in line what `keep` has returned; what was under way waits, what failed counts as stopped."""
        rows = cast("list[object]", kept) if isinstance(kept, list) else []
        files = []
        for row in rows:
            match row:
                case [str(path), str(place), str(state)]:
                    file = QueuedFile(Path(path), Path(place))
                    if state in ("failed", "stopped"):
                        file.end("stopped")
                    files.append(file)
        self.add(files)

    def allow(self, checked: QueueChecked, *, replace: bool) -> None:
        """Give those that wait their places; fail those that have none, and skip those whose files are there.

        Args:
            checked: The places.
            replace: Whether files that are there already may be replaced.
        """
        for file in self.in_state("waiting"):
            if file.id in checked.errors:
                file.end("failed", checked.errors[file.id])
            elif file.id in checked.existing and not replace:
                file.end("skipped", _exists_already(checked.existing[file.id]))
            elif file.id in checked.targets:
                file.targets = checked.targets[file.id]

    def follow(self, file: QueuedFile, before: QueuedFile | None) -> None:
        """Choose what is worked at now, so that it is in sight, unless the user looks at something else in the list.

        Args:
            file: What is begun.
            before: What was worked at before it.
        """
        if not self.has_focus or self.chosen_file in (None, before):
            self.show_files()
            self.choose(file.id)

    def show_files(self) -> None:
        """Show how all stand."""
        self.show([(file.id, self._cells(file)) for file in self.files])

    def describe_chosen(self) -> str:
        """Return two lines about the chosen one; empty when there is none."""
        file = self.chosen_file
        if file is None:
            return ""
        if file.error is not None:
            return f"{file.error.message}\n{file.error.hint}"
        if file.state == "stopped":
            end = readable_duration(file.transcript.segments[-1].end_s) if file.transcript.segments else ""
            words = f"{file.path}\n" + (f"Stopped; the text ends at {end}. " if end else "Stopped before any text. ")
            return words + "Ctrl+N does it again from the beginning."
        if file.files:
            words = f"{file.path}\n{', '.join(path.name for path in file.files)}. Enter shows the text."
            return words + (f" Note: {file.note}." if file.note else "")
        return str(file.path)

    def describe_all(self, *, is_running: bool) -> tuple[str, float | None]:
        """Return how far the queue is: words, and a share where it is running."""
        if not self.files:
            return "", None
        counts = Counter(file.state for file in self.files)
        if not is_running:
            others = "".join(
                f", {counts[state]} {state}" for state in ("failed", "stopped", "skipped") if counts[state]
            )
            return f"{counts['done']} of {len(self.files)} done{others}", None
        left_s = left_in_all_s(self.files)
        left = "" if left_s is None else f", {readable_duration(left_s)} left"
        ended = len(self.files) - counts["waiting"] - counts["working"]
        return f"{ended}/{len(self.files)}{left}", share_of_all(self.files)

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_file_advanced(self, _: FileAdvanced) -> None:
        """Show how far it is."""
        self.show_files()

    def on_file_done(self, message: FileDone) -> None:
        """Note what was written."""
        message.file.end("done")
        self.own.update(message.file.files)

    def on_file_failed(self, message: FileFailed) -> None:
        """Note why not."""
        if message.stops:
            message.file.wait()
        else:
            message.file.end("failed", message.error)

    def on_file_kept(self, message: FileKept) -> None:
        """Note what was written of a recording that was stopped."""
        if message.problem is not None:
            app_services(self).show_error(message.problem)
        self.own.update(message.file.files)
        self.show_files()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _cells(self, file: QueuedFile) -> tuple[str, ...]:
        symbols = symbols_of(self.app)
        signs = {
            "waiting": symbols.idle,
            "working": symbols.busy,
            "done": symbols.doubtful if file.note else symbols.done,
            "failed": symbols.failed,
            "stopped": symbols.pause,
            "skipped": symbols.pause,
        }
        left_s, share = file.left_s, file.share
        text = file.note or file.text
        if file.error is not None:
            text = file.error.message.replace(str(file.path), file.path.name)
        if file.state == "working" and file.transcript.segments:
            text = file.transcript.segments[-1].text
        return (
            signs[file.state],
            file.path.name,
            "" if file.duration_s is None else readable_duration(file.duration_s),
            f"working {share:.0%}" if file.state == "working" and share is not None else file.state,
            "" if left_s is None else readable_duration(left_s),
            text,
        )


def _exists_already(path: Path) -> GPAError:
    return GPAError(f"{path.name} is there already.", hint="Ctrl+N asks again; or choose another folder with Ctrl+S.")
