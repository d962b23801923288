"""Local copies of repositories in the downloads folder, each of which says itself what it is.

A copy is a folder `OWNER--NAME@COMMIT` with the files of a snapshot, whole or on their way, and `.snapshot.json`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from gpa_mlx.errors import GPAError
from gpa_mlx.store import paths
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import read_limited, sweep_partials, write_atomically
from gpa_mlx.store.hub.repository import RemoteFile, Snapshot

_RECORD = ".snapshot.json"
_REMOVED = ".removed-"


@dataclass(frozen=True, slots=True)
class Copy:
    """One folder.

    Attributes:
        snapshot: What it holds when it is complete.
        requested: The branch, tag or commit that was asked for; None is the hub's main branch.
        keep: Whether it stays after a model has been made from it.
    """

    snapshot: Snapshot
    requested: str | None
    keep: bool

    @property
    def folder(self) -> Path:
        """Where it is."""
        return paths.downloads_dir() / f"{_prefix(self.snapshot.repo)}{self.snapshot.revision}"


def find_copy(repo: str, revision: str | None) -> Copy | None:
    """Return the copy, whole or begun, that was asked for by this revision or has this commit."""
    return next((copy for copy in _copies(repo) if revision in (copy.requested, copy.snapshot.revision)), None)


def write_copy(copy: Copy) -> None:
    """Record what a folder is about to hold; it is made if needed.

    Raises:
        OSError: It cannot be written.
    """
    document = {"requested": copy.requested, "keep": copy.keep, **asdict(copy.snapshot)}
    write_atomically(copy.folder / _RECORD, json.dumps(document, indent=2) + "\n")
    sweep_partials(copy.folder)


def read_record(path: Path) -> Copy:
    """Read what `write_copy` has written.

    Raises:
        OSError: It cannot be read.
        ModelFormatError: It is no such record.
    """
    fields = ConfigReader.from_json(read_limited(path), str(path))
    files, licence = fields.each("files", _read_file), fields.text("licence", default="")
    snapshot = Snapshot(fields.text("repo"), fields.text("revision"), files, licence)
    return Copy(snapshot, fields.nullable("requested", fields.text), fields.flag("keep"))


def drop_copies(repo: str, *, even_kept: bool = False) -> None:
    """Remove the copies of a repository, but not those that are kept unless `even_kept`."""
    sweep_copies()
    kept = set() if even_kept else {copy.folder for copy in _copies(repo) if copy.keep}
    for folder in _folders(repo):
        if folder not in kept:
            # Gone at once: a process that is killed here leaves nothing that looks like a copy.
            with contextlib.suppress(OSError):
                folder.rename(folder.with_name(f"{_REMOVED}{folder.name}"))
    sweep_copies()


def sweep_copies() -> None:
    """Remove what is left of copies whose removal was cut short."""
    for folder in paths.downloads_dir().glob(f"{_REMOVED}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _copies(repo: str) -> list[Copy]:
    found = []
    for folder in _folders(repo):
        try:
            copy = read_record(folder / _RECORD)
        except (OSError, GPAError):
            continue  # begun and never recorded, or damaged: it is downloaded anew
        if copy.folder == folder:
            found.append(copy)
    return found


def _read_file(files: ConfigReader, index: str) -> RemoteFile:
    file = files.section(index)
    return RemoteFile(file.text("name"), file.count("size"), file.text("checksum"))


def _folders(repo: str) -> list[Path]:
    """Return the folders of a repository, the newest first."""
    root = paths.downloads_dir()
    if not root.is_dir():
        return []
    found = [entry for entry in root.iterdir() if entry.name.startswith(_prefix(repo)) and entry.is_dir()]
    return sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True)


def _prefix(repo: str) -> str:
    return f"{repo.replace('/', '--')}@"
