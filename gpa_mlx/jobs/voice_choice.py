"""Which voices there are: those of the user's library, those that are built in, and recordings to make one from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.audio.files.existing import address_error
from gpa_mlx.errors import ModelNotFoundError, VoiceError
from gpa_mlx.jobs.reference_clip import find_reference_clip, no_voice, warnings_of
from gpa_mlx.model import demo
from gpa_mlx.store.manifest import read_manifest
from gpa_mlx.types import SAMPLE_RATE_HZ, Voice
from gpa_mlx.voices.card import SUFFIX, read_card
from gpa_mlx.voices.library import VoiceLibrary, checked_name, nearest_name

if TYPE_CHECKING:
    from gpa_mlx.protocols import SpeechEngine

logger = logging.getLogger(__name__)

_MOST_NAMED = 12


def built_in_voices() -> dict[str, Voice]:
    """Return the voices that ship with the program, by name; none where the demo model is not installed."""
    try:
        return {voice.name: voice for voice in demo.demo_voices()}
    except ModelNotFoundError:
        return {}


def fitting_voices(model: Path) -> tuple[Voice, ...]:
    """Return the voices a model can speak in: those of the user's library, then the built-in ones.

    Raises:
        ModelFormatError: Not a converted model.
        VoiceError: The library cannot be read.
    """
    family = read_manifest(model).model_family
    stored = [entry.voice for entry in VoiceLibrary().entries() if entry.voice is not None]
    names = {voice.name for voice in stored}
    built_in = [voice for voice in built_in_voices().values() if voice.name not in names]
    return tuple(voice for voice in (*stored, *built_in) if voice.family == family)


def recording_of(name: str) -> Path | None:
    """Return the recording that a user names, to make a voice from; None where the name is a card's or a voice's."""
    path = Path(name)
    return path if path.is_file() and path.suffix != SUFFIX else None


def choose_voice(name: str, model: Path) -> Voice:
    """Return the voice that a user names: of a card file, of the library, or a built-in one of the model.

    Args:
        name: A path or a voice's name.
        model: Directory of the model that shall speak.

    Raises:
        VoiceError: None of these; or the voice is damaged or was made for models of another family.
        AudioFileError: An address of the web.
        ModelFormatError: Not a converted model.
    """
    path = Path(name)
    if path.is_file():
        return fitting_voice(read_card(path), model)
    try:
        return named_voice(name, model)
    except VoiceError:
        if (address := address_error(name)) is not None:
            raise address from None
        raise


def named_voice(name: str, model: Path) -> Voice:
    """Return a voice of the library, or a built-in one of the model; no file is looked for.

    Args:
        name: The voice's.
        model: Directory of the model that shall speak.

    Raises:
        VoiceError: There is none; or it is damaged or was made for models of another family.
        ModelFormatError: Not a converted model.
    """
    library = VoiceLibrary()
    stored = library.find(name)
    if stored is not None:
        return fitting_voice(stored, model)
    family = read_manifest(model).model_family
    built_in = {other: voice for other, voice in built_in_voices().items() if voice.family == family}
    if name in built_in:
        return built_in[name]
    known = [*library.names(), *built_in]
    if near := nearest_name(name, known):
        hint = f"Did you mean '{near}'? `gpa-mlx voices list` shows all voices."
    elif not known:
        hint = "Give the path of a recording of the voice."
    elif len(known) > _MOST_NAMED:
        hint = "Give the path of a recording of the voice, or a name that `gpa-mlx voices list` shows."
    else:
        hint = f"Give the path of a recording of the voice, or one of {', '.join(known)}."
    raise VoiceError(f"There is no voice '{name}'.", hint=hint)


def open_voice(engine: SpeechEngine, voice: Voice | Path, *, as_reference: bool = False) -> Voice:
    """Return a voice, made from its recording if it is one; it is called like the file then.

    The best part of the recording is taken, as for a voice of the library; what a listener would complain about is
    logged.

    Args:
        engine: Makes the voice.
        voice: A voice, or a recording.
        as_reference: Take the first seconds of channel 0, whatever is in them.

    Raises:
        AudioFileError: The recording cannot be used.
        VoiceError: There is no voice in the recording, or it is too short.
        InputTooLongError: The recording is too long.
    """
    if isinstance(voice, Voice):
        return voice
    if as_reference:
        return engine.make_voice(voice, name=voice.stem, channels="reference")
    clip = find_reference_clip(voice, engine.reference_s)
    if not clip.has_voice:
        raise no_voice(str(voice), engine.reference_s, "`gpa-mlx voices add --whole` takes one without listening to it")
    for complaint in warnings_of(clip.window.quality):
        logger.warning("%s, which the voice is made from, %s.", voice, complaint)
    return engine.make_voice((clip.samples, SAMPLE_RATE_HZ), name=voice.stem)


def free_name(library: VoiceLibrary, name: str, *, replacing: bool = False) -> str:
    """Return a name, as it is stored, under which a voice may be added.

    Args:
        library: Where it will be added.
        name: The name.
        replacing: It may be that of a voice in the library.

    Raises:
        VoiceError: It cannot be a name, is that of a built-in voice, or is taken.
    """
    refuse_built_in_name(name)
    return checked_name(name) if replacing else library.require_free(name)


def refuse_built_in_name(name: str) -> None:
    """Keep the names of built-in voices for them.

    Raises:
        VoiceError: It is one.
    """
    if name.casefold() in built_in_voices():
        raise VoiceError(f"'{name}' is the name of a built-in voice.", hint="Choose another name.")


def fitting_voice(voice: Voice, model: Path) -> Voice:
    """Return a voice whose codes the model knows; that of an unknown family is left to the engine."""
    family = read_manifest(model).model_family
    if voice.family not in ("", family):
        raise VoiceError(
            f"The voice '{voice.name}' was made for models of the family {voice.family}; this model's is {family}.",
            hint="Name the model it was made with, or make the voice again with this one: `gpa-mlx voices add`.",
        )
    return voice
