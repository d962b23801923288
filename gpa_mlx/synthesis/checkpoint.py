"""Checkpoint of a long-form synthesis: what an interrupted run had finished, kept beside its output."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from gpa_mlx.errors import AudioFileError
from gpa_mlx.synthesis.long_form import SpokenPassage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpa_mlx.synthesis.long_form import PlannedPassage, SynthesisSettings
    from gpa_mlx.types import GenerationOptions, Voice


def checkpoint_key(
    plan: Sequence[PlannedPassage],
    voice: Voice,
    options: GenerationOptions,
    settings: SynthesisSettings,
    model: str,
    version: str,
) -> str:
    """Return what two runs must have in common for one to go on where the other stopped; the seed is not in it.

    Args:
        plan: What is spoken.
        voice: Who speaks.
        options: Sampling.
        settings: How to synthesize.
        model: Names the model's exact weights.
        version: Of this program.
    """
    facts = [
        model,
        version,
        list(voice.global_tokens),
        {name: value for name, value in asdict(options).items() if name != "seed"},
        [settings.retries, settings.verify],
        [[passage.text, passage.pause, spoken] for passage, spoken in plan],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


class SynthesisCheckpoint:
    """A hidden file beside the output: the key and the seed, then one line per finished passage.

    A line is on the disk when `add` returns. A last line that was torn by a crash is ignored.

    Args:
        output: The WAV file that is written.
        key: See `checkpoint_key`.
        seed: The one the user gave; None goes on with that of the interrupted run.
    """

    def __init__(self, output: Path, key: str, seed: int | None) -> None:
        self.path = _path_of(output)
        self._key = key
        self.seed = seed
        self.done: tuple[SpokenPassage, ...] = ()
        self._read()

    def start(self, seed: int) -> None:
        """Begin from the first passage."""
        self.seed, self.done = seed, ()
        self._write(json.dumps({"key": self._key, "seed": seed}), mode="w")

    def add(self, passage: SpokenPassage) -> None:
        """Note a finished passage; its samples must be in the output already."""
        self.done = (*self.done, passage)
        self._write(json.dumps(asdict(passage), ensure_ascii=False), mode="a")

    def close(self) -> None:
        """All is complete: remove the file."""
        self.path.unlink(missing_ok=True)

    def _write(self, lines: str, mode: str) -> None:
        try:
            with self.path.open(mode, encoding="utf-8") as file:
                file.write(lines + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AudioFileError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                hint="Choose another place for the output.",
            ) from error

    def _read(self) -> None:
        try:
            whole, _, torn = self.path.read_bytes().rpartition(b"\n")
            header, *passages = [json.loads(line) for line in whole.split(b"\n")]
            if header["key"] != self._key or self.seed not in (None, header["seed"]):
                return
            self.done = tuple(SpokenPassage(**passage) for passage in passages)
            self.seed = int(header["seed"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return
        if torn:
            self._write(whole.decode(), mode="w")


def forget_checkpoint(output: Path) -> None:
    """Remove what an interrupted run left beside a file that is being replaced."""
    _path_of(output).unlink(missing_ok=True)


def _path_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.narration")
