"""The kept voices and the built-in ones, and what can be done with them; for works only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from gpa_mlx.errors import GPAError
from gpa_mlx_tui.services.messages import TaskMessage

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.types import Voice
    from gpa_mlx_tui.services.service import BackgroundTask

Kind: TypeAlias = Literal["kept", "built-in"]


@dataclass(frozen=True, slots=True)
class ShelfVoice:
    """A voice that can be looked at.

    Attributes:
        name: Of the voice.
        kind: Whether it is the user's.
        voice: None when its file is damaged.
        problem: What is wrong with the file, or why the model cannot speak so; empty when all is well.
    """

    name: str
    kind: Kind
    voice: Voice | None
    problem: str = ""


class ShelfListed(TaskMessage):
    """These voices there are.

    Args:
        work: The work.
        voices: The user's own first.
    """

    def __init__(self, work: BackgroundTask, voices: tuple[ShelfVoice, ...]) -> None:
        super().__init__(work)
        self.voices = voices


class ShelfChanged(TaskMessage):
    """The library was changed.

    Args:
        work: The work.
        words: How, in one sentence.
        name: Of the voice to look at now; empty: none.
    """

    def __init__(self, work: BackgroundTask, words: str, name: str) -> None:
        super().__init__(work)
        self.words = words
        self.name = name


class CardRead(TaskMessage):
    """A card holds this voice.

    Args:
        work: The work.
        voice: The voice.
    """

    def __init__(self, work: BackgroundTask, voice: Voice) -> None:
        super().__init__(work)
        self.voice = voice


def list_shelf(work: BackgroundTask, model: Path) -> None:
    """List the library, and the built-in voices.

    Raises:
        ModelFormatError: Not a converted model.
        VoiceError: The library cannot be read.
    """
    from gpa_mlx.model import demo
    from gpa_mlx.store.manifest import read_manifest
    from gpa_mlx.voices.library import VoiceLibrary

    family = read_manifest(model).model_family
    listed: list[ShelfVoice] = []
    for entry in VoiceLibrary().entries():
        other = entry.voice is not None and entry.voice.family != family
        problem = entry.problem or ("It was made for another kind of model than the one in use." if other else "")
        listed.append(ShelfVoice(entry.name, "kept", entry.voice, problem))
    try:
        built_in = demo.demo_voices()
    except GPAError:
        built_in = ()
    listed += [ShelfVoice(voice.name, "built-in", voice) for voice in built_in if voice.family == family]
    work.post(ShelfListed(work, tuple(listed)))


def keep(work: BackgroundTask, voice: Voice) -> None:
    """Put a voice into the library.

    Raises:
        VoiceError: It cannot be kept under its name.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    stored = VoiceLibrary().add(voice)
    silent = stored.origin is None or not stored.origin.consent
    note = " Its card says nothing about the right to use it." if silent else ""
    work.post(ShelfChanged(work, f"Kept '{stored.name}'.{note}", stored.name))


def rename(work: BackgroundTask, name: str, new_name: str) -> None:
    """Give a voice another name.

    Raises:
        VoiceError: It cannot have that name.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    voice = VoiceLibrary().rename(name, new_name)
    work.post(ShelfChanged(work, f"'{name}' is now '{voice.name}'.", voice.name))


def remove(work: BackgroundTask, name: str) -> None:
    """Take a voice out of the library.

    Raises:
        VoiceError: It is not there, or cannot be deleted.
    """
    from gpa_mlx.voices.library import VoiceLibrary

    work.post(ShelfChanged(work, f"Removed '{VoiceLibrary().remove(name)}'.", ""))


def read_pasted(work: BackgroundTask, text: str) -> None:
    """Read a card from a text.

    Raises:
        VoiceError: There is no sound card in it.
    """
    from gpa_mlx.voices.card import parse_card

    work.post(CardRead(work, parse_card(text, "What you pasted")))


def read_file(work: BackgroundTask, path: Path) -> None:
    """Read a card from a file.

    Raises:
        VoiceError: There is no sound card in it.
    """
    from gpa_mlx.voices.card import read_card

    work.post(CardRead(work, read_card(path)))


def export(work: BackgroundTask, voice: Voice, path: Path) -> None:
    """Write the card of a voice.

    Raises:
        VoiceError: Its texts are too long for a card.
        OSError: It cannot be written.
    """
    from gpa_mlx.store.files import write_atomically
    from gpa_mlx.voices.card import format_card
    from gpa_mlx_tui.services.messages import Saved

    write_atomically(path, format_card(voice))
    work.post(Saved(work, (path.name,)))


def with_consent(voice: Voice, name: str, consent: str) -> Voice:
    """Return a new voice as it will be kept."""
    origin = voice.origin
    return replace(voice, name=name, origin=None if origin is None else replace(origin, consent=consent))


def describe(shelf: ShelfVoice) -> tuple[tuple[str, str], ...]:
    """Return what is known of a voice, as rows of a label and a text."""
    rows = [("", shelf.problem)]
    voice = shelf.voice
    if shelf.kind == "built-in":
        rows.append(("Built in", "belongs to the model, and cannot be changed"))
    if voice is not None:
        rows.append(("About", voice.description))
        if (origin := voice.origin) is not None:
            rows += [
                ("Made", f"{origin.made_on}, from {origin.start_s:.2f} to {origin.end_s:.2f} s of a recording"),
                ("Consent", origin.consent or "nothing is recorded"),
            ]
        rows += [("Model", voice.family), ("Codes", " ".join(map(str, voice.global_tokens)))]
    return tuple((label, text) for label, text in rows if text)
