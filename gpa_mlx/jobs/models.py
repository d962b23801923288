"""Which model a use case runs on, and how it is opened: the rules for a default model, in one place.

A model is the first of: what the user names for this run, the setting `model` (which an environment variable goes
before), the only one that is installed. The app, which must always have one, goes on to the demo model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx import settings as settings_file
from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.model import demo
from gpa_mlx.store import models

if TYPE_CHECKING:
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.settings import Settings


def find_model(settings: Settings, model: str | None) -> Path:
    """Return the directory of the model the user named, or of the default one.

    The exact word `demo` names the one that ships, an installed model goes by its name, all else is a directory.

    Args:
        settings: Those of this run.
        model: What the user named; None takes the default.

    Raises:
        ModelNotFoundError: None named and none the default, no such name, or the demo model is not installed.
    """
    chosen = model or settings.model
    try:
        return demo.demo_model() if chosen == demo.NAME else models.resolve(chosen)
    except ModelNotFoundError as error:
        if model or chosen in (None, demo.NAME):
            raise
        raise ModelNotFoundError(
            f"The default model '{chosen}' is not installed any more.",
            hint="Choose another with `gpa-mlx model default NAME`, or install one with `gpa-mlx model pull`.",
        ) from error


def find_model_or_demo(settings: Settings, model: str | None) -> Path:
    """Return as `find_model` does, but the demo model's directory where no model is named and none the default.

    Raises:
        ModelNotFoundError: No such name, or the demo model is not installed.
    """
    return find_model(settings, model or default_model(settings) or demo.NAME)


def default_model(settings: Settings) -> str | None:
    """Return the name of the model that is used when none is named: the setting, or the only one; it may be gone."""
    if settings.model:
        return settings.model
    names = models.installed_names()
    return names[0] if len(names) == 1 else None


def is_demo(settings: Settings, model: str | None) -> bool:
    """Return whether the user's choice is the demo model, by its name."""
    return (model or settings.model) == demo.NAME


def open_model(settings: Settings, model: str | Path | None, adapter: Path | None = None) -> GPA:
    """Open a model within the memory that the settings allow, with an adapter if one is named.

    Args:
        settings: Those of this run.
        model: What the user named, or a directory; None takes the default.
        adapter: A directory written by `gpa-mlx train lm --lora`.

    Raises:
        ModelNotFoundError: None named, or nothing there.
        ModelFormatError: Not a converted model.
    """
    path = model if isinstance(model, Path) else find_model(settings, model)
    from gpa_mlx.engine.gpa import load  # MLX, 0.3 s
    from gpa_mlx.runtime.memory import apply_limits

    apply_limits(settings.max_memory, settings.cache_limit)
    return load(str(path), adapter=adapter)


def set_default(name: str) -> None:
    """Write down which model is used when none is named: an installed one, or `demo`.

    Raises:
        ModelNotFoundError: It is not installed.
        SettingsError: The settings file is no TOML.
        GPAError: The choice cannot be written down.
    """
    if name != demo.NAME:
        models.require_installed(name)
    settings_file.store("model", name)


def remove_model(name: str) -> None:
    """Remove an installed model, and the setting that names it. It is gone at once and whole, even in a crash.

    Raises:
        ModelNotFoundError: It is not installed.
        SettingsError: The settings, which may name it, cannot be used.
        GPAError: It cannot be removed, or the settings go on naming it because they cannot be written.
    """
    models.require_installed(name)
    if settings_file.load_settings({}).settings.model == name:
        settings_file.remove("model")
    models.remove(name)
