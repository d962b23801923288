"""What can be chosen: voices and models. Everything here reads files: call it from a work."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import Voice


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """A voice, or a recording to make one from.

    Attributes:
        name: For people.
        about: One line; may be empty.
        source: The voice or the recording.
        is_file: It is of a file, which no list of voices has.
    """

    name: str
    about: str
    source: Voice | Path
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model on this computer.

    Attributes:
        name: For people.
        path: Its directory.
    """

    name: str
    path: Path


def recording_choice(path: Path) -> VoiceChoice:
    """Return the choice of whoever speaks in a recording."""
    return VoiceChoice(path.stem, f"from {path.name}", path, is_file=True)


def card_choice(path: Path) -> VoiceChoice:
    """Return the choice of the voice of a card.

    Raises:
        VoiceError: There is no sound card in the file.
    """
    from gpa_mlx.voices.card import read_card

    voice = read_card(path)
    return VoiceChoice(voice.name, f"from {path.name}", voice, is_file=True)


def model_name(path: Path) -> str:
    """Return what people call a model."""
    from gpa_mlx.model import demo

    return demo.NAME if is_demo(path) else path.name


def is_demo(path: Path) -> bool:
    """Return whether this is the model that ships with the program."""
    from gpa_mlx.model.demo import is_demo_model

    return is_demo_model(path)


def voices_of(model: Path, chosen: str | None) -> tuple[VoiceChoice, ...]:
    """Return the voices a model can speak in: the chosen one, those of the library, then the built-in ones.

    Args:
        model: Its directory.
        chosen: The name of the voice of the settings.

    Raises:
        ModelFormatError: Not a converted model.
        VoiceError: The library cannot be read.
    """
    from gpa_mlx.jobs.voice_choice import fitting_voices

    fitting = sorted(fitting_voices(model), key=lambda voice: voice.name != chosen)
    return tuple(VoiceChoice(voice.name, voice.description, voice) for voice in fitting)


def models(current: Path) -> tuple[ModelChoice, ...]:
    """Return the models on this computer that can be used, the current one first."""
    from gpa_mlx.model import demo
    from gpa_mlx.store.models import installed_models

    found = [current]
    with suppress(GPAError):
        found.append(demo.demo_model())
    found += [model.path for model in installed_models() if model.problem is None]
    return tuple(ModelChoice(model_name(path), path) for path in dict.fromkeys(found))
