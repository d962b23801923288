"""An upstream checkpoint from the Hugging Face hub: only the files a conversion reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gpa_mlx.errors import GPAError, ModelFormatError
from gpa_mlx.store import paths
from gpa_mlx.store.files import locked
from gpa_mlx.store.hub.copies import Copy, drop_copies, find_copy, write_copy
from gpa_mlx.store.hub.repository import Snapshot, list_snapshot
from gpa_mlx.text.quantities import readable_size
from gpa_mlx_convert.sources import missing_files, needed_files

BAR = "download"
"""The part under which a download reports its progress."""

_MARGIN_BYTES = 16_000_000


def find_snapshot(repo: str, revision: str | None, *, ask: bool, offline: bool) -> Snapshot:
    """Say what is to be fetched.

    Args:
        repo: `owner/name`.
        revision: Branch, tag or commit; None means the main branch.
        ask: Ask the hub even when a copy that is here, whole or begun, answers the question.
        offline: Do not ask the hub.

    Raises:
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        ModelFormatError: The repository holds no complete GPA checkpoint.
        GPAError: The hub cannot be reached, or may not be asked.
    """
    copy = None if ask else find_copy(repo, revision)
    if copy is not None:
        return copy.snapshot
    if offline:
        raise _offline(f"{repo} is not here")
    return list_snapshot(repo, revision, lambda names: _check(repo, names))


@contextmanager
def fetched(
    snapshot: Snapshot,
    requested: str | None,
    destination: Path,
    *,
    keep: bool = False,
    offline: bool = False,
    on_progress: Callable[[str, int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Path]:
    """Provide the files of a snapshot, and remove them when the block ends well, unless they are kept.

    What an earlier run has fetched is used; when it is everything, there is no network call.

    Args:
        snapshot: What to fetch.
        requested: The revision that was asked for.
        destination: Where the model made of them goes, which needs space too.
        keep: Keep the files afterwards.
        offline: Use only what is here.
        on_progress: Hears the part's name, bytes done and bytes in total.
        say: Hears what is done, in one line.

    Yields:
        The folder.

    Raises:
        ModelNotFoundError: The hub does not have a file it lists, or it is not open to this user.
        GPAError: The download failed, may not be tried, or does not fit on the disk.
    """
    from huggingface_hub import constants

    from gpa_mlx.store.hub.download import download, missing_bytes

    known = find_copy(snapshot.repo, snapshot.revision)
    copy = Copy(snapshot, requested, keep=keep or (known is not None and known.keep))
    if known is not None:
        copy = replace(copy, requested=known.requested if requested is None else requested)
    try:
        with locked(paths.downloads_dir()):
            missing = missing_bytes(snapshot, copy.folder)
            name = f"{snapshot.repo} @ {snapshot.revision[:7]}"
            if missing and (offline or constants.HF_HUB_OFFLINE):
                raise _offline(f"{readable_size(missing)} of {name} are not here")
            write_copy(copy)
            if missing:
                _check_space(copy.folder, destination, snapshot, missing)
                say(f"downloading {name}: {readable_size(missing)} of {readable_size(snapshot.size)} in {copy.folder}")
            report = on_progress or _ignore
            download(snapshot, copy.folder, on_progress=lambda done, total: report(BAR, done, total))
            yield copy.folder
            drop_copies(snapshot.repo)
    except OSError as error:
        raise GPAError(
            f"{error.filename or paths.downloads_dir()}: {error.strerror or error}.",
            hint=f"Check its permissions, or name another place with {paths.HOME_VARIABLE}.",
        ) from error


def _check(repo: str, names: Collection[str]) -> set[str]:
    missing = missing_files(lambda name: name in names)
    if missing:
        raise ModelFormatError(
            f"{repo} holds no complete GPA checkpoint; missing: {'; '.join(missing)}.", hint="Give another repository."
        )
    return needed_files(names)


def _check_space(folder: Path, destination: Path, snapshot: Snapshot, missing: int) -> None:
    """Check that the disk holds what is missing, and as much as the whole again for the model made of it."""
    needed = missing + _MARGIN_BYTES
    if next(place for place in destination.parents if place.exists()).stat().st_dev == folder.stat().st_dev:
        needed += snapshot.size
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise GPAError(
            f"{folder} has {readable_size(free)} free; the download and the model made of it need "
            f"{readable_size(needed)}.",
            hint=f"Free some space, or name a place on another disk with {paths.HOME_VARIABLE}.",
        )


def _offline(problem: str) -> GPAError:
    return GPAError(
        f"{problem}, and the network may not be used.",
        hint="Run the command again without --offline or HF_HUB_OFFLINE.",
    )


def _ignore(name: str, done: int, total: int) -> None:
    pass
