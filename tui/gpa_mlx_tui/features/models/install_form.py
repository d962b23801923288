"""What to install, and how: a form for downloads and for folders that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from gpa_mlx_tui.features.models.installing import DtypeChoice, InstallRequest
from gpa_mlx_tui.features.models.survey import DownloadSurveyed, describe_survey, survey
from gpa_mlx_tui.services.app_services import app_services
from gpa_mlx_tui.themes import symbols_of
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Dialog
from gpa_mlx_tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from textual.app import ComposeResult
    from textual.timer import Timer

    from gpa_mlx_tui.services.background import BackgroundTask
    from gpa_mlx_tui.services.messages import TaskEnded

_BITS = ("", "4", "6", "8")
_ASK_AFTER_S = 0.6


class InstallForm(Dialog[InstallRequest]):
    """Asks what to install; gives the request, or None for Escape.

    Args:
        folder: The folder to convert; None asks for a repository to download.
        source: The repository that is there at first.
        name: The name that is there at first.
    """

    def __init__(self, folder: Path | None = None, *, source: str = "", name: str = "") -> None:
        super().__init__()
        self._folder, self._source, self._name = folder, source, name
        self._timer: Timer | None = None
        self._asking: BackgroundTask | None = None

    def compose(self) -> ComposeResult:
        """Lay out one line for each thing to say."""
        is_pull = self._folder is None
        with Vertical(classes="dialog"):
            yield Label("Download a model" if is_pull else f"Convert {self._folder}", classes="question", markup=False)
            if is_pull:
                with Horizontal(classes="row"):
                    yield Static("From", classes="label")
                    yield Input(self._source, placeholder="owner/name on the hub", id="source", compact=True)
            with Horizontal(classes="row"):
                yield Static("Name", classes="label")
                yield Input(self._name, placeholder="as the repository", id="name", compact=True)
            if is_pull:
                with Horizontal(classes="row"):
                    yield Static("Revision", classes="label")
                    yield Input(placeholder="branch, tag or commit; main", id="revision", compact=True)
            with Horizontal(classes="row"):
                yield Static("Bits", classes="label")
                yield Input(placeholder="4, 6 or 8; empty: not quantised", id="bits", compact=True)
            with Horizontal(classes="row"):
                yield Static("Stored as", classes="label")
                yield Input(placeholder="float32 or bfloat16 (half the size); empty: as fits", id="dtype", compact=True)
            if is_pull:
                with Horizontal(classes="row"):
                    yield Toggle("Newest commit", id="upgrade", tooltip="Ask the hub even if one is installed.")
            yield Label("", id="problem", markup=False)
            if is_pull:
                yield Static(f"asking the hub{symbols_of(self.app).ellipsis}", id="offer", markup=False)
            with Horizontal(classes="row last"):
                yield Button("Cancel", id="cancel")
                yield Button("Download" if is_pull else "Convert", id="go", variant="primary")

    def on_mount(self) -> None:
        """Find out what the download would take."""
        self._survey()

    def on_input_changed(self, event: Input.Changed) -> None:
        """It may be right now; another source may take more or less."""
        self.query_one("#problem", Label).update("")
        if event.input.id in ("source", "revision") and self._folder is None:
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(_ASK_AFTER_S, self._survey)

    def on_download_surveyed(self, message: DownloadSurveyed) -> None:
        """Show what it would take."""
        message.stop()
        self.query_one("#offer", Static).update(describe_survey(message.survey))

    def on_task_ended(self, message: TaskEnded) -> None:
        """Say why that is not known."""
        message.stop()
        if message.error is not None:
            self.query_one("#offer", Static).update(f"Size and licence are not known: {message.error.message}")

    def on_input_submitted(self) -> None:
        """Take it."""
        self._go()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take it, or not."""
        event.stop()
        if event.button.id == "go":
            self._go()
        else:
            self.dismiss(None)

    def _survey(self) -> None:
        from gpa_mlx.store.hub.repository import is_repo_id

        if self._folder is not None or not is_repo_id(self._value("source")):
            return
        if self._asking is not None:
            self._asking.cancel()
        repo, revision = self._value("source"), self._value("revision")
        self._asking = app_services(self).service.start(
            "survey", self, lambda task: survey(task, repo, revision or None)
        )

    def _go(self) -> None:
        problem = self._problem()
        if problem:
            self.query_one("#problem", Label).update(problem)
            return
        bits = cast("Literal[4, 6, 8]", int(self._value("bits"))) if self._value("bits") else None
        is_pull = self._folder is None
        self.dismiss(
            InstallRequest(
                task="pull" if is_pull else "convert",
                source=self._value("source") if is_pull else str(self._folder),
                name=self._value("name"),
                revision=self._value("revision") if is_pull else "",
                upgrade=is_pull and self.query_one("#upgrade", Toggle).value,
                dtype=cast("DtypeChoice", self._value("dtype")),
                lm_bits=bits,
            )
        )

    def _problem(self) -> str:
        from gpa_mlx.errors import GPAError
        from gpa_mlx.store.hub.repository import is_repo_id
        from gpa_mlx.store.models import check_name, name_for

        if self._value("bits") not in _BITS:
            return "Bits are 4, 6 or 8, or nothing."
        if self._value("dtype") not in get_args(DtypeChoice):
            return "It is stored as float32 or bfloat16, or write nothing."
        source, name = self._value("source") if self._folder is None else "", self._value("name")
        if self._folder is None and not is_repo_id(source):
            return "A repository is written as owner/name."
        try:
            check_name(name or name_for(source))
        except GPAError as error:
            return f"{error.message} {error.hint}"
        return ""

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()
