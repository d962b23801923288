"""The demo model that ships with the program: where it is, whom it speaks as, and recordings to try it on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.types import Voice
from gpa_mlx.voices.card import SUFFIX, read_card

NAME = "demo"
"""What `--model` calls it; a directory of that name is `./demo`."""

ABILITIES = (
    "The demo model hears and says twenty words: zero to nine, yes, no, on, off, up, down, stop, go, left and right."
)
"""What people are told about it."""

WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go",
)  # fmt: skip
"""Its vocabulary: it transcribes and speaks no other words."""

SENTENCE = "three two one go"
"""What it says wherever it is shown or tried."""

RESULTS_NAME = "results.json"
"""Beside its folders: what it made of its recordings when it was released."""

_DATA = Path(__file__).parents[1] / "data" / "demo"


@dataclass(frozen=True, slots=True)
class DemoSample:
    """A recording that the demo model understands.

    Attributes:
        file: A WAV file.
        text: What is said in it.
        voice: Name of who says it; not necessarily a built-in voice.
    """

    file: Path
    text: str
    voice: str


def demo_model() -> Path:
    """Return the directory of the demo model.

    Raises:
        ModelNotFoundError: This installation has none.
    """
    return _folder("model")


def is_demo_model(path: Path) -> bool:
    """Return whether a directory is that of the model that ships with the program."""
    try:
        return path == demo_model()
    except ModelNotFoundError:
        return False


def demo_voices() -> tuple[Voice, ...]:
    """Return the built-in voices, by name.

    Raises:
        ModelNotFoundError: This installation has none.
        VoiceError: A voice file is damaged.
    """
    return tuple(read_card(path) for path in sorted(_folder("voices").glob(f"*{SUFFIX}")))


def demo_samples() -> tuple[DemoSample, ...]:
    """Return the bundled recordings.

    Raises:
        ModelNotFoundError: This installation has none.
        ModelFormatError: The list of them is damaged.
    """
    return read_samples(_folder("samples"))


def read_samples(folder: Path) -> tuple[DemoSample, ...]:
    """Return the recordings that a folder lists.

    Raises:
        ModelFormatError: The list of them is damaged.
    """
    listing = folder / "samples.json"
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        return tuple(DemoSample(folder / entry["file"], entry["text"], entry["voice"]) for entry in entries)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelFormatError(f"{listing} is damaged.", hint="Install gpa-mlx again.") from error


def results_file() -> Path:
    """Return where it stands what the model made of the recordings when it was released; nothing is read."""
    return _DATA / RESULTS_NAME


def _folder(name: str) -> Path:
    folder = _DATA / name
    if not folder.is_dir():
        raise ModelNotFoundError(
            "This installation has no demo model.",
            hint="Install a release of gpa-mlx, or train the model with `gpa-mlx train demo` and name its directory.",
        )
    return folder
