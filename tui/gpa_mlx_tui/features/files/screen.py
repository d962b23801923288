"""Files: many recordings, one after the other, to text files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from gpa_mlx_tui.features.files.existing_dialog import Answer, ExistingFiles
from gpa_mlx_tui.features.files.jobs import check_targets, find_files, transcribe_file
from gpa_mlx_tui.features.files.output_choices import OutputChoices
from gpa_mlx_tui.features.files.path_field import PathField
from gpa_mlx_tui.features.files.queue_table import QueueTable
from gpa_mlx_tui.features.files.viewer import TextViewer
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.services.kept_state import Kept, kept_text, kept_texts
from gpa_mlx_tui.services.typed_paths import written_paths
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.voice_picker import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult
    from textual.events import Paste

    from gpa_mlx_tui.features.files.messages import FileFailed, FilesFound, QueueChecked
    from gpa_mlx_tui.features.files.queue import QueuedFile

_REFRESH_S = 0.5
_ENDED = ("failed", "stopped", "skipped")
"""States of recordings without their text that can be tried again."""


class FilesScreen(ModeScreen):
    """A queue of recordings, and what has become of each."""

    mode = "files"
    uses = "transcribe"
    first_focus: ClassVar[str] = "#path"
    long_tasks: ClassVar[Mapping[str, str]] = {"file": "a recording being written down (the queue comes back)"}

    def __init__(self) -> None:
        super().__init__()
        self._searches: set[str] = set()
        self._searched = 0
        self._current: QueuedFile | None = None
        self._last: QueuedFile | None = None
        self._is_running = False
        self._asks = False

    def keep(self) -> Kept:
        """Keep what is not done, the formats and the folder."""
        choices = self.query_one(OutputChoices)
        return {"queue": self._queue.keep(), "formats": list(choices.formats), "folder": str(choices.folder or "")}

    def bring_back(self, kept: Kept) -> None:
        """Put the recordings in line again; nothing starts by itself."""
        self._queue.bring_back(kept.get("queue"))
        if "formats" in kept:
            self.query_one(OutputChoices).bring_back(kept_texts(kept, "formats"), kept_text(kept, "folder"))
        self._show_state()

    def compose_body(self) -> ComposeResult:
        """Lay out the line for paths, the choices, the queue and the buttons."""
        with Vertical(classes="body"):
            with Horizontal(classes="row"):
                yield PathField(
                    placeholder="type, paste or drop files and folders, then Enter", id="path", compact=True
                )
                yield Button("Add file", id="add", action="screen.add")
                yield Button("Add folder", id="add_folder", action="screen.add_folder")
            yield OutputChoices(id="choices")
            yield QueueTable(id="queue")
            yield Static(id="detail", classes="quiet", markup=False)
            with Horizontal(classes="row"):
                yield Button("Start", id="start", action="screen.start", variant="primary")
                yield Button("Stop one", id="stop", action="screen.stop")
                yield Button("Again", id="again", action="screen.again")
                yield ProgressRow(id="progress")

    def on_mount(self) -> None:
        """Keep the times that are left up to date."""
        self.set_interval(_REFRESH_S, lambda: self._show_state() if self._current is not None else None)
        self._show_state()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Transcribe everything that waits."""
        waiting = self._queue.in_state("waiting")
        if self._is_running:
            self.gpa_app.show_message("It is running already; Esc stops it.")
        elif not self.query_one(OutputChoices).formats:
            self.gpa_app.show_message("Choose at least one format.")
        elif not waiting:
            self.gpa_app.show_message("Nothing waits." if self._queue.files else "Add recordings first.")
        else:
            for file in waiting:
                file.targets = None
            self._is_running = self._asks = True
            self._check()

    def action_add(self) -> None:
        """Add a file from the tree."""
        dialog = PathPicker("Add a recording", "open", Path.cwd(), suffixes=RECORDINGS, several=self.take_files)
        self.app.push_screen(dialog, lambda path: None if path is None else self.take_files([path]))

    def take_files(self, paths: Sequence[Path]) -> None:
        """Put files and folders in line."""
        self._find(written_paths(paths), pasted=False)

    def action_add_folder(self) -> None:
        """Add everything in a folder."""
        dialog = PathPicker("Add all recordings in", "folder", Path.cwd())
        self.app.push_screen(dialog, lambda path: None if path is None else self.take_files([path]))

    def action_folder(self) -> None:
        """Choose where the texts go."""
        self.query_one(OutputChoices).choose_place()

    def action_stop(self) -> None:
        """Stop the chosen recording, or leave it out; the rest goes on."""
        file = self._queue.chosen_file
        if file is not None and file.state == "working":
            self.cancel("file")
        elif file is not None and file.state == "waiting":
            file.end("stopped")
        else:
            self.gpa_app.show_message("Choose one that works or waits.")
        self._show_state()

    def action_again(self) -> None:
        """Try what failed or was stopped once more."""
        files = self._queue.in_state(*_ENDED)
        if not files:
            self.gpa_app.show_message("Nothing has failed, was stopped or skipped.")
            return
        for file in files:
            file.wait()
        if self._is_running:
            self._asks = True
            self._check()
        else:
            self.action_start()

    def action_remove(self) -> None:
        """Take the chosen recording out of the queue; its files stay."""
        file = self._queue.chosen_file
        if file is not None:
            self._queue.files.remove(file)
            if file is self._current:
                self.cancel("file")
            self._show_state()

    def action_clear(self) -> None:
        """Take everything that is done out of the queue."""
        self._queue.files = [file for file in self._queue.files if file.state != "done"]
        self._show_state()

    def action_copy(self) -> None:
        """Copy the text of the chosen recording."""
        file = self._queue.chosen_file
        if file is None or not file.text:
            self.gpa_app.show_message("There is no text to copy yet.")
        else:
            self.gpa_app.copy(file.text)

    @on(DataTable.RowSelected)
    def show_text(self) -> None:
        """Show the text of the chosen recording."""
        file = self._queue.chosen_file
        if file is None or not (file.text or file.files):
            self.gpa_app.show_message("There is no text to show yet.")
        else:
            self.app.push_screen(TextViewer(file.path.name, file.text, file.files))

    def cancel_tasks(self) -> bool:
        """Stop the queue, too."""
        was_running, self._is_running = self._is_running, False
        return super().cancel_tasks() or was_running

    def on_input_submitted(self) -> None:
        """Add what was typed."""
        field = self.query_one(PathField)
        if field.value.strip():
            self._find(field.value, pasted=False)
            field.value = ""

    def on_paste(self, event: Paste) -> None:
        """Add what was dropped or pasted, also a path that is not a whole one."""
        event.stop()
        event.prevent_default()  # Textual calls the method of the base class, too
        if event.text.strip():
            self._find(event.text, pasted=True)

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Say more about it."""
        self.query_one("#detail", Static).update(self._queue.describe_chosen())

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_files_found(self, message: FilesFound) -> None:
        """Put recordings in line."""
        if message.unused:
            self.query_one(PathField).take(message.unused)
            return
        has_new = self._queue.add(message.files)
        for problem in message.problems:
            self.gpa_app.show_error(problem)
        if not has_new and not message.problems:
            self.gpa_app.show_message("They are in the queue already.")
        self._show_state()
        if self._is_running and has_new:
            self._check()

    def on_queue_checked(self, message: QueueChecked) -> None:
        """Begin, after a question if files would be replaced."""
        asks, self._asks = self._asks, False

        def take(answer: Answer | None) -> None:
            if answer is None:
                self._is_running = self._current is not None
                self._show_state()
                return
            self._queue.allow(message, replace=answer == "replace")
            self._next()

        names = [message.existing[file.id].name for file in self._queue.files if file.id in message.existing]
        if names and asks:
            self.app.push_screen(ExistingFiles(names, len(message.targets) - len(names)), take)
        else:
            take("skip")

    def on_file_failed(self, message: FileFailed) -> None:
        """End the queue if the others would fail alike."""
        if message.stops:
            self._is_running = False

    def task_stopped(self, name: str) -> None:
        """Go on with the next recording."""
        self._searches.discard(name)
        if name == "check" and not self._is_running:
            self._asks = False
        if name == "file":
            file, self._current = self._current, None
            if file is not None and file.state == "working":
                file.end("stopped")
            self._next()
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _queue(self) -> QueueTable:
        return self.query_one(QueueTable)

    def _find(self, text: str, *, pasted: bool) -> None:
        known = [file.path for file in self._queue.files]
        self._searched += 1  # what is dropped while another folder is searched does not end that
        name = f"add {self._searched}"
        self._searches.add(name)
        self.start(name, lambda task: find_files(task, text, known, pasted=pasted))
        self._show_state()

    def _check(self) -> None:
        choices = self.query_one(OutputChoices)
        files, formats, folder, own = (
            list(self._queue.files),
            choices.formats,
            choices.folder,
            frozenset(self._queue.own),
        )
        self.start("check", lambda task: check_targets(task, files, formats, folder, own=own))
        self._show_state()

    def _next(self) -> None:
        """Begin with the next recording, unless one is under way."""
        if self._is_running and self._current is None:
            file = next((file for file in self._queue.in_state("waiting") if file.targets is not None), None)
            if file is None:
                self._is_running = self.has_task("check")
            else:
                self._current, before = file, self._last
                self._last = file
                file.begin()
                self._queue.follow(file, before)
                engine, notify = self.service.engine, self._queue.post_message
                self.start("file", lambda task: transcribe_file(task, engine, file, notify), owner=self._queue)
        self._show_state()

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        queue = self._queue
        queue.show_files()
        self.query_one("#detail", Static).update(queue.describe_chosen())
        start = self.query_one("#start", Button)
        start.label = "Stop all" if self._is_running else "Start"
        start.action = "app.cancel" if self._is_running else "screen.start"
        start.disabled = not (self._is_running or queue.in_state("waiting"))
        self.query_one("#again", Button).disabled = not queue.in_state(*_ENDED)
        words, share = queue.describe_all(is_running=self._is_running)
        if self._searches:
            words, share = f"looking for recordings{self.gpa_app.symbols.ellipsis} Esc stops", None
        self.query_one(ProgressRow).show(words, share)
