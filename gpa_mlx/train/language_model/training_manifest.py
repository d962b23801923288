"""Training manifests: JSON lines, as the reference trainer reads them.

Keys (`data_utils/audio_dataset_ark_audio.py` of the reference), by task:

- `stt`: `audio` and the `text` said in it.
- `tts-a`: `text`, `audio` that says it, `ref_audio` with the same voice.
- `vc`: `audio` with the words, `ref_audio` with the target voice, `vc_audio` with those words in that voice.

The task is `stt` when not given. Other keys, and empty strings under keys the task does not use, are ignored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from gpa_mlx.errors import GPAError, InputTextError
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.text.joining import check_text

TrainingTask: TypeAlias = Literal["stt", "tts-a", "vc"]

AUDIO_KEYS: dict[TrainingTask, tuple[str, ...]] = {
    "stt": ("audio",),
    "tts-a": ("audio", "ref_audio"),
    "vc": ("audio", "ref_audio", "vc_audio"),
}


class ManifestError(GPAError):
    """Lines of a manifest cannot be used.

    Attributes:
        problems: One per bad line, with its number and the reason.
    """

    def __init__(self, manifest: Path, problems: tuple[str, ...]) -> None:
        lines = "line" if len(problems) == 1 else "lines"
        super().__init__(
            f"{manifest} has {len(problems)} bad {lines}: {'; '.join(problems)}.", hint="Correct or remove them."
        )
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestLine:
    """One usable line.

    Attributes:
        number: Counted from 1.
        task: What is learnt.
        text: Words of `stt` and `tts-a`; empty for `vc`.
        audio: Files by key: those of `AUDIO_KEYS[task]`.
    """

    number: int
    task: TrainingTask
    text: str
    audio: dict[str, Path]


def read_training_manifest(path: str | os.PathLike[str]) -> tuple[ManifestLine, ...]:
    """Read a manifest; relative files are looked up beside it. Blank lines are skipped.

    Raises:
        ManifestError: Naming every bad line.
        GPAError: The manifest cannot be read or has no line.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GPAError(f"{path} cannot be read: {error.strerror or error}.", hint="Check the path.") from error
    lines: list[ManifestLine] = []
    problems: list[str] = []
    for number, content in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not content.strip():
            continue
        try:
            lines.append(_parse(content, number, path.parent))
        except (_BadLineError, InputTextError) as error:
            problems.append(f"line {number}: {str(error.args[0]).rstrip('.')}")
    if problems:
        raise ManifestError(path, tuple(problems))
    if not lines:
        raise GPAError(f"{path} has no lines.", hint="Write one JSON object per line.")
    return tuple(lines)


class _BadLineError(GPAError):
    """What is wrong with a line."""


def _parse(raw: bytes, number: int, folder: Path) -> ManifestLine:
    fields = ConfigReader.from_json(raw, f"line {number}", _BadLineError)
    task: TrainingTask = fields.choice("task", AUDIO_KEYS, default="stt")
    audio = {key: _file(fields, key, folder) for key in AUDIO_KEYS[task]}
    return ManifestLine(number=number, task=task, text=_text(fields, task), audio=audio)


def _file(fields: ConfigReader, key: str, folder: Path) -> Path:
    value = _string(fields, key)
    if not value:
        raise _BadLineError(f"'{key}' is empty")
    path = folder / value
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:  # too long for a name, or with a null character
        raise _BadLineError(f"'{key}' is not a file name") from error
    if not found:
        raise _BadLineError(f"'{key}' names {value}, which is not a file")
    return path


def _text(fields: ConfigReader, task: TrainingTask) -> str:
    if task == "vc":
        return ""
    text = _string(fields, "text")
    if task == "tts-a":
        check_text(text)
    return text


def _string(fields: ConfigReader, key: str) -> str:
    value = fields.text(key)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _BadLineError(f"'{key}' is not valid Unicode") from error
    return value
