"""The models of this computer: what the Models mode finds out and checks on its tasks' threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx_tui.features.models.installing import InstallDone, Meter
from gpa_mlx_tui.services.choices import model_name
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.settings import SettingsSource
    from gpa_mlx.store.manifest import Manifest
    from gpa_mlx_tui.services.background import BackgroundTask


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One model.

    Attributes:
        name: What people call it.
        path: Its directory.
        manifest: What it consists of; None when that cannot be read.
        problem: Why it cannot be used; empty when it can.
        is_installed: It is in the folder of models, so that it can be removed.
        is_default: It is used when none is named.
    """

    name: str
    path: Path
    manifest: Manifest | None
    problem: str
    is_installed: bool
    is_default: bool

    @property
    def size_bytes(self) -> int:
        """What its files take."""
        return 0 if self.manifest is None else sum(file.size for file in self.manifest.files.values())

    @property
    def stored(self) -> str:
        """How its language model is stored."""
        part = None if self.manifest is None else self.manifest.parts.get("lm")
        if part is None:
            return ""
        return part.dtype if part.bits is None else f"{part.bits} bits"

    @property
    def source(self) -> str:
        """Where it came from."""
        if self.manifest is None:
            return ""
        source = self.manifest.source
        return source.location + (f" @ {source.revision[:7]}" if source.revision else "")

    def part_bytes(self, name: str) -> int:
        """Return what the files of one part take; those of the language model are not in a folder of their own."""
        files = {} if self.manifest is None else self.manifest.files
        folder = "" if name == "lm" else name
        return sum(file.size for path, file in files.items() if path.rpartition("/")[0] == folder)


class ModelsListed(TaskMessage):
    """Which models there are.

    Args:
        task: The task.
        models: The one that ships first, then by name.
    """

    def __init__(self, task: BackgroundTask, models: tuple[KnownModel, ...]) -> None:
        super().__init__(task)
        self.models = models


def list_models(task: BackgroundTask, source: SettingsSource, current: Path) -> None:
    """Find the models: the demo model, what is installed, and the one in use.

    Raises:
        SettingsError: The settings cannot be read.
    """
    from contextlib import suppress

    from gpa_mlx.jobs.models import default_model
    from gpa_mlx.model import demo
    from gpa_mlx.store import models

    default = default_model(source.load().settings) or demo.NAME
    found: list[KnownModel] = []

    def add(name: str, path: Path, *, is_installed: bool) -> None:
        manifest, problem = _look(path)
        is_default = default in (name, str(path))
        found.append(
            KnownModel(
                name=name,
                path=path,
                manifest=manifest,
                problem=problem,
                is_installed=is_installed,
                is_default=is_default,
            )
        )

    with suppress(GPAError):
        add(demo.NAME, demo.demo_model(), is_installed=False)
    for model in models.installed_models():
        task.check()
        add(model.name, model.path, is_installed=True)
    if current not in [model.path for model in found]:
        add(model_name(current), current, is_installed=False)
    task.post(ModelsListed(task, tuple(found)))


def choose_default(task: BackgroundTask, source: SettingsSource, model: KnownModel) -> None:
    """Use a model from now on whenever none is named.

    Raises:
        GPAError: The choice cannot be written down.
    """
    from gpa_mlx import settings
    from gpa_mlx.jobs.models import set_default
    from gpa_mlx.model import demo
    from gpa_mlx.store import models

    if model.is_installed:
        with models.changing():
            set_default(model.name)
    else:
        settings.store("model", demo.NAME if model.name == demo.NAME else str(model.path.absolute()))
    overruled = source.load().settings.model not in (None, model.name, str(model.path.absolute()))
    note = " The variable GPA_MLX_MODEL goes before it." if overruled else ""
    task.post(InstallDone(task, f"{model.name} is used when no model is named.{note}"))


def verify_model(task: BackgroundTask, model: KnownModel) -> None:
    """Compare every file of a model with its size and checksum.

    Raises:
        ModelNotFoundError: It is gone.
        ModelFormatError: It is damaged.
        CancelledError: The task was cancelled.
    """
    from gpa_mlx.store.manifest import read_manifest, stream_verify_files
    from gpa_mlx.store.progress import Steps

    meter = Meter(task)
    for step in (checking := Steps(stream_verify_files(model.path))):
        meter.report("files", step.done, step.total)
    problems = checking.result
    files = len(read_manifest(model.path).files)
    if problems:
        raise ModelFormatError(
            f"{len(problems)} of {files} files of {model.name} are damaged: {'; '.join(problems)}.",
            hint="Ctrl+N makes the model again from its source.",
        )
    task.post(InstallDone(task, f"All {files} files of {model.name} are as they were written."))


def _look(path: Path) -> tuple[Manifest | None, str]:
    from gpa_mlx.store.manifest import read_manifest, require_converted

    manifest = None
    try:
        manifest = read_manifest(path)
        require_converted(path)
    except GPAError as error:
        return manifest, error.message
    return manifest, ""
