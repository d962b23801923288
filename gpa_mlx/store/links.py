"""Links in directories that strangers send: what they lead to is not copied into what is passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpa_mlx.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def require_inside(root: Path, paths: Iterable[Path]) -> None:
    """Refuse links that lead out of a directory: a private file could end up in a model that is passed on.

    Those of the hub library's cache, from `snapshots/COMMIT/` to `blobs/`, are its way to store files.

    Args:
        root: The directory; it may be a link itself.
        paths: Files and folders below it.

    Raises:
        ModelFormatError: One of them is such a link.
    """
    real = root.resolve()
    allowed = [real]
    if real.parent.name == "snapshots":
        allowed.append(real.parents[1] / "blobs")
    for path in paths:
        if not any(path.resolve().is_relative_to(place) for place in allowed):
            raise ModelFormatError(
                f"{path} is a link that leads out of {root}.", hint="Put the file itself there, if you trust it."
            )
