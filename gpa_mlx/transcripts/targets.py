"""The files that transcripts go to: planned and tried before any work; no two recordings share one."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.text_output import unwritable
from gpa_mlx.transcripts.formats import FORMATS, Format, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Targets: TypeAlias = dict[Format, Path]
"""The files to write for one recording."""

_DEFAULT: Format = "txt"


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
        self._recordings = {_identity(path): label for path, label in recordings}
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
            if (identity := _identity(path)) and (recording := self._recordings.get(identity)):
                raise SettingsError(f"{path} is a recording: {recording}.", hint="Write to another file.")
            # As file systems may compare names: without case, and composed characters like decomposed ones.
            key = unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
            if (first := self._claimed.get(key)) is not None:
                raise SettingsError(
                    f"{first} and {label} would both be written to {path}.",
                    hint="Transcribe them one by one, or into different folders.",
                )
            taken[key] = label
        self._claimed |= taken


def plan_targets(sources: Sequence[NamedRecording], output: str, formats: Sequence[Format]) -> tuple[Targets, ...]:
    """Decide which files to write for each recording; nothing is touched.

    Args:
        sources: The recordings.
        output: One file if it is an existing file or ends in the suffix of a format, and else a folder.
        formats: What to write; nothing means what `output` ends in, or plain text.

    Raises:
        SettingsError: The wishes contradict each other, two recordings would be written to the same file, or one over
            a recording.
    """
    targets = _targets(sources, output, formats)
    registry = OutputRegistry((source.path, source.label) for source in sources)
    for source, files in zip(sources, targets, strict=True):
        registry.claim(source.label, files)
    return targets


def prepare_targets(targets: Iterable[Targets]) -> None:
    """Make the folders and see that files can be written there, so that no work is lost at the end.

    Raises:
        GPAError: Nothing can be written there.
    """
    paths = [path for files in targets for path in files.values()]
    for folder in {path.parent for path in paths}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Asking the permission bits is not enough: the file system may be full or read-only.
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise unwritable(folder, error) from error
    for path in paths:
        if path.exists() and not path.is_file():
            raise GPAError(f"{path} is not a regular file.", hint="Choose another place for the output.")


def targets_in(folder: Path, place: Path, formats: Iterable[Format]) -> Targets:
    """Return the files for one recording in a folder.

    Args:
        folder: Where to write.
        place: What to call the files below the folder, without extension.
        formats: One file each.
    """
    return {kind: folder / place.with_name(place.name + FORMATS[kind].suffix) for kind in formats}


def _targets(sources: Sequence[NamedRecording], output: str, formats: Sequence[Format]) -> tuple[Targets, ...]:
    path = Path(output)
    by_name = format_of(path)
    is_folder = path.is_dir() or output.endswith(os.sep)
    if is_folder or not (by_name or path.exists()):
        return tuple(targets_in(path, source.place, formats or (_DEFAULT,)) for source in sources)
    if len(sources) > 1 or len(formats) > 1:
        raise SettingsError(
            f"{path} is one file, and there are {len(sources) * max(1, len(formats))} to write.",
            hint="Name a folder with -o.",
        )
    kind = formats[0] if formats else by_name
    if kind is None:
        raise SettingsError(f"The format of {path} is not clear from its name.", hint="Give it with -f.")
    return ({kind: path},)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what all names of a file have in common; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
