"""Recordings of people, in the layout of two public collections; nobody is in both splits.

Speech Commands v0.02 (Warden 2018, arXiv 1804.03209, CC BY 4.0): `commands/WORD/SPEAKER_nohash_N...`, with other words
in `commands/unknown/WORD_SPEAKER_nohash_N...` and backgrounds in `commands/silence`. Free Spoken Digit Dataset (CC
BY-SA 4.0; never trained on): `fsdd/SPEAKER/DIGIT_TAKE...`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from gpa_mlx.audio.files.reader import load_recording
from gpa_mlx.errors import SettingsError
from gpa_mlx.recipes.demo.data.utterances import as_int16
from gpa_mlx.recipes.demo.domain.lexicon import COMMANDS, DIGITS, WORDS
from gpa_mlx.recipes.demo.recordings.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from gpa_mlx.recipes.demo.data.vocabulary import Split

ORIGIN = "people"

_UNKNOWN, _SILENCE = "unknown", "silence"
_EVALUATION_SHARE = 4


def split_of_person(name: str) -> Split:
    """Say to which split a person belongs: one in four is for evaluation, chosen by the name alone."""
    return "evaluation" if zlib.crc32(name.encode()) % _EVALUATION_SHARE == 0 else "train"


def read_commands(folder: Path, split: Split) -> list[Recording]:
    """Read one split of Speech Commands: commands, digits, and words that are none of the domain's.

    Args:
        folder: That has `commands` in it.
        split: Whose people.

    Returns:
        Recordings of about a second. Those of other words have no text; `voice` is the person.

    Raises:
        SettingsError: The folder has no such recordings.
    """
    recordings = []
    for name in (*COMMANDS, _UNKNOWN):
        for file in sorted((folder / "commands" / name).glob("*_nohash_*")):
            word, _, rest = file.name.partition("_") if name == _UNKNOWN else (name, "", file.name)
            person = rest.partition("_nohash_")[0]
            if split_of_person(person) == split:
                recordings.append(_of_person(file, word, person))
    if not recordings:
        raise SettingsError(
            f"{folder} has no recordings of Speech Commands.", hint="It wants commands/WORD/SPEAKER_nohash_N.flac."
        )
    return recordings


def read_digits(folder: Path) -> list[Recording]:
    """Read the Free Spoken Digit Dataset, for evaluation only; empty where it is not there."""
    files = sorted((folder / "fsdd").glob("*/[0-9]_*"))
    return [_of_person(file, DIGITS[int(file.name[0])], file.parent.name) for file in files]


def read_backgrounds(folder: Path, split: Split) -> list[Recording]:
    """Read what is heard where nobody speaks; empty where it is not there."""
    files = sorted((folder / "commands" / _SILENCE).iterdir()) if (folder / "commands" / _SILENCE).is_dir() else []
    return [
        Recording(samples=_samples(file), groups=(), voice="", origin=ORIGIN)
        for file in files
        if split_of_person(file.name) == split
    ]


def _of_person(file: Path, word: str, person: str) -> Recording:
    groups = ((word,),) if word in WORDS else ()
    return Recording(samples=_samples(file), groups=groups, voice=person, origin=ORIGIN)


def _samples(file: Path) -> np.ndarray:
    return as_int16(load_recording(file).channel_mean.astype(np.float32))
