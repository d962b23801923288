"""An upstream checkpoint from the Hugging Face hub: only the files a conversion reads."""

from __future__ import annotations

import re
from pathlib import Path

from gpa_mlx.errors import GPAError, ModelNotFoundError
from gpa_mlx_convert.sources import HUB_PATTERNS

_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def fetch_source(repo_id: str, revision: str | None = None) -> tuple[Path, str]:
    """Download a repository into the hub cache, or find it there.

    Honours the hub library's own environment (`HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE`, proxies).

    Args:
        repo_id: `owner/name`.
        revision: Branch, tag or commit; None means `main`.

    Returns:
        The local directory, and the commit it holds.

    Raises:
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        GPAError: The hub cannot be reached or the download failed.
    """
    not_found = ModelNotFoundError(
        f"{repo_id} is neither a directory here nor a repository on the hub.",
        hint="Give a directory, or a repository as owner/name; a private one needs HF_TOKEN.",
    )
    if not _REPO_ID.fullmatch(repo_id):
        raise not_found
    from huggingface_hub import errors, snapshot_download

    shown = repo_id if revision is None else f"{repo_id}@{revision}"
    try:
        path = Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(HUB_PATTERNS)))
    except errors.GatedRepoError as error:
        raise ModelNotFoundError(
            f"The repository {repo_id} is gated.",
            hint=f"Accept its terms at https://huggingface.co/{repo_id} and set HF_TOKEN.",
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise not_found from error
    except errors.RevisionNotFoundError as error:
        raise ModelNotFoundError(f"The repository {repo_id} has no revision {revision}.") from error
    except errors.LocalEntryNotFoundError as error:
        raise GPAError(
            f"{shown} is not in the local cache and the hub cannot be reached.",
            hint="Check the network connection, HF_ENDPOINT and HF_HUB_OFFLINE, or give a local directory.",
        ) from error
    except (
        OSError,
        errors.HTTPError,  # pyright: ignore[reportPrivateImportUsage] - whichever HTTP client the hub library uses
    ) as error:
        raise GPAError(
            f"{shown} could not be downloaded: {' '.join(str(error).split())}",
            hint="Run the command again: finished files are kept.",
        ) from error
    return path, path.name
