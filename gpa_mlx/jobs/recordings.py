"""Which recordings are meant: files, patterns, folders."""

from __future__ import annotations

import glob
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gpa_mlx.audio.files.container import AMBIGUOUS_SUFFIXES, is_text_file
from gpa_mlx.audio.files.ffmpeg import FFMPEG_SUFFIXES
from gpa_mlx.audio.files.sound_file import NATIVE_SUFFIXES
from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingInput:
    """A recording to read.

    Attributes:
        name: The file as the user named it or as it was found; what results call it.
        label: Its name for messages.
        path: Where it is.
        place: What to call results, without extension: the file's name, with the folders between it and the folder
            that was searched.
        spool: Makes the file to read, and removes it in the end, for what is no file yet; None reads `path`.
    """

    name: str
    label: str
    path: Path
    place: Path
    spool: Callable[[], AbstractContextManager[Path]] | None = None

    def readable(self) -> AbstractContextManager[Path]:
        """Return the file to read, while the block runs."""
        return nullcontext(self.path) if self.spool is None else self.spool()


def file_input(path: Path, place: Path | None = None) -> RecordingInput:
    """Return a file as a recording to read; that it exists is not checked.

    Args:
        path: The file.
        place: What to call results, without extension; None means its name.
    """
    name = str(path)
    return RecordingInput(name=name, label=printable(name), path=path, place=place or Path(path.stem))


def printable(name: str) -> str:
    """Return a file's name with the bytes replaced that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def find_recordings(
    names: Sequence[str], *, recursive: bool, others: Mapping[str, RecordingInput] | None = None
) -> tuple[RecordingInput, ...]:
    """Return the recordings that the user means, each once; that a named file exists is not checked.

    Args:
        names: Files, patterns that the shell left as they are, folders.
        recursive: Search folders: all recordings in and below them, sorted, by their extensions, but nothing hidden.
        others: What names mean that are not to be looked up.

    Raises:
        AudioFileError: A folder without `recursive`, one without recordings, or a pattern that matches nothing.
    """
    others = others or {}
    found: dict[str, RecordingInput] = {}
    for name in names:
        if name in others:
            found.setdefault(name, others[name])
            continue
        for recording in _meant(name, recursive=recursive):
            found.setdefault(os.path.abspath(recording.name), recording)  # noqa: PTH100
    return tuple(found.values())


def _meant(name: str, *, recursive: bool) -> Iterator[RecordingInput]:
    path = Path(name)
    if path.is_dir():
        if not recursive:
            raise AudioFileError(
                f"{printable(name)} is a directory.", hint="Add -r to transcribe the recordings in it."
            )
        yield from _in_folder(path)
    elif glob.has_magic(name) and not path.exists():
        matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207 - names may be absolute
        if not matches:
            raise AudioFileError(f"Nothing matches '{printable(name)}'.", hint="Check the pattern.")
        for match in matches:
            if not match.is_dir():
                yield file_input(match)
            elif recursive:
                yield from _in_folder(match)
    else:
        yield RecordingInput(name=name, label=printable(name), path=path, place=Path(path.stem))


def _in_folder(folder: Path) -> Iterator[RecordingInput]:
    suffixes = NATIVE_SUFFIXES | FFMPEG_SUFFIXES
    empty = True
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(parent, name) for name in sorted(files) if not name.startswith(".")):
            suffix = file.suffix.lower()
            if suffix in suffixes and not (suffix in AMBIGUOUS_SUFFIXES and is_text_file(file)):
                empty = False
                yield file_input(file, file.relative_to(folder).with_suffix(""))
    if empty:
        raise AudioFileError(
            f"{printable(str(folder))} holds no recordings.",
            hint="Files are chosen by their extensions; name others one by one.",
        )


def _unreadable(error: OSError) -> NoReturn:
    raise AudioFileError(
        f"{os.fsdecode(error.filename)} cannot be searched: {error.strerror}.", hint="Check its permissions."
    ) from error
