"""The user's library of voices as the Voice mode shows and changes it; for the threads of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx_tui.features.voice.listed_voice import ListedVoice
from gpa_mlx_tui.features.voice.messages import CardRead, LibraryChanged, VoicesListed

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import Voice
    from gpa_mlx_tui.services.background import BackgroundTask


def list_voices(task: BackgroundTask, model: Path) -> None:
    """List the library, and the built-in voices.

    Raises:
        ModelFormatError: Not a converted model.
        VoiceError: The library cannot be read.
    """
    from gpa_mlx.jobs.voice_choice import built_in_voices
    from gpa_mlx.store.manifest import read_manifest
    from gpa_mlx.voices.library import VoiceLibrary

    family = read_manifest(model).model_family
    listed: list[ListedVoice] = []
    for entry in VoiceLibrary().entries():
        other = entry.voice is not None and entry.voice.family != family
        problem = entry.problem or ("It was made for another kind of model than the one in use." if other else "")
        listed.append(ListedVoice(entry.name, "kept", entry.voice, problem))
    built_in = built_in_voices().values()
    listed += [ListedVoice(voice.name, "built-in", voice) for voice in built_in if voice.family == family]
    task.post(VoicesListed(task, tuple(listed)))


def keep_new(task: BackgroundTask, voice: Voice, name: str) -> None:
    """Put a new voice into the library, whose owner has agreed.

    Raises:
        VoiceError: It cannot be kept under that name.
    """
    from gpa_mlx.jobs.enroll import keep_voice
    from gpa_mlx.voices.consent import CONSENT

    _post_kept(task, keep_voice(voice, name, CONSENT))


def keep_card(task: BackgroundTask, voice: Voice) -> None:
    """Put the voice of a card into the library.

    Raises:
        VoiceError: It cannot be kept under its name.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    _post_kept(task, VoiceLibrary().add(voice))


def rename(task: BackgroundTask, name: str, new_name: str) -> None:
    """Give a voice another name.

    Raises:
        VoiceError: It cannot have that name.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    voice = VoiceLibrary().rename(name, new_name)
    task.post(LibraryChanged(task, f"'{name}' is now '{voice.name}'.", voice.name))


def remove(task: BackgroundTask, name: str) -> None:
    """Take a voice out of the library.

    Raises:
        VoiceError: It is not there, or cannot be deleted.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    task.post(LibraryChanged(task, f"Removed '{VoiceLibrary().remove(name)}'.", ""))


def read_file(task: BackgroundTask, path: Path) -> None:
    """Read a card from a file.

    Raises:
        VoiceError: There is no sound card in it.
    """
    from gpa_mlx.voices.card import read_card

    task.post(CardRead(task, read_card(path)))


def export(task: BackgroundTask, voice: Voice, path: Path) -> None:
    """Write the card of a voice.

    Raises:
        VoiceError: Its texts are too long for a card.
        OSError: It cannot be written.
    """
    from gpa_mlx.store.files import write_atomically
    from gpa_mlx.voices.card import format_card
    from gpa_mlx_tui.services.messages import Saved

    write_atomically(path, format_card(voice))
    task.post(Saved(task, (path.name,)))


def _post_kept(task: BackgroundTask, stored: Voice) -> None:
    silent = stored.origin is None or not stored.origin.consent
    note = " Its card says nothing about the right to use it." if silent else ""
    task.post(LibraryChanged(task, f"Kept '{stored.name}'.{note}", stored.name))
