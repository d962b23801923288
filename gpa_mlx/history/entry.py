"""One recording of the history: its folder, its lock, and what is written of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, get_args

from gpa_mlx.errors import AudioFileError, GPAError
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import read_limited, sweep_partials, write_atomically
from gpa_mlx.text.printable import to_json
from gpa_mlx.types import SAMPLE_RATE_HZ

State: TypeAlias = Literal["recording", "recorded", "recognised", "failed"]
"""`recording`: somebody speaks. `recorded`: nobody has recognised it. `failed`: somebody tried."""

GRAVE = ".deleted-"
"""Begins the name of what is being deleted."""

NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-[0-9a-f]{4}")
"""What an entry is called."""

_AUDIO, _ENTRY, _LOCK = "audio.wav", "entry.json", ".lock"
_WAV_HEADER_BYTES = 44
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A recording and what became of it.

    Attributes:
        name: Date, time and four more letters; names sort by time.
        folder: Where it is.
        state: What became of it.
        duration_s: Length of its audio.
        text: What was heard, as it was handed out.
        device: The microphone.
        error: Why it was not recognised, with what to do about it.
        in_use: Somebody records or recognises it right now.
    """

    name: str
    folder: Path
    state: State
    duration_s: float = 0.0
    text: str = ""
    device: str = ""
    error: str = ""
    in_use: bool = False

    @property
    def audio(self) -> Path:
        """The recording."""
        return self.folder / _AUDIO

    @property
    def waits(self) -> bool:
        """Whether what was said is not written down, and nobody is at it."""
        return self.state in ("recorded", "failed") and not self.in_use

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return _size(self.folder)

    @property
    def recorded_at(self) -> datetime:
        """When it began, in local time."""
        return datetime.strptime(self.name[:19], "%Y-%m-%dT%H-%M-%S").astimezone()

    def document(self) -> dict[str, Any]:
        """Return the entry in the form of JSON."""
        content = asdict(self)
        return {**content, "folder": str(self.folder), "audio": str(self.audio)}


def settled(folder: Path) -> Entry | None:
    """Return an entry, with its state set right if the process that made it is dead; None if it holds no audio."""
    lock = try_lock(folder)
    if lock is None:
        entry = read_entry(folder) or Entry(name=folder.name, folder=folder, state="recording")
        return replace(entry, in_use=True, duration_s=_audio_s(folder))
    with lock:
        entry = read_entry(folder) or Entry(name=folder.name, folder=folder, state="recording")
        if entry.state != "recording":
            return entry
        duration_s = _audio_s(folder)
        if not duration_s:
            delete_entry(folder)
            return None
        _repair(entry.audio)
        entry = replace(entry, state="recorded", duration_s=duration_s)
        write_entry(entry)
        return entry


def try_lock(folder: Path) -> BinaryIO | None:
    """Take the entry for this process, or return None if another has it, or another part of this one."""
    with contextlib.ExitStack() as cleanup:
        file = cleanup.enter_context((folder / _LOCK).open("ab"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        sweep_partials(folder)
        cleanup.pop_all()
        return file


def lock_entry(entry: Entry) -> BinaryIO:
    """Take the entry for this process.

    Raises:
        GPAError: Another has it, or it is gone.
    """
    lock = try_lock(entry.folder) if entry.folder.is_dir() else None
    if lock is None:
        raise GPAError(
            f"The recording {entry.name} is in use or gone.", hint="Wait until the other program is done with it."
        )
    return lock


def read_entry(folder: Path) -> Entry | None:
    """Return an entry as it is written; None if nothing useful is."""
    try:
        fields = ConfigReader.from_json(read_limited(folder / _ENTRY), _ENTRY)
        return Entry(
            name=folder.name,
            folder=folder,
            state=fields.choice("state", get_args(State)),
            duration_s=fields.number("duration_s", minimum=0.0),
            text=fields.text("text"),
            device=fields.text("device"),
            error=fields.text("error"),
        )
    except (OSError, GPAError):
        return None


def write_entry(entry: Entry) -> None:
    """Write what is known of an entry.

    Raises:
        AudioFileError: It cannot be written.
    """
    content = {
        "state": entry.state,
        "duration_s": round(entry.duration_s, 3),
        "text": entry.text,
        "device": entry.device,
        "error": entry.error,
    }
    try:
        write_atomically(entry.folder / _ENTRY, to_json(content, indent=1) + "\n", private=True)
    except OSError as error:
        raise unwritable(entry.folder, error) from error


def _audio_s(folder: Path) -> float:
    """Return the length of the audio that is in the file, whatever its header says."""
    try:
        samples = ((folder / _AUDIO).stat().st_size - _WAV_HEADER_BYTES) // _SAMPLE_BYTES
    except OSError:
        return 0.0
    return max(samples, 0) / SAMPLE_RATE_HZ


def _repair(audio: Path) -> None:
    """Make header and audio fit each other: the header may be older or, after a crash of the machine, newer."""
    samples = (audio.stat().st_size - _WAV_HEADER_BYTES) // _SAMPLE_BYTES
    with audio.open("r+b") as file:
        file.seek(4)
        file.write((_WAV_HEADER_BYTES - 8 + samples * _SAMPLE_BYTES).to_bytes(4, "little"))
        file.seek(_WAV_HEADER_BYTES - 4)
        file.write((samples * _SAMPLE_BYTES).to_bytes(4, "little"))
        file.truncate(_WAV_HEADER_BYTES + samples * _SAMPLE_BYTES)
        file.flush()
        os.fsync(file.fileno())


def delete_entry(folder: Path) -> None:
    """Delete an entry; one that cannot be deleted whole is no entry any more."""
    grave = folder.with_name(GRAVE + folder.name)
    folder.rename(grave)
    shutil.rmtree(grave)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def unwritable(path: Path, error: OSError) -> AudioFileError:
    """Return the error for a part of the history that cannot be used."""
    return AudioFileError(
        f"{path} cannot be used: {error.strerror or error}.",
        hint="Free some space there, or let GPA_MLX_HOME name another folder.",
    )
