"""Settings and keys while the app runs: what the Settings mode reads, writes and lets take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.scrollbar import ScrollBar, ScrollBarRender

from gpa_mlx.errors import SettingsError
from gpa_mlx_tui.bindings import remapped
from gpa_mlx_tui.services.messages import TaskMessage
from gpa_mlx_tui.themes import ASCII, THEMES, UNICODE, PlainScrollBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpa_mlx.audio.devices.port_audio import Direction
    from gpa_mlx.settings import LoadedSettings, Settings, SettingsSource
    from gpa_mlx_tui.app.app import GPAApp
    from gpa_mlx_tui.services.service import BackgroundTask

KEYS_PREFIX = "keys."
DEVICES: Mapping[str, Direction] = {"microphone": "input", "loudspeaker": "output"}
"""Settings that name a device."""

_AT_ONCE = {"theme", "ascii", "loudspeaker", "microphone", "words_file", "history_days", "history_size"}
_HEARING = {"microphone", "words_file", "history_days", "history_size"}


class SettingsRead(TaskMessage):
    """What is set now.

    Args:
        work: The work.
        loaded: Values and where they come from.
        changed: Name of what was changed; empty when it was only read.
    """

    def __init__(self, work: BackgroundTask, loaded: LoadedSettings, changed: str = "") -> None:
        super().__init__(work)
        self.loaded = loaded
        self.changed = changed


class SettingRefused(TaskMessage):
    """A value cannot be used, and nothing was written.

    Args:
        work: The work.
        name: Of the setting.
        error: Why.
    """

    def __init__(self, work: BackgroundTask, name: str, error: SettingsError) -> None:
        super().__init__(work)
        self.name = name
        self.error = error


class DevicesFound(TaskMessage):
    """The devices that a setting can name, as they are connected now.

    Args:
        work: The work.
        setting: One of `DEVICES`.
        names: What PortAudio's Python module tells them apart by; of several that nothing tells apart, one.
    """

    def __init__(self, work: BackgroundTask, setting: str, names: tuple[str, ...]) -> None:
        super().__init__(work)
        self.setting = setting
        self.names = names


def read_settings(work: BackgroundTask, source: SettingsSource) -> None:
    """Read what is set.

    Raises:
        SettingsError: The file or a variable cannot be used.
    """
    work.post(SettingsRead(work, source.load()))


def write_setting(work: BackgroundTask, source: SettingsSource, name: str, text: str | None) -> None:
    """Write one setting, or take it out of the file.

    Args:
        work: The work.
        source: Where the settings come from.
        name: A key of the settings, or `keys.BINDING`.
        text: The value; None takes it out.

    Raises:
        GPAError: The file cannot be written.
    """
    from gpa_mlx import settings

    try:
        if name.startswith(KEYS_PREFIX):
            keys = {**source.load().settings.keys, name.removeprefix(KEYS_PREFIX): text}
            remapped({binding: key for binding, key in keys.items() if key is not None})
        if text is None:
            settings.remove(name)
        else:
            settings.store(name, text)
        work.post(SettingsRead(work, source.load(), name))
    except SettingsError as error:
        work.post(SettingRefused(work, name, error))


def find_devices(work: BackgroundTask, setting: str) -> None:
    """Find the devices that a setting can name.

    Raises:
        AudioDeviceError: PortAudio is missing, or cannot look for devices.
    """
    from gpa_mlx.audio.devices.port_audio import list_devices

    devices = list_devices(DEVICES[setting])
    names = [device.name for device in devices]
    # With its system behind it, PortAudio's Python module knows one of several with the same name.
    full = (
        name if names.count(name) == 1 else f"{name}, {device.system}"
        for name, device in zip(names, devices, strict=True)
    )
    work.post(DevicesFound(work, setting, tuple(dict.fromkeys(full))))


def take_effect(app: GPAApp, name: str, values: Settings) -> bool:
    """Let a changed setting hold at once; tell whether it does, or only from the next start.

    Args:
        app: The app.
        name: What was changed.
        values: All settings.
    """
    if name.startswith(KEYS_PREFIX):
        use_keys(app, dict(values.keys))
        return True
    if name == "theme" and values.theme in (None, *THEMES):
        app.theme = THEMES[values.theme or "dark"].name
    elif name == "ascii":
        _draw_with(app, ascii_only=values.ascii)
    elif name == "loudspeaker":
        from gpa_mlx.audio.devices.loudspeaker import Loudspeaker

        app.output = Loudspeaker(values.loudspeaker)
    elif name in _HEARING:
        from gpa_mlx_tui.services.hearing import default_dependencies

        app.ears = default_dependencies(
            values.microphone,
            words_file=values.words_file,
            history_bytes=values.history_size,
            history_days=values.history_days,
        )
    return name in _AT_ONCE


def use_keys(app: GPAApp, keys: dict[str, str]) -> None:
    """Use other keys from now on; Help is laid out anew."""
    from gpa_mlx_tui.modes import MODES

    app.keys = remapped(keys)
    app.set_keymap(keys)
    guide = next(mode for mode in MODES if mode.id == "help")
    if app.current_mode != guide.id:
        app.remove_mode(guide.id)
        app.add_mode(guide.id, app.screen_maker(guide))


def shown(name: str, value: Any) -> str:  # noqa: ANN401
    """Return a value as text; empty for one that is not set."""
    from gpa_mlx.settings import KEYS

    return "" if value is None else KEYS[name].shown(value)


def _draw_with(app: GPAApp, *, ascii_only: bool) -> None:
    app.symbols = ASCII if ascii_only else UNICODE
    app.set_class(ascii_only, "-ascii")
    ScrollBar.renderer = PlainScrollBar if ascii_only else ScrollBarRender
    app.refresh_header()
    app.refresh_css()
    app.refresh()
