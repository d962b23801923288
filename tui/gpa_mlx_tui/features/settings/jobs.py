"""Settings and keys while the app runs: read, written, and in force at once where that is possible."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from gpa_mlx.errors import SettingsError
from gpa_mlx_tui.bindings import remapped
from gpa_mlx_tui.features.settings.messages import ChoicesFound, SettingRefused, SettingsRead
from gpa_mlx_tui.services.microphone import default_dependencies

if TYPE_CHECKING:
    from gpa_mlx.settings import Settings, SettingsSource
    from gpa_mlx_tui.services.app_services import AppServices
    from gpa_mlx_tui.services.background import BackgroundTask

KEYS_PREFIX = "keys."
LISTED = ("model", "voice", "microphone", "loudspeaker")
"""Settings that name one of what is on this computer, which takes a moment to look up."""

_AT_ONCE = {
    "theme",
    "ascii",
    "loudspeaker",
    "microphone",
    "words_file",
    "history_days",
    "history_size",
    "history_keep",
    "preroll",
    "voice",
}
_DICTATION = {"microphone", "words_file", "history_days", "history_size", "history_keep", "preroll"}


def read_settings(task: BackgroundTask, source: SettingsSource) -> None:
    """Read what is set.

    Raises:
        SettingsError: The file or a variable cannot be used.
    """
    task.post(SettingsRead(task, source.load()))


def write_setting(task: BackgroundTask, source: SettingsSource, name: str, text: str | None) -> None:
    """Write one setting, or take it out of the file.

    Args:
        task: The task.
        source: Where the settings come from.
        name: A key of the settings, or `keys.BINDING`.
        text: The value; None takes it out.

    Raises:
        GPAError: The file cannot be written.
    """
    from gpa_mlx import settings
    from gpa_mlx.jobs.settings import check_setting

    try:
        if name.startswith(KEYS_PREFIX):
            keys = {**source.load().settings.keys, name.removeprefix(KEYS_PREFIX): text}
            remapped({binding: key for binding, key in keys.items() if key is not None})
        if text is None:
            settings.remove(name)
        else:
            check_setting(source.load().settings, name, text)
            settings.store(name, text)
        task.post(SettingsRead(task, source.load(), name))
    except SettingsError as error:
        task.post(SettingRefused(task, name, error))


def find_choices(task: BackgroundTask, source: SettingsSource, setting: str) -> None:
    """Find what a setting can name.

    Raises:
        GPAError: That cannot be looked up.
    """
    from gpa_mlx.jobs.settings import choices_of

    task.post(ChoicesFound(task, setting, choices_of(source.load().settings, setting)))


def take_effect(app: AppServices, name: str, values: Settings) -> bool:
    """Let a changed setting hold at once; return whether it does, or only from the next start.

    Args:
        app: The app.
        name: What was changed.
        values: All settings.
    """
    if name.startswith(KEYS_PREFIX):
        app.use_keys(dict(values.keys))
        return True
    if name == "theme":
        app.use_theme(values.theme or "auto")
    elif name == "ascii":
        app.use_ascii(ascii_only=values.ascii)
    elif name == "loudspeaker":
        from gpa_mlx.audio.devices.loudspeaker import Loudspeaker

        app.output = Loudspeaker(values.loudspeaker)
    elif name in _DICTATION:
        app.dictation = default_dependencies(values)
    return name in _AT_ONCE


def shown(name: str, values: Settings) -> str:
    """Return the value of a setting as text; empty for one that is not set."""
    from gpa_mlx.settings import KEYS

    value = asdict(values)[name]
    return "" if value is None else KEYS[name].shown(value)
