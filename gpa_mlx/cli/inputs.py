"""What the commands are given, checked before any model work."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx import demo
from gpa_mlx.cli.options import MODEL_VARIABLE
from gpa_mlx.errors import AudioFileError, GPAError, InputTextError, ModelNotFoundError, SettingsError, VoiceError

if TYPE_CHECKING:
    from gpa_mlx.engine import GPA
    from gpa_mlx.voices import Voice

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
    """Return the directory of the model the user named; the exact word `demo` names the one that ships.

    Raises:
        ModelNotFoundError: None named, or the demo model is not installed.
    """
    if not model:
        raise ModelNotFoundError(
            "No model is given.",
            hint="Add `--model demo`, which hears and says twenty words, or make a real one with `gpa-mlx convert` and "
            f"name it with --model or {MODEL_VARIABLE}.",
        )
    return str(demo.demo_model()) if model == demo.NAME else model


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


def require_voice(voice: str, model: str | None) -> Path | Voice:
    """Return what a `--voice` value names: a recording, or else a built-in voice of the model the user named.

    Raises:
        VoiceError: Neither.
        ModelNotFoundError: No recording, and no model that could have the voice.
        ModelFormatError: No recording, and not a converted model.
    """
    path = Path(voice)
    if path.is_file():
        return path
    built_in = _built_in_voices(require_model(model))
    if voice in built_in:
        return built_in[voice]
    if not built_in:
        raise VoiceError(f"There is no voice '{voice}'.", hint="Give the path of a recording of the voice.")
    raise VoiceError(
        f"There is no voice '{voice}'.",
        hint=f"Give the path of a recording of the voice, or one of {', '.join(built_in)}.",
    )


def open_voice(engine: GPA, chosen: Path | Voice) -> Voice:
    """Return the voice that `require_voice` chose, made from its recording if it is one.

    Raises:
        AudioFileError: The recording cannot be used.
        VoiceError: The recording is silent or too short.
        InputTooLongError: The recording is too long.
    """
    return engine.make_voice(chosen, name=chosen.stem) if isinstance(chosen, Path) else chosen


def _built_in_voices(model: str) -> dict[str, Voice]:
    from gpa_mlx.manifest import read_manifest

    family = read_manifest(model).model_family
    try:
        voices = demo.demo_voices()
    except ModelNotFoundError:
        return {}
    return {voice.name: voice for voice in voices if voice.family == family}


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
