"""What was dictated, on disk from the first moment: audio before it is recognised, then its text.

One folder per recording: `audio.wav`, which grows while somebody speaks, `entry.json`, which is replaced whole, and
`.lock`, which the process that works on the entry holds. A process that dies lets go of it, and leaves audio that is
complete up to the last half second; whoever looks next finds the entry as recorded.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from gpa_mlx.errors import GPAError
from gpa_mlx.history.entry import (
    GRAVE,
    NAME,
    Entry,
    State,
    delete_entry,
    lock_entry,
    read_entry,
    settled,
    try_lock,
    unwritable,
    write_entry,
)
from gpa_mlx.history.journal import HeldEntry, Journal
from gpa_mlx.store.files import locked, make_private
from gpa_mlx.store.paths import history_dir

__all__ = ["MAX_AGE_DAYS", "MAX_BYTES", "Entry", "HeldEntry", "History", "Journal", "State"]

MAX_BYTES = 2_000_000_000
"""How large the history may grow: 17 hours."""

MAX_AGE_DAYS = 90
"""How old an entry may grow."""


class History:
    """The recordings of this computer. Several processes may use it at once.

    Args:
        folder: Where they are; made with the first one. None: the user's own.
        max_bytes: `prune` keeps it as small as this; None: as large as it gets.
        max_age_days: `prune` deletes what is older; None: nothing is too old.
        keeps: Whether a recording stays when it has its text; otherwise `prune` deletes it, if it was begun here. One
            that has no text stays in any case: nothing else has what was said.

    Attributes:
        keeps: As given.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        max_bytes: int | None = MAX_BYTES,
        max_age_days: float | None = MAX_AGE_DAYS,
        keeps: bool = True,
    ) -> None:
        self.folder = folder or history_dir()
        self._max_bytes = max_bytes
        self._max_age_days = max_age_days
        self.keeps = keeps
        self._begun: set[str] = set()

    def keeping(self, keeps: bool) -> History:
        """Return the same history, in which recordings stay, or not, when they have their texts."""
        return History(self.folder, max_bytes=self._max_bytes, max_age_days=self._max_age_days, keeps=keeps)

    def begin(self, device: str = "") -> Journal:
        """Begin a recording.

        Args:
            device: The microphone's name.

        Raises:
            AudioFileError: Nothing can be written there.
        """
        try:
            make_private(self.folder)
            with locked(self.folder):
                name = self._new_name(datetime.now().astimezone())
                entry = Entry(name=name, folder=self.folder / name, state="recording", device=device)
                entry.folder.mkdir(mode=0o700)
                lock = try_lock(entry.folder)
                assert lock is not None, "nobody knows the new folder"
                write_entry(entry)
                self._begun.add(name)
                return Journal(entry, lock)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def entries(self) -> tuple[Entry, ...]:
        """Return all recordings, the newest first; what a dead process left behind is put in order.

        Raises:
            AudioFileError: The folder cannot be read.
        """
        if not self.folder.is_dir():
            return ()
        try:
            with locked(self.folder):
                return self._entries()
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def get(self, name: str) -> Entry:
        """Return one recording.

        Args:
            name: Its name or the beginning or the end of it, or `last`.

        Raises:
            GPAError: There is none of that name, or several.
            AudioFileError: The folder cannot be read.
        """
        entries = self.entries()
        if name == "last" and entries:
            return entries[0]
        found = [entry for entry in entries if entry.name == name]
        found = found or [
            entry for entry in entries if name and (entry.name.startswith(name) or entry.name.endswith(name))
        ]
        if not found:
            raise GPAError(
                f"There is no recording '{name}' in the history.", hint="`gpa-mlx history list` shows what there is."
            )
        if len(found) > 1:
            raise GPAError(
                f"'{name}' fits {len(found)} recordings.",
                hint=f"Give more of the name, for example {found[0].name}.",
            )
        return found[0]

    def hold(self, entry: Entry) -> HeldEntry:
        """Take a recording to work on it.

        Raises:
            GPAError: Another process works on it, or it is gone.
            AudioFileError: The folder cannot be written.
        """
        try:
            with locked(self.folder):
                return HeldEntry(read_entry(entry.folder) or entry, lock_entry(entry))
        except OSError as error:
            raise unwritable(entry.folder, error) from error

    def delete(self, entry: Entry) -> None:
        """Delete a recording.

        Raises:
            GPAError: Somebody works on it.
            AudioFileError: It cannot be deleted.
        """
        try:
            with locked(self.folder), lock_entry(entry):
                delete_entry(entry.folder)
        except OSError as error:
            raise unwritable(entry.folder, error) from error

    def prune(self) -> tuple[Entry, ...]:
        """Delete what is too old or unwanted, then the oldest until the rest is small enough; never what is in use.

        Returns:
            What was deleted, the oldest first.

        Raises:
            AudioFileError: Something cannot be deleted.
        """
        if not self.folder.is_dir():
            return ()
        deleted = []
        try:
            with locked(self.folder):
                entries = self._entries()
                sizes = {entry.name: entry.size_bytes for entry in entries}
                total = sum(sizes.values())
                for entry in reversed(entries):
                    too_large = self._max_bytes is not None and total > self._max_bytes
                    if entry.in_use or not (too_large or self._is_old(entry) or self._is_unwanted(entry)):
                        continue
                    delete_entry(entry.folder)
                    total -= sizes[entry.name]
                    deleted.append(entry)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return tuple(deleted)

    def _is_unwanted(self, entry: Entry) -> bool:
        return not self.keeps and entry.name in self._begun and bool(entry.text)

    def _is_old(self, entry: Entry) -> bool:
        age_s = (datetime.now().astimezone() - entry.recorded_at).total_seconds()
        return self._max_age_days is not None and age_s > self._max_age_days * 86_400

    def _new_name(self, now: datetime) -> str:
        """Return a name for a recording; its last part is time, too: those of one second are in their order."""
        part = (now.microsecond << 16) // 1_000_000
        while (self.folder / (name := f"{now:%Y-%m-%dT%H-%M-%S}-{part & 0xFFFF:04x}")).exists():
            part += 1
        return name

    def _entries(self) -> tuple[Entry, ...]:
        for grave in self.folder.glob(f"{GRAVE}*"):
            shutil.rmtree(grave)
        folders = sorted((path for path in self.folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)
        return tuple(entry for folder in folders if (entry := settled(folder)) is not None)
