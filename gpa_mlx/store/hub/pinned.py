"""Repositories whose commit and checksums are part of the program, so that the hub need not be believed.

A repository may change hands, and a hub may be a mirror. What is pinned is downloaded at its commit and checked against
the program's own checksums, without asking the hub what there is. A pin is the record of a copy that somebody has
downloaded and tried, `.snapshot.json`, as `gpa_mlx/data/pinned/OWNER--NAME.json`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.store.hub.copies import read_record

if TYPE_CHECKING:
    from gpa_mlx.store.hub.repository import Snapshot

_FOLDER = Path(__file__).parents[2] / "data" / "pinned"


def pinned_snapshot(repo: str, revision: str | None) -> Snapshot | None:
    """Return what is pinned of a repository, if no revision is asked for or exactly this commit."""
    path = _FOLDER / f"{repo.replace('/', '--')}.json"
    if not path.is_file():
        return None
    snapshot = read_record(path).snapshot
    return snapshot if snapshot.repo == repo and revision in (None, snapshot.revision) else None
