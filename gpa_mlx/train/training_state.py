"""Training checkpoints: one file each, written atomically, the newest two kept."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.safetensors_header import read_safetensors_header

_KEPT = 2
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_PARTIAL = "partial.safetensors"


def save_state(directory: Path, step: int, arrays: dict[str, mx.array], state: dict[str, Any]) -> None:
    """Write a checkpoint; killed at any moment, the previous ones are still there.

    Args:
        directory: Created when missing.
        step: Steps done; names the file.
        arrays: Everything that is an array.
        state: Everything else, as JSON.

    Raises:
        OSError: The disk is full or not writable.
    """
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / _PARTIAL
    mx.save_safetensors(str(partial), arrays, {"state": json.dumps(state, allow_nan=False)})
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(directory / f"checkpoint-{step:08d}.safetensors")
    for _, old in _checkpoints(directory)[:-_KEPT]:
        old.unlink()


def load_state(directory: Path) -> tuple[int, dict[str, mx.array], dict[str, Any]] | None:
    """Read the newest checkpoint: step, arrays and state; None when there is none.

    Raises:
        ModelFormatError: The file is damaged.
    """
    found = _checkpoints(directory)
    if not found:
        return None
    step, path = found[-1]
    read_safetensors_header(path)
    loaded = mx.load(str(path), return_metadata=True)
    assert isinstance(loaded, tuple)
    arrays, metadata = loaded
    try:
        state = json.loads(metadata["state"])
    except (KeyError, ValueError) as error:
        raise ModelFormatError(
            f"{path} is not a checkpoint of a training run.", hint="Delete it; the one before it is used then."
        ) from error
    return step, arrays, state


def has_state(directory: Path) -> bool:
    """Return whether there is a checkpoint."""
    return bool(_checkpoints(directory))


def _checkpoints(directory: Path) -> list[tuple[int, Path]]:
    if not directory.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in directory.iterdir())
    return sorted((int(match[1]), path) for match, path in named if match)
