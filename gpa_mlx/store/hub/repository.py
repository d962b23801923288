"""What a repository holds at one commit, asked of the hub in one request."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.hub.channel import HubChannel, SlowError, StatusError
from gpa_mlx.store.hub.retry_policy import RetryPolicy, is_retryable

if TYPE_CHECKING:
    from hashlib import _Hash

_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_MAX_DEPTH = 20
"""Folders in each other; models have two."""

_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Choose = Callable[[Collection[str]], Collection[str]]
"""Picks the files that are wanted from the names of all."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file at one commit.

    Attributes:
        name: Path in the repository, with forward slashes.
        size: Bytes.
        checksum: Hexadecimal: the SHA-256 of a large file, the git blob's SHA-1 of a small one.
    """

    name: str
    size: int
    checksum: str

    def new_digest(self) -> _Hash:
        """Return an empty digest that gives `checksum` when it has seen the whole file."""
        if len(self.checksum) == 64:
            return hashlib.sha256()
        return hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is wanted of a repository at one commit.

    Attributes:
        repo: `owner/name`.
        revision: The commit.
        files: By the order in which the hub lists them.
        licence: As the repository's page names it, `apache-2.0`; empty where it names none, or was not asked.
    """

    repo: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files)


def is_repo_id(text: str) -> bool:
    """Return whether `text` has the form `owner/name`."""
    return _REPO_ID.fullmatch(text) is not None


def list_snapshot(repo: str, revision: str | None, choose: Choose, retries: RetryPolicy | None = None) -> Snapshot:
    """Ask the hub what a repository holds.

    Args:
        repo: `owner/name`.
        revision: Branch, tag or commit; None means `main`.
        choose: Picks the files that are wanted.
        retries: How long to try.

    Returns:
        The resolved commit and the wanted files.

    Raises:
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        ModelFormatError: The hub's answer cannot be used.
        GPAError: The hub cannot be reached, or sends its answer too slowly.
        SettingsError: As `HubChannel.open`.
    """
    if not is_repo_id(repo):
        raise _no_repository(repo)
    listing = _ask(repo, revision, retries or RetryPolicy.default())
    commit = listing.optional("sha", listing.text)
    if commit is None or not _COMMIT.fullmatch(commit):
        raise ModelFormatError(f"The hub names no commit of {repo}.", hint="Check HF_ENDPOINT.")
    entries = dict(listing.each("siblings", _named)) if "siblings" in listing else {}
    chosen = choose(entries.keys())
    files = tuple(_remote_file(repo, name, entry) for name, entry in entries.items() if name in chosen)
    return Snapshot(repo, commit, files, _licence(listing))


def _named(entries: ConfigReader, index: str) -> tuple[str, ConfigReader]:
    entry = entries.section(index)
    return entry.text("rfilename"), entry


def _licence(listing: ConfigReader) -> str:
    """Return the licence among the tags of a repository, which the hub takes from its page."""
    tags = listing.each("tags", ConfigReader.text) if "tags" in listing else ()
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")


def _ask(repo: str, revision: str | None, retries: RetryPolicy) -> ConfigReader:
    from huggingface_hub import constants, errors

    channel = HubChannel.open()
    place = f"/revision/{quote(revision, safe='')}" if revision else ""
    url = f"{constants.ENDPOINT}/api/models/{repo}{place}?blobs=True"
    never = threading.Event()
    for wait_s in (*retries.waits(), None):
        try:
            content = channel.get_record(url, stall_s=retries.stall_s, within_s=retries.answer_s)
        except StatusError as error:
            if error.code == "RevisionNotFound":
                raise ModelNotFoundError(
                    f"The repository {repo} has no revision {revision}.",
                    hint="Name another with --revision; `gpa-mlx model pull --upgrade` takes the newest.",
                ) from error
            if error.status == 403:
                raise gated(repo) from error
            if error.status == 401 or error.code == "RepoNotFound":  # a bare 404 is no hub's answer
                raise _no_repository(repo) from error
            problem, may_pass = error, is_retryable(error.status)
        except (
            OSError,
            ValueError,
            SlowError,
            errors.HTTPError,  # pyright: ignore[reportPrivateImportUsage] - whichever HTTP client the hub library uses
        ) as error:
            problem, may_pass = error, not isinstance(error, errors.OfflineModeIsEnabled | ValueError | SlowError)
        else:
            return ConfigReader.from_json(content, f"The hub's answer for {repo}")
        if wait_s is None or not may_pass:
            raise unreachable(repo, problem) from problem
        never.wait(wait_s)
    raise AssertionError("the last try returns or raises")


def gated(repo: str) -> ModelNotFoundError:
    """Return the error for a repository that this user may not read."""
    return ModelNotFoundError(
        f"The hub does not let you read {repo}.",
        hint=f"If it is gated, accept its terms at https://huggingface.co/{repo}; then set HF_TOKEN.",
    )


def unreachable(repo: str, problem: object) -> GPAError:
    """Return the error for a hub that does not answer."""
    return GPAError(
        f"{repo} could not be reached on the hub: {' '.join(str(problem).split()) or type(problem).__name__}",
        hint="Check the network connection, the proxy, HF_ENDPOINT and HF_HUB_OFFLINE, and run the command again.",
    )


def _no_repository(repo: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{repo} is not a repository on the hub.",
        hint="Give owner/name; a private repository needs HF_TOKEN.",
    )


def _remote_file(repo: str, name: str, entry: ConfigReader) -> RemoteFile:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or str(path) != name:
        raise ModelFormatError(f"{repo} lists the file name {name!r}, which leaves its directory.")
    if len(path.parts) > _MAX_DEPTH:
        raise ModelFormatError(f"{repo} lists a file {len(path.parts)} folders deep, more than {_MAX_DEPTH}.")
    stored = entry.section("lfs") if "lfs" in entry else None
    try:
        return RemoteFile(
            name,
            (stored or entry).count("size"),
            stored.text("sha256", pattern=_SHA256) if stored else entry.text("blobId", pattern=_SHA1),
        )
    except ModelFormatError as error:
        raise ModelFormatError(
            f"The hub gives no size and checksum of {name} in {repo}.",
            hint="Use a hub that does (HF_ENDPOINT), or download the repository yourself and convert the directory.",
        ) from error
