"""The files that transcripts go to: planned and tried before any work; no two recordings share one."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.file_names import file_id, name_key
from gpa_mlx.store.text_output import is_stream, unwritable
from gpa_mlx.transcripts.formats import FORMATS, Format, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Targets: TypeAlias = dict[Format, Path]
"""The files to write for one recording."""

_DEFAULT: Format = "txt"
_TEXT_SUFFIXES = frozenset((".md", ".markdown", ".text", ".log", ".rst", ".org", ".adoc", ".tex"))
"""Names of files of plain text, beside that of the format."""
_FILE_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,7}")
"""What looks like the suffix of a file; a folder that is to be made can end in a slash."""


class NamedRecording(Protocol):
    """What has to be known of a recording to name its files."""

    @property
    def path(self) -> Path:
        """Where it is, which is never written over."""
        ...

    @property
    def place(self) -> Path:
        """What to call its files below a folder, without extension."""
        ...

    @property
    def label(self) -> str:
        """Its name for messages."""
        ...


class OutputRegistry:
    """Which recording is written to which files.

    Args:
        recordings: Path and name for messages of each one; nothing may be written over them.
    """

    def __init__(self, recordings: Iterable[tuple[Path, str]]) -> None:
        self._recordings = {file_id(path): label for path, label in recordings}
        self._claimed: dict[str, str] = {}

    def claim(self, label: str, targets: Targets) -> None:
        """Take files for a recording.

        Args:
            label: Its name for messages.
            targets: The files.

        Raises:
            SettingsError: One of them is a recording, or another recording has claimed it; then none is taken.
        """
        taken: dict[str, str] = {}
        for path in targets.values():
            if is_stream(path):
                continue
            if (identity := file_id(path)) and (recording := self._recordings.get(identity)):
                raise SettingsError(f"{path} is a recording: {recording}.", hint="Write to another file.")
            key = name_key(os.path.realpath(path))
            if (first := self._claimed.get(key)) is not None:
                raise SettingsError(
                    f"{first} and {label} would both be written to {path}.",
                    hint="Transcribe them one by one, or into different folders.",
                )
            taken[key] = label
        self._claimed |= taken


def plan_targets(
    sources: Sequence[NamedRecording], output: str, formats: Sequence[Format]
) -> tuple[Targets | GPAError, ...]:
    """Decide which files to write for each recording; nothing is touched.

    Args:
        sources: The recordings.
        output: One file if it is there or its name ends like that of a file, and else a folder.
        formats: What to write; nothing means what `output` ends in, or plain text.

    Returns:
        For each recording its files, or why it cannot have them: two would be written to the same one, or one over a
        recording.

    Raises:
        SettingsError: The wishes contradict each other.
    """
    registry = OutputRegistry((source.path, source.label) for source in sources)
    planned: list[Targets | GPAError] = []
    for source, files in zip(sources, _targets(sources, output, formats), strict=True):
        try:
            registry.claim(source.label, files)
        except SettingsError as error:
            planned.append(error)
        else:
            planned.append(files)
    return tuple(planned)


def prepare_targets(targets: Iterable[Targets]) -> tuple[GPAError | None, ...]:
    """Make the folders and see that files can be written there, so that no work is lost at the end.

    Returns:
        For each recording why its files cannot be written; None where they can.
    """
    folders: dict[Path, GPAError | None] = {}

    def trouble(path: Path) -> GPAError | None:
        if path.parent not in folders:
            folders[path.parent] = _folder_trouble(path.parent)
        if (error := folders[path.parent]) is None and path.exists() and not path.is_file():
            return GPAError(f"{path} is not a regular file.", hint="Choose another place for the output.")
        return error

    return tuple(
        next((error for path in files.values() if not is_stream(path) and (error := trouble(path)) is not None), None)
        for files in targets
    )


def _folder_trouble(folder: Path) -> GPAError | None:
    """Make a folder; return why nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asking the permission bits is not enough: the file system may be full or read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return unwritable(folder, error)
    return None


def targets_in(folder: Path, place: Path, formats: Iterable[Format]) -> Targets:
    """Return the files for one recording in a folder.

    Args:
        folder: Where to write.
        place: What to call the files below the folder, without extension.
        formats: One file each.
    """
    return {kind: folder / place.with_name(place.name + FORMATS[kind].suffix) for kind in formats}


def distinct_places(sources: Sequence[NamedRecording]) -> list[Path]:
    """Return what to call the files of each recording, so that no two share a name.

    Recordings of the same name but for the suffix keep theirs (`a.wav.txt`, `a.mp3.txt`), those of the same name in
    different folders keep the folders in which they differ, and names that only some file systems tell apart are
    numbered.
    """
    detail = [0] * len(sources)
    folders = [source.path.absolute().parent for source in sources]
    common = os.path.commonpath(folders) if folders else ""
    while True:
        places = [
            _place(source, folders[index].relative_to(common), index, detail[index])
            for index, source in enumerate(sources)
        ]
        groups: dict[str, list[int]] = {}
        for index, place in enumerate(places):
            groups.setdefault(name_key(str(place)), []).append(index)
        clashes = [group for group in groups.values() if len(group) > 1]
        if not clashes:
            return places
        for group in clashes:
            least = min(detail[index] for index in group)
            for index in group:
                if detail[index] == least:
                    detail[index] += 1


def _place(source: NamedRecording, folder: Path, index: int, detail: int) -> Path:
    """Return what to call a recording's files, with more or less detail."""
    place = source.place
    if detail == 0:
        return place
    name = place.name + source.path.suffix
    if detail > 1:
        place = folder / name
    return place.with_name(name if detail <= 2 else f"{name}-{index + 1}")


def _targets(sources: Sequence[NamedRecording], output: str, formats: Sequence[Format]) -> tuple[Targets, ...]:
    path = Path(output)
    by_name = format_of(path)
    if not _is_file(path, output, len(sources) * max(1, len(formats))):
        places = distinct_places(sources)
        return tuple(targets_in(path, place, formats or (_DEFAULT,)) for place in places)
    if len(sources) > 1 or len(formats) > 1:
        raise SettingsError(
            f"{path} is one file, and there are {len(sources) * max(1, len(formats))} to write.",
            hint="Name a folder with -o.",
        )
    kind = formats[0] if formats else by_name
    if kind is None and (is_stream(path) or path.suffix.lower() in _TEXT_SUFFIXES):
        kind = _DEFAULT
    if kind is None:
        raise SettingsError(
            f"The format of {path} is not clear from its name.",
            hint="Give it with -f; a folder is named with a / at the end.",
        )
    return ({kind: path},)


def _is_file(path: Path, output: str, count: int) -> bool:
    """Return whether an output for so many files is a file itself, and not a folder that may have to be made."""
    if path.is_dir() or output.endswith(os.sep):
        return False
    if path.exists() or format_of(path) or is_stream(path):
        return True
    return count == 1 and _FILE_SUFFIX.fullmatch(path.suffix) is not None
