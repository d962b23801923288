"""What the commands are given, checked before any model work."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.cli.options import MODEL_VARIABLE
from gpa_mlx.errors import AudioFileError, GPAError, InputTextError, ModelNotFoundError, SettingsError, VoiceError

if TYPE_CHECKING:
    from gpa_mlx.engine import GPA

STANDARD_INPUT = "-"


def open_engine(model: str | None, adapter: Path | None = None) -> GPA:
    """Open the model the user named, with an adapter if one is named.

    Raises:
        ModelNotFoundError: None named, or nothing there.
        ModelFormatError: Not a converted model.
    """
    path = require_model(model)
    from gpa_mlx.engine import load  # MLX, 0.3 s

    return load(path, adapter=adapter)


def require_model(model: str | None) -> str:
    """Return the model the user named.

    Raises:
        ModelNotFoundError: None named.
    """
    if not model:
        raise ModelNotFoundError(
            "No model is given.",
            hint=f"Name a converted model with --model or {MODEL_VARIABLE}; `gpa-mlx convert` makes one.",
        )
    return model


def read_text(text: str) -> str:
    """Return the text to speak, from standard input when the argument is `-`.

    Raises:
        InputTextError: Nothing in it can be spoken, or it is not UTF-8.
    """
    from gpa_mlx.text import check_text

    try:
        if text == STANDARD_INPUT:
            text = sys.stdin.buffer.read().decode("utf-8-sig").strip()
        else:
            text.encode()
    except UnicodeError as error:
        raise InputTextError("The text is not valid UTF-8.", hint="Convert it to UTF-8 first.") from error
    check_text(text)
    return text


def require_voice(voice: str) -> Path:
    """Return the recording a `--voice` value names.

    Raises:
        VoiceError: No such recording.
    """
    path = Path(voice)
    if not path.is_file():
        raise VoiceError(f"There is no voice '{voice}'.", hint="Give the path of a recording of the voice.")
    return path


def require_audio(path: Path) -> Path:
    """Return the path of an existing file.

    Raises:
        AudioFileError: Nothing there, or not a file.
    """
    if path.is_dir():
        raise AudioFileError(f"{path} is a directory.", hint="Give an audio file.")
    if not path.exists():
        raise AudioFileError(f"{path} does not exist.", hint="Check the path.")
    return path


def require_writable(output: Path, *inputs: Path) -> Path:
    """Return the path if a WAV file can be written there, so that no work is lost at the end.

    Args:
        output: The file to write.
        inputs: Files that must survive.

    Raises:
        SettingsError: Not a WAV file's name, or one of the inputs.
        AudioFileError: Nothing can be written there.
    """
    if output.suffix.lower() not in (".wav", ".wave"):
        raise SettingsError(f"The output '{output}' does not end in .wav.", hint="Only WAV files are written.")
    if output.is_dir():
        raise AudioFileError(f"{output} is a directory.", hint="Give the name of a WAV file.")
    if output.exists() and any(output.samefile(path) for path in inputs):
        raise SettingsError(f"{output} is also an input.", hint="Write to another file.")
    try:
        # Asking the permission bits is not enough: the file system may be full or read-only.
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise AudioFileError(
            f"{output} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
        ) from error
    return output


def read_source(source: str) -> bytes:
    """Read a small file, or standard input when the name is `-`.

    Raises:
        GPAError: The file cannot be read.
    """
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise GPAError(f"{os.fsdecode(source)} cannot be read: {error.strerror}.", hint="Check the path.") from error
