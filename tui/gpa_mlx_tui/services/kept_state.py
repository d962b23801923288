"""What the app brings back at its next start, also after a crash: drafts, the queue, choices and the last mode.

One JSON file in the program's state folder, replaced whole within a second of a change. Two apps that run at once have
a file each: a slot is held by a lock, which a process that dies lets go of.
"""

from __future__ import annotations

import fcntl
import json
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from gpa_mlx.store.files import make_private, sweep_partials, write_atomically
from gpa_mlx.text.printable import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kept: TypeAlias = "Mapping[str, object]"
"""What one mode wants to have again: values that JSON can hold."""

_SLOTS = 9


class KeptState:
    """What is kept of each mode. `put` is cheap; `write` may be called from any thread.

    Args:
        file: Where it is; None keeps nothing beyond this run.
        lock: Held for as long as this lives.
    """

    def __init__(self, file: Path | None = None, lock: BinaryIO | None = None) -> None:
        self._file, self._lock = file, lock
        self._writing = threading.Lock()
        self._values: dict[str, Kept] = {}
        self._is_changed = False
        if file is not None:
            self._values = _read(file)

    @property
    def is_changed(self) -> bool:
        """Whether there is something that was not written yet."""
        return self._is_changed and self._file is not None

    def close(self) -> None:
        """Leave the file to others; a process that ends does so, too."""
        if self._lock is not None:
            self._lock.close()

    def of(self, name: str) -> Kept:
        """Return what was kept under a name; empty: nothing."""
        return self._values.get(name, {})

    def put(self, name: str, values: Kept) -> None:
        """Keep values under a name."""
        if values != self._values.get(name, {}):
            self._values[name] = values
            self._is_changed = True

    def write(self) -> None:
        """Write what has changed.

        Raises:
            OSError: It cannot be written; the last file is as it was.
        """
        with self._writing:
            if self._file is None or not self._is_changed:
                return
            self._is_changed = False
            try:
                write_atomically(self._file, to_json(dict(self._values), indent=1) + "\n", private=True)
            except OSError:
                self._is_changed = True
                raise


def open_kept_state(folder: Path) -> KeptState:
    """Return what the last app has kept; nothing, and without a file, where the folder cannot be written.

    Args:
        folder: Of the program's state; made if needed.
    """
    with suppress(OSError):
        make_private(folder)
        sweep_partials(folder)
        for slot in range(1, _SLOTS + 1):
            name = "session" if slot == 1 else f"session-{slot}"
            if (lock := _locked(folder / f".{name}.lock")) is not None:
                return KeptState(folder / f"{name}.json", lock)
    return KeptState()


def kept_text(kept: Kept, name: str) -> str:
    """Return a text that was kept; empty: none."""
    value = kept.get(name)
    return value if isinstance(value, str) else ""


def kept_flag(kept: Kept, name: str, default: bool = False) -> bool:
    """Return a switch that was kept."""
    value = kept.get(name)
    return value if isinstance(value, bool) else default


def kept_texts(kept: Kept, name: str) -> list[str]:
    """Return the texts of a list that was kept."""
    value = kept.get(name)
    return [item for item in cast("list[object]", value) if isinstance(item, str)] if isinstance(value, list) else []


def _locked(path: Path) -> BinaryIO | None:
    with ExitStack() as cleanup:
        file = cleanup.enter_context(path.open("ab"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        cleanup.pop_all()
        return file


def _read(file: Path) -> dict[str, Kept]:
    """Return what a file holds; one that is no JSON is put aside, as a text may be in it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        with suppress(OSError):
            file.replace(file.with_suffix(".damaged"))
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: values for name, values in content.items() if isinstance(values, dict)}
