"""Which recordings a command is to read: files, patterns, folders, standard input."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from gpa_mlx.cli.inputs import STANDARD_INPUT
from gpa_mlx.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to read.

    Attributes:
        name: The file as the user named it or as it was found; `-` is standard input.
        place: What to call results, without extension: the file's name, with the folders between it and the folder
            that was searched.
    """

    name: str
    place: Path

    @property
    def label(self) -> str:
        """The name for messages."""
        return "standard input" if self.name == STANDARD_INPUT else click.format_filename(self.name)


def find_recordings(names: Sequence[str], *, recursive: bool) -> list[Source]:
    """Return the recordings that the user means, each once; that a named file exists is not checked.

    Args:
        names: Files, patterns that the shell left as they are, folders, `-`.
        recursive: Search folders: all recordings in and below them, sorted, by their extensions, but nothing hidden.

    Raises:
        AudioFileError: A folder without `recursive`, one without recordings, or a pattern that matches nothing.
    """
    found: dict[str, Source] = {}
    for name in names:
        for source in _meant(name, recursive=recursive):
            key = STANDARD_INPUT if source.name == STANDARD_INPUT else os.path.abspath(source.name)  # noqa: PTH100
            found.setdefault(key, source)
    return list(found.values())


@contextlib.contextmanager
def readable(source: Source) -> Iterator[Path]:
    """Give the file to read while the block runs: standard input is kept in a private file, removed in the end.

    Raises:
        AudioFileError: Standard input cannot be kept, or the block raised it.
    """
    if source.name != STANDARD_INPUT:
        yield Path(source.name)
        return
    with tempfile.NamedTemporaryFile(prefix="gpa-mlx-") as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.flush()
        except OSError as error:
            raise AudioFileError(
                f"{source.label} cannot be kept in a file: {error.strerror or error}.",
                hint="Save it to a file, and name that.",
            ) from error
        try:
            yield Path(spool.name)
        except AudioFileError as error:
            raise AudioFileError(error.message.replace(spool.name, source.label), hint=error.hint) from error


def _meant(name: str, *, recursive: bool) -> Iterator[Source]:
    path = Path(name)
    if name == STANDARD_INPUT:
        yield Source(name, Path("stdin"))
    elif path.is_dir():
        if not recursive:
            raise AudioFileError(
                f"{click.format_filename(name)} is a directory.", hint="Add -r to transcribe the recordings in it."
            )
        yield from _in_folder(path)
    elif glob.has_magic(name) and not path.exists():
        matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207 - names may be absolute
        if not matches:
            raise AudioFileError(f"Nothing matches '{click.format_filename(name)}'.", hint="Check the pattern.")
        for match in matches:
            if not match.is_dir():
                yield Source(str(match), Path(match.stem))
            elif recursive:
                yield from _in_folder(match)
    else:
        yield Source(name, Path(path.stem))


def _in_folder(folder: Path) -> Iterator[Source]:
    from gpa_mlx.audio.files.ffmpeg import FFMPEG_SUFFIXES
    from gpa_mlx.audio.files.sound_file import NATIVE_SUFFIXES

    suffixes = NATIVE_SUFFIXES | FFMPEG_SUFFIXES
    empty = True
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(parent, name) for name in sorted(files) if not name.startswith(".")):
            if file.suffix.lower() in suffixes:
                empty = False
                yield Source(str(file), file.relative_to(folder).with_suffix(""))
    if empty:
        raise AudioFileError(
            f"{click.format_filename(folder)} holds no recordings.",
            hint="Files are chosen by their extensions; name others one by one.",
        )


def _unreadable(error: OSError) -> NoReturn:
    raise AudioFileError(
        f"{os.fsdecode(error.filename)} cannot be searched: {error.strerror}.", hint="Check its permissions."
    ) from error
