"""The share of one process among those that `mlx.launch` started, on this machine or on several.

All of them get the same command; each takes every so-manieth piece of the work, so none has to talk to the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gpa_mlx.errors import SettingsError

T = TypeVar("T")

_RANKS = ("MLX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
_SIZES = ("MLX_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_HOSTS = ("MLX_HOSTFILE", "MLX_IBV_DEVICES")
"""Files with a list that has an entry for each process."""

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """Which of several processes this one is.

    Attributes:
        rank: From 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all where one should."""
        return self.rank == 0

    def of(self, items: Sequence[T]) -> tuple[T, ...]:
        """Return what this process does of work that all of them know."""
        return tuple(items[self.rank :: self.size])


def own_share(environ: Mapping[str, str] = os.environ) -> Share:
    """Return which process this is; the only one where nothing is said of others.

    Raises:
        SettingsError: What is said makes no sense.
    """
    rank = next((environ[name] for name in _RANKS if environ.get(name)), None)
    if rank is None:
        return Share()
    try:
        size = _size(environ)
        return Share(range(size).index(int(rank)), size)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"This is process {rank} of several, but it is not said of how many.",
            hint="Start it with mlx.launch, or unset MLX_RANK.",
        ) from error


def _size(environ: Mapping[str, str]) -> int:
    if size := next((environ[name] for name in _SIZES if environ.get(name)), None):
        return int(size)
    for name in _HOSTS:
        if place := environ.get(name):
            with Path(place).open(encoding="utf-8") as file:
                content = file.read(_MOST_BYTES).strip()
            return len(json.loads(content)) if content else 1  # mlx.launch leaves it empty for a single process
    raise ValueError("no size")
