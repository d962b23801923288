"""Where the text of recordings goes: which files, in which formats, decided before any work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.text_output import unwritable
from gpa_mlx.transcripts.subtitles import FORMATS, Format
from gpa_mlx.transcripts.targets import OutputRegistry, Targets, targets_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpa_mlx.cli.recordings import Source

_DEFAULT: Format = "txt"


def plan_targets(
    sources: Sequence[Source], output: str | None, formats: Sequence[Format], *, as_json: bool
) -> list[Targets]:
    """Decide what to write for each recording, nothing where all goes to standard output; nothing is touched.

    OUTPUT is one file if it is an existing file or ends in the name of a format, and else a folder.

    Args:
        sources: The recordings.
        output: The user's `--output`.
        formats: The user's `--format`s.
        as_json: Whether standard output is taken.

    Raises:
        SettingsError: The wishes contradict each other, two recordings would be written to the same file, or one over
            a recording.
    """
    if output is None:
        if formats and (len(sources) > 1 or len(formats) > 1 or as_json):
            raise SettingsError(
                "Standard output takes one format of one recording.", hint="Name a folder for the files with -o."
            )
        return [{} for _ in sources]
    if output in ("", "-"):
        raise SettingsError(
            f"The output '{output}' is no file and no folder.", hint="Without -o it is standard output."
        )
    targets = _targets(sources, output, formats)
    claims = OutputRegistry((Path(source.name), source.label) for source in sources)
    for source, files in zip(sources, targets, strict=True):
        claims.claim(source.label, files)
    return targets


def prepare(targets: Iterable[Targets]) -> None:
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


def _targets(sources: Sequence[Source], output: str, formats: Sequence[Format]) -> list[Targets]:
    path = Path(output)
    by_name: Format | None = next((kind for kind in FORMATS if path.suffix.lower() == f".{kind}"), None)
    is_folder = path.is_dir() or output.endswith(os.sep)
    if is_folder or not (by_name or path.exists()):
        return [targets_in(path, source.place, formats or (_DEFAULT,)) for source in sources]
    if len(sources) > 1 or len(formats) > 1:
        raise SettingsError(
            f"{path} is one file, and there are {len(sources) * max(1, len(formats))} to write.",
            hint="Name a folder with -o.",
        )
    kind = formats[0] if formats else by_name
    if kind is None:
        raise SettingsError(f"The format of {path} is not clear from its name.", hint="Give it with -f.")
    return [{kind: path}]
