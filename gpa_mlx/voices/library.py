"""The user's voices: one card file for each, in one folder, which several processes may use at once."""

from __future__ import annotations

import re
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gpa_mlx.errors import VoiceError
from gpa_mlx.store import paths
from gpa_mlx.store.file_names import name_key
from gpa_mlx.store.files import locked, make_private, write_atomically
from gpa_mlx.voices.card import SUFFIX, format_card, read_card

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gpa_mlx.types import Voice

_MAX_CHARS = 64
_MAX_BYTES = 160
"""A file name takes 255 bytes, and a file that is being written has a longer name."""

_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryEntry:
    """One file of the library.

    Attributes:
        name: What the voice is called.
        file: The card.
        voice: The voice; None when the file is damaged.
        problem: What is wrong with the file; empty when it is sound.
    """

    name: str
    file: Path
    voice: Voice | None
    problem: str = ""


class VoiceLibrary:
    """Voices by name. Names that differ only in case are the same, as they are for file systems of the Mac.

    Args:
        folder: Where the cards are, made when something is added; None is the user's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = paths.voices_dir() if folder is None else folder

    def entries(self) -> tuple[LibraryEntry, ...]:
        """Return everything in the library by name, damaged files too.

        Raises:
            VoiceError: The folder cannot be read.
        """
        return tuple(self._entry(file) for _, file in sorted(self._files().items()))

    def find(self, name: str) -> Voice | None:
        """Return the voice of this name; None when there is none.

        Raises:
            VoiceError: Its file is damaged, or the folder cannot be read.
        """
        file = self._files().get(name_key(name))
        if file is None:
            return None
        entry = self._entry(file)
        if entry.voice is None:
            raise VoiceError(
                f"The voice '{name}' is damaged: {entry.problem}",
                hint=f"Remove it with `gpa-mlx voices remove {entry.name}` and add it again.",
            )
        return entry.voice

    def get(self, name: str) -> Voice:
        """Return the voice of this name.

        Raises:
            VoiceError: There is none, its file is damaged, or the folder cannot be read.
        """
        voice = self.find(name)
        if voice is None:
            raise self._unknown(name)
        return voice

    def names(self) -> tuple[str, ...]:
        """Return the names of all files, sorted.

        Raises:
            VoiceError: The folder cannot be read.
        """
        return tuple(_name(file) for _, file in sorted(self._files().items()))

    def require_free(self, name: str) -> str:
        """Return a name as it will be stored.

        Raises:
            VoiceError: It cannot be a name, is taken, or the folder cannot be read.
        """
        name = checked_name(name)
        taken = self._files().get(name_key(name))
        if taken is not None:
            raise VoiceError(
                f"There is a voice '{_name(taken)}' already.",
                hint="Choose another name, or replace it with --force.",
            )
        return name

    def add(self, voice: Voice, *, replacing: bool = False) -> Voice:
        """Store a voice; what another process adds at the same time is kept.

        Args:
            voice: Stored under its name.
            replacing: Whether it may take the place of a voice of the same name.

        Returns:
            The voice as it was stored.

        Raises:
            VoiceError: The name cannot be one or is taken, the voice makes no card, or nothing can be written.
        """
        voice = replace(voice, name=checked_name(voice.name))
        card = format_card(voice)
        with self._changing():
            if not replacing:
                self.require_free(voice.name)
            old = self._files().get(name_key(voice.name))
            file = self._path(voice.name)
            write_atomically(file, card, private=True)
            self._drop(old, unless=file)
        return voice

    def remove(self, name: str) -> str:
        """Delete a voice, sound or damaged, and return its name.

        Raises:
            VoiceError: There is none, or it cannot be deleted.
        """
        with self._changing():
            file = self._existing(name)
            file.unlink()
        return _name(file)

    def rename(self, name: str, new_name: str) -> Voice:
        """Give a voice another name and return it.

        Raises:
            VoiceError: There is none or its file is damaged, the new name cannot be one or is taken, or nothing can be
                written.
        """
        new_name = checked_name(new_name)
        with self._changing():
            old = self._existing(name)
            voice = replace(self.get(name), name=new_name)
            # A process that was killed renaming leaves the voice under both names: then the new one is no other's.
            if name_key(new_name) != name_key(name) and self.find(new_name) != voice:
                self.require_free(new_name)
            file = self._path(new_name)
            write_atomically(file, format_card(voice), private=True)
            self._drop(old, unless=file)
        return voice

    def _existing(self, name: str) -> Path:
        file = self._files().get(name_key(name))
        if file is None:
            raise self._unknown(name)
        return file

    def _unknown(self, name: str) -> VoiceError:
        near = nearest_name(name, self.names())
        hint = f"Did you mean '{near}'?" if near else "`gpa-mlx voices list` shows all voices."
        return VoiceError(f"There is no voice '{name}' in the library.", hint=hint)

    def _files(self) -> dict[str, Path]:
        try:
            files = [file for file in self.folder.iterdir() if file.suffix == SUFFIX and not file.name.startswith(".")]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise VoiceError(
                f"The voice library {self.folder} cannot be read: {error.strerror}.", hint="Check its permissions."
            ) from error
        return {name_key(file.stem): file for file in sorted(files)}

    def _entry(self, file: Path) -> LibraryEntry:
        name = _name(file)
        try:
            # A file that was copied or renamed by hand is called what its user calls it.
            voice = replace(read_card(file), name=checked_name(name))
        except VoiceError as error:
            return LibraryEntry(name=name, file=file, voice=None, problem=error.message)
        return LibraryEntry(name=name, file=file, voice=voice)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    @staticmethod
    def _drop(old: Path | None, *, unless: Path) -> None:
        """Delete the old file of a voice that was written to `unless`."""
        if old is None or old == unless or not old.exists():
            return
        if old.samefile(unless):
            old.rename(unless)  # case does not count here, and the file may still have the old one
        else:
            old.unlink()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the library for this process alone."""
        try:
            make_private(self.folder)
            with locked(self.folder):
                yield
        except OSError as error:
            raise VoiceError(
                f"The voice library {self.folder} cannot be written: {error.strerror or error}.",
                hint="Check its permissions and that the disk is not full.",
            ) from error


def checked_name(name: str) -> str:
    """Return a name as it is stored, with composed accents, if it can be a file's on every system.

    Raises:
        VoiceError: It cannot.
    """
    name = unicodedata.normalize("NFC", name)
    problem = _problem(name)
    if problem:
        raise VoiceError(
            f"{name!r} cannot be the name of a voice: {problem}.", hint="Use letters, digits, spaces, '-', '_' and '.'."
        )
    return name


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like a mistyped one; empty when none is."""
    by_key = {name_key(other): other for other in known}
    near = get_close_matches(name_key(name), by_key, n=1)
    return by_key[near[0]] if near else ""


def _problem(name: str) -> str:
    """Return what keeps a name from being a file's; empty when nothing does."""
    if not name.strip():
        return "it is empty"
    if not name.isprintable():
        return "it holds characters that cannot be seen"
    if found := _FORBIDDEN.search(name):
        return f"it holds '{found[0]}'"
    if name[0] in ".-":
        return f"it begins with '{name[0]}'"
    if name != name.strip() or name.endswith("."):
        return "it begins or ends with a space, or ends with a full stop"
    if "  " in name:
        return "it holds two spaces in a row"
    if _RESERVED.fullmatch(name.split(".")[0].strip()):
        return "Windows keeps it for itself"
    if len(name) > _MAX_CHARS or len(name.encode()) > _MAX_BYTES:
        return f"it is too long (at most {_MAX_CHARS} characters and {_MAX_BYTES} bytes)"
    return ""


def _name(file: Path) -> str:
    return unicodedata.normalize("NFC", file.stem)
