"""What the program keeps on disk, and the command that frees it."""

from __future__ import annotations

import os
from pathlib import Path

from gpa_mlx.doctor.finding import Finding
from gpa_mlx.store import models, paths
from gpa_mlx.text.quantities import readable_size

_AREA = "storage"
_LARGE_BYTES = 10**8


def examine_storage() -> list[Finding]:
    """Measure the folders of the program, and what the hub library keeps of the published model."""
    places = [
        ("models", paths.models_dir(), "`gpa-mlx model remove NAME`"),
        ("voices", paths.voices_dir(), "`gpa-mlx voices remove NAME`"),
        ("history", paths.history_dir(), "`gpa-mlx history prune`, or `gpa-mlx settings set history_days N`"),
        ("unfinished downloads", paths.downloads_dir(), f"`rm -r '{paths.downloads_dir()}'`"),
        ("original weights in the hub cache", _hub_folder(), f"`hf cache rm model/{models.DEFAULT_REPO}`"),
    ]
    return [
        _finding(name, folder, size_bytes, command)
        for name, folder, command in places
        if (size_bytes := folder_size(folder))
    ] or [Finding(_AREA, "ok", "Nothing is kept outside the program yet.")]


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below a folder, each counted once however it is linked; 0 if there is none."""
    seen: dict[tuple[int, int], int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(Path(root, name))
            except OSError:  # removed meanwhile
                continue
            seen[status.st_dev, status.st_ino] = status.st_size
    return sum(seen.values())


def _finding(name: str, folder: Path, size_bytes: int, command: str) -> Finding:
    what = f"{name}: {readable_size(size_bytes)} in {folder}."
    # What is small need not be freed.
    return Finding(_AREA, "note", what, command) if size_bytes >= _LARGE_BYTES else Finding(_AREA, "ok", what, command)


def _hub_folder() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE) / f"models--{models.DEFAULT_REPO.replace('/', '--')}"
