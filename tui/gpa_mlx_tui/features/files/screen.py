"""Files: many recordings, one after the other, to text files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from gpa_mlx.errors import GPAError
from gpa_mlx.text.quantities import readable_duration
from gpa_mlx.transcripts.formats import FORMATS, Format
from gpa_mlx_tui.features.files.jobs import (
    FileAdvanced,
    FileDone,
    FileFailed,
    FileKept,
    FilesFound,
    QueueChecked,
    check_targets,
    find_files,
    transcribe_file,
)
from gpa_mlx_tui.features.files.path_field import PathField
from gpa_mlx_tui.features.files.queue import FileJob, left_in_all_s, share_of_all
from gpa_mlx_tui.features.files.viewer import TextViewer
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Choose, Confirm, PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.rows import Column, Rows
from gpa_mlx_tui.widgets.toggle import Toggle
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Paste

_REFRESH_S = 0.5
_COLUMNS = (
    Column("", 1),
    Column("File", share=2),
    Column("Length", 7),
    Column("State", 11),
    Column("Left", 7),
    Column("Text or problem", share=3),
)
_NOTE = """\
Drop recordings or folders here, paste or type their paths above,
or press Ctrl+O for a file and Ctrl+G for a folder. Ctrl+R starts."""


class FilesScreen(ModeScreen):
    """A queue of recordings, and what has become of each."""

    mode = "files"
    uses = "transcribe"
    first_focus: ClassVar[str] = "#queue"

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[FileJob] = []
        self._added = self._searches = 0
        self._current: FileJob | None = None
        self._is_running = False
        self._asks = False
        self._folder: Path | None = None
        self._own: set[Path] = set()

    def compose_body(self) -> ComposeResult:
        """Lay out the line for paths, the choices, the queue and the buttons."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield PathField(
                    placeholder="type, paste or drop files and folders, then Enter", id="path", compact=True
                )
                yield Button("Add file", id="add")
                yield Button("Add folder", id="add_folder")
            with Horizontal(classes="row", id="choices"):
                yield Static("Write", classes="label")
                for kind in FORMATS:
                    yield Toggle(kind, kind == "txt", id=kind)
                yield Static("to", classes="label")
                yield Button("", id="folder", tooltip="Choose where the texts go.")
            yield Rows(_COLUMNS, note=_NOTE, id="queue")
            yield Static(id="detail", classes="quiet", markup=False)
            with Horizontal(classes="row"):
                yield Button("Start", id="start", variant="primary")
                yield Button("Stop one", id="stop")
                yield Button("Again", id="again")
                yield ProgressRow(id="progress")

    def on_mount(self) -> None:
        """Keep the times that are left up to date."""
        self.set_interval(_REFRESH_S, self._tick)
        self._show_state()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Write down everything that waits."""
        if self._is_running:
            self.gpa.tell("It is running already; Esc stops it.")
        elif not self._formats:
            self.gpa.tell("Choose at least one format.")
        elif not any(job.state == "waiting" for job in self.jobs):
            self.gpa.tell("Nothing waits." if self.jobs else "Add recordings first.")
        else:
            for job in self.jobs:
                if job.state == "waiting":
                    job.targets = None
            self._is_running = self._asks = True
            self._check()

    def action_add(self) -> None:
        """Add a file from the tree."""
        dialog = PathPicker("Add a recording", "open", Path.cwd(), suffixes=RECORDINGS)
        self.app.push_screen(dialog, self._add_path)

    def action_add_folder(self) -> None:
        """Add everything in a folder."""
        self.app.push_screen(PathPicker("Add all recordings in", "folder", Path.cwd()), self._add_path)

    def action_folder(self) -> None:
        """Choose where the texts go."""
        names = ["beside each recording", f"a folder{self.gpa.symbols.ellipsis}"]
        self.app.push_screen(Choose("Where do the texts go?", names), self._take_place)

    def action_stop(self) -> None:
        """Stop the chosen recording, or leave it out; the rest goes on."""
        job = self._chosen
        if job is not None and job.state == "working":
            self.cancel("file")
        elif job is not None and job.state == "waiting":
            job.end("stopped")
        else:
            self.gpa.tell("Choose one that works or waits.")
        self._show_state()

    def action_again(self) -> None:
        """Try what failed or was stopped once more."""
        jobs = [job for job in self.jobs if job.state in ("failed", "stopped")]
        if not jobs:
            self.gpa.tell("Nothing has failed or was stopped.")
            return
        for job in jobs:
            job.wait()
        if self._is_running:
            self._asks = True
            self._check()
        else:
            self.action_start()

    def action_remove(self) -> None:
        """Take the chosen recording out of the queue; its files stay."""
        job = self._chosen
        if job is None:
            return
        self.jobs.remove(job)
        if job is self._current:
            self.cancel("file")
        self._show_state()

    def action_clear(self) -> None:
        """Take everything that is done out of the queue."""
        self.jobs = [job for job in self.jobs if job.state != "done"]
        self._show_state()

    def action_copy(self) -> None:
        """Copy the text of the chosen recording."""
        if self._chosen is None or not self._chosen.text:
            self.gpa.tell("There is no text to copy yet.")
        else:
            self.gpa.copy(self._chosen.text)

    def action_show(self) -> None:
        """Show the text of the chosen recording."""
        job = self._chosen
        if job is None or not (job.text or job.files):
            self.gpa.tell("There is no text to show yet.")
        else:
            self.app.push_screen(TextViewer(job.path.name, job.text, job.files))

    def cancel_works(self) -> bool:
        """Stop the queue, too."""
        was_running, self._is_running = self._is_running, False
        return super().cancel_works() or was_running

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        if event.button.id == "start" and self._is_running:
            self.cancel_works()
        else:
            getattr(self, f"action_{event.button.id}")()

    def on_input_submitted(self) -> None:
        """Add what was typed."""
        field = self.query_one(PathField)
        if field.value.strip():
            self._find(field.value, pasted=False)
            field.value = ""

    def on_paste(self, event: Paste) -> None:
        """Add what was dropped or pasted."""
        event.stop()
        if event.text.strip():
            self._find(event.text, pasted=True)

    def on_data_table_row_selected(self) -> None:
        """Show the text."""
        if self._chosen is not None and self._chosen.text:
            self.action_show()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Say more about it."""
        self._show_detail()

    # -- what works tell ----------------------------------------------------------------------------------------------

    def on_files_found(self, message: FilesFound) -> None:
        """Put recordings in line."""
        if message.unused:
            self.query_one(PathField).take(message.unused)
            return
        known = {job.path.absolute() for job in self.jobs}
        new = [job for job in message.jobs if job.path.absolute() not in known]
        for job in new:
            self._added += 1
            job.id = f"file{self._added}"
        self.jobs += new
        for problem in message.problems:
            self.gpa.show_error(problem)
        if new:
            self.query_one(Rows).focus()
        elif not message.problems:
            self.gpa.tell("They are in the queue already.")
        self._show_state()
        if self._is_running and new:
            self._check()

    def on_queue_checked(self, message: QueueChecked) -> None:
        """Begin, after a question if files would be replaced."""
        for job in self.jobs:
            if job.state == "waiting" and job.id in message.errors:
                job.end("failed", message.errors[job.id])
        existing = {job.id: message.existing[job.id] for job in self.jobs if job.id in message.existing}
        asks, self._asks = self._asks, False

        def answer(yes: bool | None) -> None:
            for job in self.jobs:
                if job.state != "waiting" or job.id not in message.targets:
                    continue
                if job.id in existing and not yes:
                    job.end("failed", _exists_already(existing[job.id]))
                else:
                    job.targets = message.targets[job.id]
            self._next()

        if existing and asks:
            first = next(iter(existing.values())).name
            question = f"Replace {first}?" if len(existing) == 1 else f"Replace {first} and {len(existing) - 1} more?"
            self.app.push_screen(Confirm(question, yes="Replace", no="Keep"), answer)
        else:
            answer(None)

    def on_file_advanced(self, message: FileAdvanced) -> None:
        """Show how far it is."""
        if message.job is self._current:
            self._show_state()

    def on_file_done(self, message: FileDone) -> None:
        """Note what was written."""
        message.job.end("done")
        self._own.update(message.job.files)

    def on_file_failed(self, message: FileFailed) -> None:
        """Note why not."""
        if message.stops:
            self._is_running = False
            message.job.wait()
        else:
            message.job.end("failed", message.error)

    def on_file_kept(self, message: FileKept) -> None:
        """Note what was written of a recording that was stopped."""
        if message.problem is not None:
            self.gpa.show_error(message.problem)
        self._own.update(message.job.files)
        self._show_state()

    def work_stopped(self, name: str) -> None:
        """Go on with the next recording."""
        if name == "check" and not self._is_running:
            self._asks = False
        if name == "file":
            job, self._current = self._current, None
            if job is not None and job.state == "working":
                job.end("stopped")
            self._next()
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _formats(self) -> list[Format]:
        return [kind for kind in FORMATS if self.query_one(f"#{kind}", Toggle).value]

    @property
    def _chosen(self) -> FileJob | None:
        key = self.query_one(Rows).chosen
        return next((job for job in self.jobs if job.id == key), None)

    def _add_path(self, path: Path | None) -> None:
        if path is not None:
            self._find(str(path), pasted=False)

    def _take_place(self, index: int | None) -> None:
        def take(path: Path | None) -> None:
            if path is not None:
                self._folder = path
                self._show_state()

        if index == 0:
            self._folder = None
            self._show_state()
        elif index == 1:
            self.app.push_screen(PathPicker("Write the texts to", "folder", Path.cwd()), take)

    def _find(self, text: str, *, pasted: bool) -> None:
        known = [job.path for job in self.jobs]
        self._searches += 1  # what is dropped while another folder is searched does not end that
        self.begin(f"add {self._searches}", lambda work: find_files(work, text, known, pasted=pasted))
        self._show_state()

    def _check(self) -> None:
        jobs, formats, folder, own = list(self.jobs), self._formats, self._folder, frozenset(self._own)
        self.begin("check", lambda work: check_targets(work, jobs, formats, folder, own=own))
        self._show_state()

    def _next(self) -> None:
        """Begin with the next recording, unless one is under way."""
        if not self._is_running or self._current is not None:
            self._show_state()
            return
        job = next((job for job in self.jobs if job.state == "waiting" and job.targets is not None), None)
        if job is None:
            self._is_running = self.working("check")
            self._show_state()
            return
        self._current = job
        job.begin()
        service, tell = self.service, self.post_message
        self.begin("file", lambda work: transcribe_file(work, service, job, tell))
        self._show_state()

    def _tick(self) -> None:
        if self._current is not None and self.is_current:
            self._show_state()

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        self.query_one(Rows).show([(job.id, self._cells(job)) for job in self.jobs])
        self._show_detail()
        waiting = any(job.state == "waiting" for job in self.jobs)
        start = self.query_one("#start", Button)
        start.label = "Stop all" if self._is_running else "Start"
        start.disabled = not (self._is_running or waiting)
        self.query_one("#again", Button).disabled = not any(job.state in ("failed", "stopped") for job in self.jobs)
        place = "beside the file" if self._folder is None else self._folder.name or str(self._folder)
        self.query_one("#folder", Button).label = f"{place} {self.gpa.symbols.more}"
        self._show_progress()

    def _show_progress(self) -> None:
        row = self.query_one(ProgressRow)
        if any(name.startswith("add ") for name in self._works):
            row.show(f"looking for recordings{self.gpa.symbols.ellipsis} Esc stops")
            return
        if not self.jobs:
            row.show("")
            return
        counts = Counter(job.state for job in self.jobs)
        if not self._is_running:
            others = "".join(f", {counts[state]} {state}" for state in ("failed", "stopped") if counts[state])
            row.show(f"{counts['done']} of {len(self.jobs)} done{others}")
            return
        left_s = left_in_all_s(self.jobs)
        left = "" if left_s is None else f", {readable_duration(left_s)} left"
        ended = len(self.jobs) - counts["waiting"] - counts["working"]
        row.show(f"{ended}/{len(self.jobs)}{left}", share_of_all(self.jobs))

    def _show_detail(self) -> None:
        job = self._chosen
        words = ""
        if job is not None and job.error is not None:
            words = f"{job.error.message}\n{job.error.hint}"
        elif job is not None and job.state == "stopped":
            end = readable_duration(job.gathered.segments[-1].end_s) if job.gathered.segments else ""
            words = f"{job.path}\n" + (f"Stopped; the text ends at {end}. " if end else "Stopped before any text. ")
            words += "Ctrl+N does it again from the beginning."
        elif job is not None and job.files:
            words = f"{job.path}\n{', '.join(path.name for path in job.files)}. Enter shows the text."
            words += f" Note: {job.note}." if job.note else ""
        elif job is not None:
            words = str(job.path)
        self.query_one("#detail", Static).update(words)

    def _cells(self, job: FileJob) -> tuple[str, ...]:
        symbols = self.gpa.symbols
        signs = {
            "waiting": symbols.idle,
            "working": symbols.busy,
            "done": symbols.doubtful if job.note else symbols.done,
            "failed": symbols.failed,
            "stopped": symbols.pause,
        }
        left_s, share = job.left_s, job.share
        text = job.note or job.text
        if job.error is not None:
            text = job.error.message.replace(str(job.path), job.path.name)
        if job.state == "working" and job.gathered.segments:
            text = job.gathered.segments[-1].text
        return (
            signs[job.state],
            job.path.name,
            "" if job.duration_s is None else readable_duration(job.duration_s),
            f"working {share:.0%}" if job.state == "working" and share is not None else job.state,
            "" if left_s is None else readable_duration(left_s),
            text,
        )


def _exists_already(path: Path) -> GPAError:
    return GPAError(f"{path.name} is there already.", hint="Ctrl+N asks again; or choose another folder with Ctrl+S.")
