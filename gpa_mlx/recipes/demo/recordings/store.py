"""Recordings on disk, in shards that survive an interruption.

A shard is two files: samples (`.npy`, int16, one recording after the other) and, written last, what they are (`.json`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.errors import GPAError
from gpa_mlx.recipes.demo.recordings.recording import Recording
from gpa_mlx.recipes.demo.teachers.kokoro import SpokenWord, TimedSound
from gpa_mlx.store.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_FORMAT = 1


class RecordingStore:
    """A folder of shards.

    Args:
        folder: Made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, shard: int) -> bool:
        """Return whether a shard is complete."""
        return self._index(shard).exists()

    def write(self, shard: int, recordings: Sequence[Recording], plan: Sequence[Mapping[str, Any]]) -> None:
        """Write a shard, or write it anew.

        Args:
            shard: Its number.
            recordings: At least one.
            plan: What it was made from, for people; JSON.

        Raises:
            OSError: It cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        entries = [
            {
                "samples": len(recording.samples),
                "text": recording.text,
                "groups": recording.groups,
                "voice": recording.voice,
                "origin": recording.origin,
                "words": [
                    [word.word, [[sound.letter, sound.start, sound.end] for sound in word.sounds]]
                    for word in recording.words
                ],
            }
            for recording in recordings
        ]
        temporary = self._samples(shard).with_suffix(".part")
        with temporary.open("wb") as file:
            np.save(file, np.concatenate([recording.samples for recording in recordings]))
        temporary.replace(self._samples(shard))
        index = {"format": _FORMAT, "plan": plan, "recordings": entries}
        write_atomically(self._index(shard), json.dumps(index, ensure_ascii=False))

    def read(self) -> Iterator[Recording]:
        """Yield the recordings of all complete shards, in the order of their numbers, their samples memory-mapped.

        Raises:
            GPAError: A shard is damaged, or of another version.
        """
        for index in sorted(self._folder.glob("shard-*.json")):
            try:
                yield from _recordings(index)
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise GPAError(
                    f"{index} is damaged or of another version.", hint="Remove it; it is made again."
                ) from error

    def _index(self, shard: int) -> Path:
        return self._folder / f"shard-{shard:05}.json"

    def _samples(self, shard: int) -> Path:
        return self._folder / f"shard-{shard:05}.npy"


def _recordings(index: Path) -> list[Recording]:
    content = json.loads(index.read_text(encoding="utf-8"))
    if content["format"] != _FORMAT:
        raise ValueError(content["format"])
    samples = np.load(index.with_suffix(".npy"), mmap_mode="r")
    ends = np.cumsum([entry["samples"] for entry in content["recordings"]])
    if ends[-1] != len(samples):
        raise ValueError(len(samples))
    return [
        Recording(
            samples=samples[end - entry["samples"] : end],
            groups=tuple(tuple(group) for group in entry["groups"]),
            voice=entry["voice"],
            origin=entry["origin"],
            words=tuple(
                SpokenWord(word, tuple(TimedSound(*sound) for sound in sounds)) for word, sounds in entry["words"]
            ),
        )
        for entry, end in zip(content["recordings"], ends, strict=True)
    ]
