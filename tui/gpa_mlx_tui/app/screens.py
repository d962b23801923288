"""The screen class of each mode; its module is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpa_mlx_tui.features.mode_screen import ModeScreen


def _dictate() -> type[ModeScreen]:
    from gpa_mlx_tui.features.dictate.screen import DictateScreen

    return DictateScreen


def _speak() -> type[ModeScreen]:
    from gpa_mlx_tui.features.speak.screen import SpeakScreen

    return SpeakScreen


def _voice() -> type[ModeScreen]:
    from gpa_mlx_tui.features.voice.screen import VoiceScreen

    return VoiceScreen


def _convert() -> type[ModeScreen]:
    from gpa_mlx_tui.features.convert.screen import ConvertScreen

    return ConvertScreen


def _files() -> type[ModeScreen]:
    from gpa_mlx_tui.features.files.screen import FilesScreen

    return FilesScreen


def _history() -> type[ModeScreen]:
    from gpa_mlx_tui.features.history.screen import HistoryScreen

    return HistoryScreen


def _models() -> type[ModeScreen]:
    from gpa_mlx_tui.features.models.screen import ModelsScreen

    return ModelsScreen


def _settings() -> type[ModeScreen]:
    from gpa_mlx_tui.features.settings.screen import SettingsScreen

    return SettingsScreen


def _help() -> type[ModeScreen]:
    from gpa_mlx_tui.features.help.screen import HelpScreen

    return HelpScreen


SCREENS: Mapping[str, Callable[[], type[ModeScreen]]] = {
    "dictate": _dictate,
    "speak": _speak,
    "voice": _voice,
    "convert": _convert,
    "files": _files,
    "history": _history,
    "models": _models,
    "settings": _settings,
    "help": _help,
}
"""By the id of the mode; the classes can be made without arguments."""
