"""Settings that name something on this computer: what there is to choose from, and whether a value would work.

The types of values are checked where they are read (`gpa_mlx.settings`); what they name is looked at here, before it is
written down, so that a setting never keeps anybody from working later.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.jobs.models import default_model, find_model, find_model_or_demo
from gpa_mlx.jobs.voice_choice import built_in_voices, choose_voice, recording_of
from gpa_mlx.model import demo
from gpa_mlx.settings import how_to_unset
from gpa_mlx.store.manifest import read_manifest, require_converted
from gpa_mlx.store.models import installed_models
from gpa_mlx.voices.library import VoiceLibrary

if TYPE_CHECKING:
    from gpa_mlx.settings import LoadedSettings, Settings


@dataclass(frozen=True, slots=True)
class SettingChoice:
    """One value that a setting can have.

    Attributes:
        value: As it is written.
        about: A few words; may be empty.
    """

    value: str
    about: str = ""


def check_setting(settings: Settings, name: str, text: str) -> None:
    """Refuse a value that names a model, a voice or a file that cannot be used.

    Args:
        settings: Those of this run.
        name: A key of the settings; those that name nothing are not looked at.
        text: The value as text.

    Raises:
        SettingsError: It cannot be used.
    """
    try:
        if name == "model":
            require_converted(find_model(settings, str(Path(text).expanduser()) if text.startswith("~/") else text))
        elif name == "voice":
            _check_voice(settings, text)
        elif name == "words_file":
            from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary

            read_custom_vocabulary(Path(text).expanduser())
    except SettingsError:
        raise
    except GPAError as error:
        raise SettingsError(error.message, hint=error.hint) from error


def choices_of(settings: Settings, name: str) -> tuple[SettingChoice, ...]:
    """Return the values that a setting can have on this computer; empty where anything can be written.

    Args:
        settings: Those of this run.
        name: A key of the settings.

    Raises:
        AudioDeviceError: PortAudio is missing, or cannot look for devices.
        VoiceError: The library cannot be read.
    """
    if name == "model":
        return _models()
    if name == "voice":
        return _voices(settings)
    if name in ("microphone", "loudspeaker"):
        return _devices(name)
    return ()


def usable_model(loaded: LoadedSettings, model: str | None) -> tuple[Path, str]:
    """Return the directory of the model to begin with; a setting that no longer fits gives way to the demo model.

    Args:
        loaded: Those of this run.
        model: What the user named for this run; None takes the default.

    Returns:
        The directory, and what to say about the setting; empty when it is not in the way.

    Raises:
        GPAError: The user named a model that cannot be used, or there is not even the demo model.
    """
    settings = loaded.settings
    try:
        path = find_model_or_demo(settings, model)
        require_converted(path)
    except GPAError as error:
        if model or default_model(settings) in (None, demo.NAME):
            raise
        path = demo.demo_model()
        require_converted(path)
        if settings.model is None:  # the only one that is installed
            return path, f"{error.message} The demo model is used instead. {error.hint}"
        advice = how_to_unset(loaded, "model")
        return path, f"The setting `model` is not used: {error.message} The demo model is used instead. {advice}"
    return path, ""


def _models() -> tuple[SettingChoice, ...]:
    found = [SettingChoice(demo.NAME, "ships with the program; knows twenty words")]
    found += [SettingChoice(model.name) for model in installed_models() if model.problem is None]
    return tuple(found)


def _voices(settings: Settings) -> tuple[SettingChoice, ...]:
    family = ""
    with suppress(GPAError):
        family = read_manifest(_model_to_speak(settings)).model_family
    stored = [entry.voice for entry in VoiceLibrary().entries() if entry.voice is not None]
    names = {voice.name for voice in stored}
    voices = [*stored, *(voice for voice in built_in_voices().values() if voice.name not in names)]
    return tuple(
        SettingChoice(voice.name, voice.description) for voice in voices if not family or voice.family in ("", family)
    )


def _model_to_speak(settings: Settings) -> Path:
    """Return the default model, or the demo model in the place of one that is gone."""
    try:
        path = find_model_or_demo(settings, None)
        require_converted(path)
    except GPAError:
        return demo.demo_model()
    return path


def _devices(name: str) -> tuple[SettingChoice, ...]:
    from gpa_mlx.audio.devices.port_audio import list_devices

    devices = list_devices("input" if name == "microphone" else "output")
    names = [device.name for device in devices]
    # With its system behind it, PortAudio's Python module knows one of several with the same name.
    full = (device.name if names.count(device.name) == 1 else f"{device.name}, {device.system}" for device in devices)
    return tuple(SettingChoice(name) for name in dict.fromkeys(full))


def _check_voice(settings: Settings, text: str) -> None:
    path = Path(text).expanduser()
    if recording_of(str(path)) is not None:
        from gpa_mlx.audio.files.existing import require_audio

        if not path.is_absolute():
            raise SettingsError(
                f"'{text}' would be another file in every folder.", hint="Give the whole path of the recording."
            )
        require_audio(path)
        return
    choose_voice(str(path) if path.is_file() else text, _model_to_speak(settings))
