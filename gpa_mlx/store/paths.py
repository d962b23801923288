"""Where the program keeps its files: the platform's own places, or everything in the folder `GPA_MLX_HOME` names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

HOME_VARIABLE = "GPA_MLX_HOME"
_NAME = "gpa-mlx"


def models_dir() -> Path:
    """Return the folder of the installed models; it need not exist."""
    return _place("models", platformdirs.user_data_path)


def voices_dir() -> Path:
    """Return the folder of the voice library; it need not exist."""
    return _place("voices", platformdirs.user_data_path)


def history_dir() -> Path:
    """Return the folder of what was dictated; it need not exist."""
    return _place("history", platformdirs.user_state_path)


def app_state_dir() -> Path:
    """Return the folder of what the terminal app brings back at its next start; it need not exist."""
    return _place("app", platformdirs.user_state_path)


def downloads_dir() -> Path:
    """Return the folder of downloads on their way; it need not exist."""
    return _place("downloads", platformdirs.user_cache_path)


def settings_file() -> Path:
    """Return the settings file; it need not exist."""
    return _place("settings.toml", platformdirs.user_config_path)


def _place(name: str, platform_folder: Callable[..., Path]) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    return (Path(home).expanduser() if home else platform_folder(_NAME, appauthor=False)) / name
