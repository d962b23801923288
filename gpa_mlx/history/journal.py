"""An entry that somebody works on, and one whose audio is still growing."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from gpa_mlx.audio.files.incremental_wav import IncrementalWavWriter
from gpa_mlx.history.entry import Entry, delete_entry, unwritable, write_entry
from gpa_mlx.store.durable import flush_drive
from gpa_mlx.store.files import locked
from gpa_mlx.types import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from gpa_mlx.types import Samples

SYNC_S = 0.5
"""What a crash of the whole machine may cost; a process that is killed loses nothing it appended."""

DRIVE_S = 3.0
"""What a power failure may cost on a drive that keeps what it was given in its own memory."""


class HeldEntry:
    """An entry that this process works on: nobody else may change, delete or prune it; a context manager.

    Args:
        entry: As it is now.
        lock: The open lock file.
    """

    def __init__(self, entry: Entry, lock: BinaryIO) -> None:
        self.entry = entry
        self._lock = lock

    def recognised(self, text: str) -> Entry:
        """Note what was heard.

        Raises:
            AudioFileError: It cannot be written.
        """
        return self._note(state="recognised", text=text, error="")

    def failed(self, error: str) -> Entry:
        """Note why nothing was heard; an older text stays.

        Raises:
            AudioFileError: It cannot be written.
        """
        return self._note(state="recognised" if self.entry.text else "failed", error=error)

    def release(self) -> Entry:
        """Let others work on it; return how it was left."""
        self._lock.close()
        return self.entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _note(self, **changes: Any) -> Entry:  # noqa: ANN401
        self.entry = replace(self.entry, **changes)
        write_entry(self.entry)
        return self.entry


class Journal(HeldEntry):
    """An entry whose audio is still growing; `History.begin` makes it."""

    def __init__(self, entry: Entry, lock: BinaryIO) -> None:
        super().__init__(entry, lock)
        self._wav = IncrementalWavWriter(entry.audio, SAMPLE_RATE_HZ)
        self._sync: int | None = None
        self._synced = self._drive_flushed = time.monotonic()

    def append(self, block: Samples) -> None:
        """Add audio; when this returns it survives the death of this process, `SYNC_S` later that of the machine.

        Args:
            block: `(samples,)` float64 at 16 kHz.

        Raises:
            AudioFileError: The disk is full, or not there any more.
        """
        self._wav.append(block)
        if self._sync is None and self._wav.samples:
            self._sync = os.open(self.entry.audio, os.O_RDONLY)
            os.fchmod(self._sync, 0o600)
            _sync_folder(self.entry.folder)
            self._flush()
        elif time.monotonic() - self._synced >= SYNC_S / 2:
            self._flush()

    def finish(self) -> Entry:
        """End the audio; the entry stays in use until `release`.

        Raises:
            AudioFileError: The disk is full, or not there any more.
        """
        try:
            self._flush(through=True)
        finally:
            self._end()
        return self._note(state="recorded", duration_s=self._wav.duration_s)

    def discard(self) -> None:
        """Forget the recording.

        Raises:
            AudioFileError: It cannot be deleted.
        """
        self._end()
        self.release()
        try:
            with locked(self.entry.folder.parent):
                delete_entry(self.entry.folder)
        except OSError as error:
            raise unwritable(self.entry.folder, error) from error

    def _flush(self, *, through: bool = False) -> None:
        if self._sync is None:
            return
        through = through or time.monotonic() - self._drive_flushed >= DRIVE_S
        try:
            if through:
                flush_drive(self._sync)
            else:
                os.fsync(self._sync)
        except OSError as error:
            raise unwritable(self.entry.audio, error) from error
        self._synced = time.monotonic()
        if through:
            self._drive_flushed = self._synced

    def _end(self) -> None:
        self._wav.close()
        descriptor, self._sync = self._sync, None
        if descriptor is not None:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
