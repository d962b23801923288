"""Which recordings are meant: files, patterns, folders."""

from __future__ import annotations

import errno
import glob
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpa_mlx.audio.files.container import AMBIGUOUS_SUFFIXES, is_text_file
from gpa_mlx.audio.files.existing import address_error
from gpa_mlx.audio.files.ffmpeg import FFMPEG_SUFFIXES
from gpa_mlx.audio.files.sound_file import NATIVE_SUFFIXES
from gpa_mlx.errors import AudioFileError, GPAError
from gpa_mlx.store.file_names import Spelling, same_spelling
from gpa_mlx.text.printable import printable_line

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
    return RecordingInput(name=name, label=printable_line(name), path=path, place=place or Path(path.stem))


class Unusable(NamedTuple):
    """A name that means no recording, or not all that it should.

    Attributes:
        name: As the user gave it.
        error: What is wrong with it.
    """

    name: str
    error: GPAError


class FoundRecordings(NamedTuple):
    """What names mean.

    Attributes:
        recordings: Each once.
        problems: What could not be found or searched.
    """

    recordings: tuple[RecordingInput, ...]
    problems: tuple[Unusable, ...]


def find_recordings(
    names: Sequence[str], *, recursive: bool, others: Mapping[str, RecordingInput] | None = None
) -> FoundRecordings:
    """Return the recordings that the user means; that a named file exists is not checked.

    A folder without `recursive`, one without recordings, one that cannot be searched, a pattern that matches nothing
    and an address are problems, and keep nothing else from being found.

    Args:
        names: Files, patterns that the shell left as they are, folders.
        recursive: Search folders: all recordings in and below them, sorted, by their extensions, but nothing hidden.
        others: What names mean that are not to be looked up.
    """
    others = others or {}
    found: dict[Spelling, RecordingInput] = {}
    problems: list[Unusable] = []
    for name in names:
        if name in others:
            found.setdefault((name, None), others[name])
            continue
        for meant in _meant(name, recursive=recursive):
            if isinstance(meant, GPAError):
                problems.append(Unusable(name, meant))
            else:
                found.setdefault(same_spelling(meant.name), meant)
    return FoundRecordings(tuple(found.values()), tuple(problems))


def _meant(name: str, *, recursive: bool) -> Iterator[RecordingInput | GPAError]:
    path = Path(name)
    if not name:
        yield AudioFileError("A recording is named by nothing at all.", hint="Check the path; a variable may be unset.")
    elif (error := address_error(name)) is not None:
        yield error
    elif os.path.isdir(name):  # noqa: PTH112 - raises nothing where a folder on the way may not be searched
        yield from _in_named_folder(path, recursive=recursive)
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207 - names may be absolute
        if not matches:
            yield AudioFileError(f"Nothing matches '{printable_line(name)}'.", hint="Check the pattern.")
        for match in matches:
            if not match.is_dir():
                yield file_input(match)
            elif recursive:
                yield from _in_folder(match)
    else:
        yield RecordingInput(name=name, label=printable_line(name), path=path, place=Path(path.stem))


def _in_named_folder(folder: Path, *, recursive: bool) -> Iterator[RecordingInput | GPAError]:
    if recursive:
        yield from _in_folder(folder)
    else:
        yield AudioFileError(
            f"{printable_line(str(folder))} is a directory.", hint="Add -r to transcribe the recordings in it."
        )


def _in_folder(folder: Path) -> Iterator[RecordingInput | GPAError]:
    suffixes = NATIVE_SUFFIXES | FFMPEG_SUFFIXES
    empty = True
    unreadable: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(parent, name) for name in sorted(files) if not name.startswith(".")):
            suffix = file.suffix.lower()
            if suffix in suffixes and not (suffix in AMBIGUOUS_SUFFIXES and is_text_file(file)):
                empty = False
                yield file_input(file, file.relative_to(folder).with_suffix(""))
    for error in unreadable:
        yield AudioFileError(
            f"{printable_line(os.fsdecode(error.filename))} cannot be searched: {error.strerror}.",
            hint=_search_hint(error),
        )
    if empty and not unreadable:
        yield AudioFileError(
            f"{printable_line(str(folder))} holds no recordings.",
            hint="Files are chosen by their extensions; name others one by one.",
        )


def _search_hint(error: OSError) -> str:
    if error.errno == errno.EPERM:  # macOS's answer for folders that an app may not look into; permissions give EACCES
        return "System Settings > Privacy & Security > Files and Folders, or Full Disk Access: allow your terminal app."
    return "Check its permissions."
