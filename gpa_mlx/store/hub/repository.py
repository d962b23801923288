"""What a repository holds at one commit, asked of the hub in one request."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.store.hub.retry_policy import RetryPolicy, is_retryable

if TYPE_CHECKING:
    from hashlib import _Hash

    from huggingface_hub.hf_api import RepoSibling

_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_MAX_DEPTH = 20
"""Folders in each other; models have two."""

_CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

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

    The hub library's own environment is honoured: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`, proxies.

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
        GPAError: The hub cannot be reached.
    """
    if not is_repo_id(repo):
        raise _no_repository(repo)
    require_private_channel()
    info = _ask(repo, revision, retries or RetryPolicy.default())
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    chosen = choose(siblings.keys())
    files = tuple(_remote_file(repo, sibling) for name, sibling in siblings.items() if name in chosen)
    if not isinstance(info.sha, str) or not _COMMIT.fullmatch(info.sha):
        raise ModelFormatError(f"The hub names no commit of {repo}.", hint="Check HF_ENDPOINT.")
    return Snapshot(repo, info.sha, files, _licence(info.tags))


def require_private_channel() -> None:
    """Refuse to send the user's token in clear.

    Raises:
        SettingsError: `HF_ENDPOINT` is an `http://` address of another machine, and there is a token.
    """
    from huggingface_hub import constants, get_token

    address = urlsplit(constants.ENDPOINT)
    if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1") and get_token():
        raise SettingsError(
            f"HF_ENDPOINT is {constants.ENDPOINT}, over which your token would be sent in clear.",
            hint="Give an https:// address, or unset HF_TOKEN and run `hf auth logout`.",
        )


def _licence(tags: object) -> str:
    """Return the licence among the tags of a repository, which the hub takes from its page."""
    names = [str(tag) for tag in tags] if isinstance(tags, list) else []
    return next((name.removeprefix("license:") for name in names if name.startswith("license:")), "")


def _ask(repo: str, revision: str | None, retries: RetryPolicy) -> Any:  # noqa: ANN401
    from huggingface_hub import HfApi, errors

    never = threading.Event()
    for wait_s in (*retries.waits(), None):
        try:
            return HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=retries.stall_s)
        except errors.GatedRepoError as error:
            raise gated(repo) from error
        except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
            raise _no_repository(repo) from error
        except errors.RevisionNotFoundError as error:
            raise ModelNotFoundError(
                f"The repository {repo} has no revision {revision}.",
                hint="Name another with --revision; `gpa-mlx model pull --upgrade` takes the newest.",
            ) from error
        except (
            OSError,
            ValueError,  # an answer that is not JSON
            errors.HTTPError,  # pyright: ignore[reportPrivateImportUsage] - whichever HTTP client the hub library uses
        ) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            if (
                wait_s is None
                or not is_retryable(status)
                or isinstance(error, errors.OfflineModeIsEnabled | ValueError)
            ):
                raise unreachable(repo, error) from error
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


def _remote_file(repo: str, sibling: RepoSibling) -> RemoteFile:
    name = sibling.rfilename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or str(path) != name:
        raise ModelFormatError(f"{repo} lists the file name {name!r}, which leaves its directory.")
    if len(path.parts) > _MAX_DEPTH:
        raise ModelFormatError(f"{repo} lists a file {len(path.parts)} folders deep, more than {_MAX_DEPTH}.")
    checksum = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
    size = sibling.lfs.size if sibling.lfs else sibling.size
    if type(size) is not int or size < 0 or not isinstance(checksum, str) or not _CHECKSUM.fullmatch(checksum):
        raise ModelFormatError(
            f"The hub gives no size and checksum of {name} in {repo}.",
            hint="Use a hub that does (HF_ENDPOINT), or download the repository yourself and convert the directory.",
        )
    return RemoteFile(name, size, checksum)
