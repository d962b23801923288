"""Expensive folders that all test processes of one run share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def made_once(basetemp: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process to ask makes, and the others wait for and read.

    Args:
        basetemp: The temporary folder of this test process, `tmp_path_factory.getbasetemp()`.
        name: The folder's name.
        make: Makes the folder at the path it is given.
    """
    common = basetemp.parent if "PYTEST_XDIST_WORKER" in os.environ else basetemp
    folder = common / "shared" / name
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder.with_name(f"{name}.done")
        if not done.exists():
            make(folder)
            done.touch()
    return folder
