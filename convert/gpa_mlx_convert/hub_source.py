"""An upstream checkpoint from the Hugging Face hub: only the files a conversion reads."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx.jobs.events import PartProgress, StepStarted
from gpa_mlx.store import paths
from gpa_mlx.store.files import locked
from gpa_mlx.store.free_space import free_bytes, space_warning
from gpa_mlx.store.hub.copies import Copy, drop_copies, find_copy, write_copy
from gpa_mlx.store.hub.pinned import pinned_snapshot
from gpa_mlx.store.hub.repository import Snapshot, list_snapshot
from gpa_mlx.text.quantities import readable_size
from gpa_mlx_convert.sources import missing_files, needed_files

DOWNLOAD = "download"
"""The part under which a download reports its progress."""

_MARGIN_BYTES = 16_000_000


def find_snapshot(repo: str, revision: str | None, *, ask: bool, offline: bool) -> Snapshot:
    """Say what is to be fetched.

    Args:
        repo: `owner/name`.
        revision: Branch, tag or commit; None means what the program has pinned, else the main branch.
        ask: Ask the hub even when the pin or a copy that is here, whole or begun, answers the question.
        offline: Do not ask the hub.

    Raises:
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        ModelFormatError: The repository holds no complete GPA checkpoint.
        GPAError: The hub cannot be reached, or may not be asked.
    """
    if not ask:
        if (pinned := pinned_snapshot(repo, revision)) is not None:
            return pinned
        if (copy := find_copy(repo, revision)) is not None:
            return copy.snapshot
    if offline:
        raise _offline(f"{repo} is not here")
    found = list_snapshot(repo, revision, lambda names: _check(repo, names))
    return pinned_snapshot(repo, found.revision) or found


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadSurvey:
    """What a download would take, before anything is downloaded.

    Attributes:
        missing_bytes: To be downloaded: what is not here yet.
        needed_bytes: Space on the disk for that and for the model made of it.
        free_bytes: Space there is.
        licence: As the repository's page names it; empty where it names none.
    """

    missing_bytes: int
    needed_bytes: int
    free_bytes: int
    licence: str


def survey_download(repo: str, revision: str | None) -> DownloadSurvey:
    """Ask the hub what a download would take.

    Args:
        repo: `owner/name`.
        revision: Branch, tag or commit; None means what the program has pinned, else the main branch.

    Raises:
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        ModelFormatError: The repository holds no complete GPA checkpoint.
        GPAError: The hub cannot be reached.
    """
    from gpa_mlx.store.hub.download import missing_bytes

    snapshot = pinned_snapshot(repo, revision) or find_snapshot(repo, revision, ask=True, offline=False)
    copy = find_copy(repo, snapshot.revision) or Copy(snapshot, revision, keep=False)
    missing = missing_bytes(snapshot, copy.folder)
    return DownloadSurvey(
        missing_bytes=missing,
        needed_bytes=missing + snapshot.size + _MARGIN_BYTES,
        free_bytes=free_bytes(paths.downloads_dir()),
        licence=snapshot.licence,
    )


@contextmanager
def source_copy(
    snapshot: Snapshot, requested: str | None, *, keep: bool = False, offline: bool = False
) -> Iterator[SourceCopy]:
    """Hold the local copy of a snapshot; it is removed when the block ends well, unless it is kept.

    Args:
        snapshot: What to fetch.
        requested: The revision that was asked for.
        keep: Keep the files afterwards.
        offline: Use only what is here.

    Raises:
        GPAError: The copy cannot be written, or may not be completed.
    """
    from huggingface_hub import constants

    from gpa_mlx.store.hub.download import missing_bytes

    known = find_copy(snapshot.repo, snapshot.revision)
    copy = Copy(snapshot, requested, keep=keep or (known is not None and known.keep))
    if known is not None:
        copy = replace(copy, requested=known.requested if requested is None else requested)
    try:
        with locked(paths.downloads_dir()):
            missing = missing_bytes(snapshot, copy.folder)
            if missing and (offline or constants.HF_HUB_OFFLINE):
                raise _offline(f"{readable_size(missing)} of {_name(snapshot)} are not here")
            write_copy(copy)
            yield SourceCopy(snapshot, copy.folder, missing)
            drop_copies(snapshot.repo)
    except OSError as error:
        raise GPAError(
            f"{error.filename or paths.downloads_dir()}: {error.strerror or error}.",
            hint=f"Check its permissions, or name another place with {paths.HOME_VARIABLE}.",
        ) from error


@dataclass(frozen=True, slots=True)
class SourceCopy:
    """A local copy of a snapshot, whole or begun.

    Attributes:
        snapshot: What it is a copy of.
        folder: Where it is.
        missing_bytes: What was still to come when it was opened.
    """

    snapshot: Snapshot
    folder: Path
    missing_bytes: int

    def fetch(self, destination: Path) -> Generator[StepStarted | PartProgress, None, None]:
        """Fetch what is missing and check every file; when everything is here, there is no network call.

        Args:
            destination: Where the model made of it goes, which needs space too.

        Raises:
            ModelNotFoundError: The hub does not have a file it lists, or it is not open to this user.
            GPAError: The download failed, or does not fit on the disk.
        """
        from gpa_mlx.store.hub.download import stream_download

        if self.missing_bytes:
            if warning := _space_warning(self.folder, destination, self.snapshot, self.missing_bytes):
                yield StepStarted(step=warning)
            missing, whole = readable_size(self.missing_bytes), readable_size(self.snapshot.size)
            yield StepStarted(step=f"downloading {_name(self.snapshot)}: {missing} of {whole} in {self.folder}")
        for step in stream_download(self.snapshot, self.folder):
            yield PartProgress(part=DOWNLOAD, done_bytes=step.done, total_bytes=step.total)


def _check(repo: str, names: Collection[str]) -> set[str]:
    missing = missing_files(lambda name: name in names)
    if missing:
        raise ModelFormatError(
            f"{repo} holds no complete GPA checkpoint; missing: {'; '.join(missing)}.", hint="Give another repository."
        )
    return needed_files(names)


def _space_warning(folder: Path, destination: Path, snapshot: Snapshot, missing: int) -> str:
    """Say if the disk may not hold what is missing, and as much as the whole again for the model made of it."""
    needed = missing + _MARGIN_BYTES
    if next(place for place in destination.parents if place.exists()).stat().st_dev == folder.stat().st_dev:
        needed += snapshot.size
    return space_warning(folder, needed, "the download, with the model made of it,")


def _offline(problem: str) -> GPAError:
    return GPAError(
        f"{problem}, and the network may not be used.",
        hint="Run the command again without --offline or HF_HUB_OFFLINE.",
    )


def _name(snapshot: Snapshot) -> str:
    return f"{snapshot.repo} @ {snapshot.revision[:7]}"
