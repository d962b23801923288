"""All areas, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gpa_mlx.doctor.backend_check import Backend, examine_backend, load_backend
from gpa_mlx.doctor.clipboard_check import examine_clipboard
from gpa_mlx.doctor.finding import Finding
from gpa_mlx.doctor.host import Host, this_host
from gpa_mlx.doctor.loudspeaker_check import examine_loudspeaker
from gpa_mlx.doctor.machine_check import examine_machine
from gpa_mlx.doctor.memory_check import examine_memory
from gpa_mlx.doctor.microphone_check import examine_microphone
from gpa_mlx.doctor.models_check import examine_models
from gpa_mlx.doctor.sound_devices import PortAudio, SoundDevices
from gpa_mlx.doctor.storage_check import examine_storage
from gpa_mlx.doctor.tools_check import examine_tools
from gpa_mlx.errors import SettingsError
from gpa_mlx.settings import DEFAULT_ORIGIN, Settings, SettingsSource
from gpa_mlx.store import paths


def examine(
    source: SettingsSource,
    *,
    probe_microphone: bool = True,
    host: Host | None = None,
    devices: SoundDevices | None = None,
    load: Callable[[], Backend] = load_backend,
) -> Iterator[Finding]:
    """Yield what is found, area by area, as it is found.

    Args:
        source: Where the settings come from.
        probe_microphone: Whether to listen to the microphone for a second.
        host: The computer; None means this one.
        devices: Its sound devices; None means the real ones.
        load: Loads MLX.
    """
    host, devices = host or this_host(), devices or PortAudio()
    yield from examine_machine(host)
    yield from examine_backend(host, load)
    found, chosen = _settings(source)
    yield found
    yield from examine_models(chosen)
    yield from examine_memory(host, chosen)
    yield from examine_storage()
    yield from examine_microphone(host, devices, chosen.microphone, probe=probe_microphone)
    yield from examine_loudspeaker(host, devices, chosen.loudspeaker)
    yield from examine_clipboard(host)
    yield from examine_tools(host)


def _settings(source: SettingsSource) -> tuple[Finding, Settings]:
    """Read the settings; where that fails, go on with the defaults: nothing else would be found out."""
    file = paths.settings_file()
    try:
        loaded = source.load()
    except SettingsError as error:
        fix = f"{error.hint} Edit the file (`gpa-mlx settings path`) or the variable"
        return Finding("settings", "missing", error.message, fix), Settings()
    count = sum(origin != DEFAULT_ORIGIN for origin in loaded.origins.values())
    where = file if file.exists() else f"{file}, which does not exist"
    return Finding("settings", "ok", f"{count} of {len(loaded.origins)} set; the file is {where}."), loaded.settings
