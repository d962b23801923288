"""Models: which there are, what they consist of, and getting, checking and removing them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from gpa_mlx.text.quantities import readable_size
from gpa_mlx_tui.features.mode_screen import ModeScreen
from gpa_mlx_tui.features.models.install_form import InstallForm
from gpa_mlx_tui.features.models.installing import InstallAdvanced, InstallDone, InstallRequest, install
from gpa_mlx_tui.features.models.jobs import KnownModel, ModelsListed, choose_default, list_models, verify_model
from gpa_mlx_tui.services.choices import is_demo
from gpa_mlx_tui.widgets.button import Button
from gpa_mlx_tui.widgets.dialogs import Confirm, PathPicker
from gpa_mlx_tui.widgets.progress_row import ProgressRow
from gpa_mlx_tui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

_COLUMNS = (
    Column("", 1),
    Column("Model"),
    Column("Size", 7, drop=2),
    Column("Stored", 8, drop=3),
    Column("State", 18, drop=1),
    Column("From", share=2, drop=4),
)
_REFRESH_S = 1.0


class ModelsScreen(ModeScreen):
    """Lists the models, and does one thing at a time to one of them."""

    mode = "models"
    first_focus: ClassVar[str] = "#models"
    long_tasks: ClassVar[Mapping[str, str]] = {"install": "a model being installed"}

    def __init__(self) -> None:
        super().__init__()
        self.models: tuple[KnownModel, ...] = ()

    def compose_body(self) -> ComposeResult:
        """Lay out the list, the parts, the progress and the buttons."""
        with Vertical(classes="body"):
            yield Rows(_COLUMNS, id="models")
            yield Static(id="detail", classes="quiet", markup=False)
            yield ProgressRow(id="progress")
            with Horizontal(classes="row"):
                yield Button("Use", id="use", action="screen.use", variant="primary")
                yield Button("Default", id="default", action="screen.default")
                yield Button("Pull", id="pull", action="screen.pull")
                yield Button("Convert", id="convert", action="screen.convert")
                yield Button("Verify", id="verify", action="screen.verify")
                yield Button("Repair", id="repair", action="screen.repair")
                yield Button("Remove", id="remove", action="screen.remove")

    def on_mount(self) -> None:
        """Keep the memory up to date."""
        self.set_interval(_REFRESH_S, self._tick)
        self._show_state()

    def on_screen_resume(self) -> None:
        """Look what is there by now."""
        self._look_up()

    # -- what the user does -------------------------------------------------------------------------------------------

    def action_use(self) -> None:
        """Work with the chosen model."""
        model = self._chosen
        if model is None or model.path == self.service.model or self._is_busy():
            return
        if model.problem:
            self.notify(model.problem, title="It cannot be used", severity="error", markup=False)
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self._use(model)

        if self.service.state == "busy":
            question = f"The model is at work. Stop that and use {model.name}?"
            self.app.push_screen(Confirm(question, yes="Stop it", no="Go on", destroys=True), answer)
        else:
            self._use(model)

    def action_default(self) -> None:
        """Use the chosen model whenever none is named."""
        model = self._chosen
        if model is not None and not self._is_busy():
            source = self.gpa_app.settings
            self.start("install", lambda task: choose_default(task, source, model))

    def action_pull(self) -> None:
        """Download a model."""
        from gpa_mlx.store.models import DEFAULT_REPO

        if not self._is_busy():
            self.app.push_screen(InstallForm(source=DEFAULT_REPO), self._install)

    def action_convert(self) -> None:
        """Convert a folder."""

        def take(path: Path | None) -> None:
            if path is not None:
                self.app.push_screen(InstallForm(path, name=path.resolve().name), self._install)

        if not self._is_busy():
            self.app.push_screen(PathPicker("Convert the published model in", "folder", Path.cwd()), take)

    def action_verify(self) -> None:
        """Check every file."""
        model = self._chosen
        if model is not None and not self._is_busy():
            self._report(f"checking {model.name}{self.gpa_app.symbols.ellipsis}")
            self.start("install", lambda task: verify_model(task, model))
            self._show_state()

    def action_repair(self) -> None:
        """Make it again if it is damaged."""
        model = self._chosen
        if model is not None and not self._is_busy():
            self._install(InstallRequest(task="repair", source=str(model.path)))

    def action_remove(self) -> None:
        """Remove it, after a question."""
        model = self._chosen
        if model is None or self._is_busy():
            return
        if not model.is_installed:
            self.gpa_app.show_message("Only installed models can be removed here.")
            return
        if model.path == self.service.model:
            self.gpa_app.show_message(f"{model.name} is in use; use another model first.")
            return

        def answer(yes: bool | None) -> None:
            if yes:
                self._install(InstallRequest(task="remove", name=model.name))

        question = f"Remove {model.name} ({readable_size(model.size_bytes)}) from the disk?"
        self.app.push_screen(Confirm(question, yes="Remove", no="Keep", destroys=True), answer)

    def on_data_table_row_selected(self) -> None:
        """Use it."""
        self.action_use()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Say what it consists of."""
        self._show_state()

    # -- what tasks report --------------------------------------------------------------------------------------------

    def on_models_listed(self, message: ModelsListed) -> None:
        """Show what there is."""
        self.models = message.models
        self._show_rows()
        self._show_state()

    def on_install_advanced(self, message: InstallAdvanced) -> None:
        """Show how far it is."""
        self._report(message.words, message.share)

    def on_install_done(self, message: InstallDone) -> None:
        """Say what was done."""
        self.gpa_app.show_message(message.words)

    def task_stopped(self, name: str) -> None:
        """Look again after a change."""
        if name == "install":
            self._report("")
            self._look_up()
        self._show_state()

    # -- inside -------------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> KnownModel | None:
        key = self.query_one(Rows).chosen
        return next((model for model in self.models if str(model.path) == key), None)

    def _is_busy(self) -> bool:
        if self.has_task("install"):
            self.gpa_app.show_message("One thing at a time; Esc stops what goes on.")
            return True
        return False

    def _look_up(self) -> None:
        current = self.service.model
        source = self.gpa_app.settings
        self.start("look", lambda task: list_models(task, source, current), silent=True)

    def _use(self, model: KnownModel) -> None:
        service = self.service
        service.use_model(model.path)
        self.refresh_header()
        self._show_rows()
        self._show_state()
        self.gpa_app.show_message(f"{model.name} is used now.")
        self.start("open", lambda task: service.open_model(), silent=True)
        self._look_up()

    def _install(self, request: InstallRequest | None) -> None:
        if request is None:
            return
        self._report(f"beginning{self.gpa_app.symbols.ellipsis}")
        self.start("install", lambda task: install(task, request))
        self._show_state()

    def _report(self, words: str, share: float | None = None) -> None:
        self.query_one(ProgressRow).show(words, share)

    def _tick(self) -> None:
        if self.is_current:
            self._show_state()

    def _show_rows(self) -> None:
        symbols, current = self.gpa_app.symbols, self.service.model
        rows = []
        for model in self.models:
            in_use = model.path == current
            sign = symbols.failed if model.problem else symbols.play if in_use else ""
            states = [
                word
                for word, holds in (("damaged", model.problem), ("in use", in_use), ("default", model.is_default))
                if holds
            ]
            size = readable_size(model.size_bytes) if model.manifest else ""
            rows.append((str(model.path), (sign, model.name, size, model.stored, ", ".join(states), model.source)))
        self.query_one(Rows).show(rows)

    def _show_state(self) -> None:
        if not self.is_mounted:
            return
        model, busy = self._chosen, self.has_task("install")
        is_current = model is not None and model.path == self.service.model
        off = {
            "use": model is None or is_current or bool(model.problem),
            "default": model is None or model.is_default,
            "pull": False,
            "convert": False,
            "verify": model is None or model.manifest is None,
            "repair": model is None or not (model.problem or model.is_installed),
            "remove": model is None or not model.is_installed or is_current,
        }
        for name, is_off in off.items():
            self.query_one(f"#{name}", Button).disabled = is_off or busy
        self.query_one("#detail", Static).update("" if model is None else self._detail(model))

    def _detail(self, model: KnownModel) -> str:
        lines = [str(model.path)]
        if is_demo(model.path):
            lines.append("hears and says twenty words; Pull, Ctrl+R, gets the published model")
        if model.path == self.service.model:
            held = self.service.memory_bytes()
            lines.append("memory now: nothing is loaded" if held is None else f"memory now: {readable_size(held)}")
        if model.problem:
            return "\n".join([*lines, model.problem, "Repair makes it again from its source."])
        parts = {} if model.manifest is None else model.manifest.parts
        for name, part in parts.items():
            stored = part.dtype if part.bits is None else f"{part.bits} bits"
            size = readable_size(model.part_bytes(name))
            lines.append(f"{name:<14} {size:>8}  {part.parameters / 1e6:8.2f} M parameters  {stored}")
        return "\n".join(lines)
