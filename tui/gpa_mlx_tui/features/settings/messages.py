"""What the tasks of the Settings mode report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from gpa_mlx.errors import SettingsError
    from gpa_mlx.jobs.settings import SettingChoice
    from gpa_mlx.settings import LoadedSettings
    from gpa_mlx_tui.services.background import BackgroundTask


class SettingsRead(TaskMessage):
    """What is set now.

    Args:
        task: The task.
        loaded: Values and where they come from.
        changed: Name of what was changed; empty when it was only read.
    """

    def __init__(self, task: BackgroundTask, loaded: LoadedSettings, changed: str = "") -> None:
        super().__init__(task)
        self.loaded = loaded
        self.changed = changed


class SettingRefused(TaskMessage):
    """A value cannot be used, and nothing was written.

    Args:
        task: The task.
        name: Of the setting.
        error: Why.
    """

    def __init__(self, task: BackgroundTask, name: str, error: SettingsError) -> None:
        super().__init__(task)
        self.name = name
        self.error = error


class ChoicesFound(TaskMessage):
    """What a setting can name on this computer now.

    Args:
        task: The task.
        setting: One of `jobs.LISTED`.
        choices: What there is; of several devices that nothing tells apart, one.
    """

    def __init__(self, task: BackgroundTask, setting: str, choices: tuple[SettingChoice, ...]) -> None:
        super().__init__(task)
        self.setting = setting
        self.choices = choices
