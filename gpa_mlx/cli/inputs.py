"""What the commands are given, checked before any model work."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.errors import GPAError, InputTextError

if TYPE_CHECKING:
    from gpa_mlx.cli.program import Session
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.types import Voice

STANDARD_INPUT = "-"


def open_engine(session: Session, model: str | None, adapter: Path | None = None) -> GPA:
    """Open the model the user named, or the default one, with an adapter if one is named.

    Raises:
        ModelNotFoundError: None named, or nothing there.
        ModelFormatError: Not a converted model.
    """
    from gpa_mlx.jobs.models import open_model

    return open_model(session.settings, model, adapter)


def require_model(session: Session, model: str | None) -> Path:
    """Return the directory of the model the user named, or of the default one.

    Raises:
        ModelNotFoundError: None named and none the default, no such name, or the demo model is not installed.
    """
    from gpa_mlx.jobs.models import find_model

    return find_model(session.settings, model)


def introduce(session: Session, model: str | None) -> None:
    """Tell a person who uses the demo model what it can do; scripts are told nothing."""
    from gpa_mlx.jobs.models import is_demo
    from gpa_mlx.model import demo

    if is_demo(session.settings, model) and sys.stderr.isatty():
        session.diagnostics.note(f"{demo.ABILITIES} `gpa-mlx model pull` installs the published model.")


def read_text(text: str) -> str:
    """Return the text to speak, from standard input when the argument is `-`.

    Raises:
        InputTextError: Nothing in it can be spoken, or it is not UTF-8.
        GPAError: Standard input cannot be read.
    """
    from gpa_mlx.text.joining import check_text

    if text == STANDARD_INPUT:
        return _decoded(read_standard_input())
    try:
        text.encode()
    except UnicodeError as error:
        raise _not_utf_8() from error
    check_text(text)
    return text


def read_text_file(path: Path) -> str:
    """Return the text to speak that a file holds; errors as of `read_text`."""
    return _decoded(read_source(str(path)))


def is_name_of_file(text: str) -> bool:
    """Return whether a text is nothing but the name of a file that is there; a word alone is taken for a word."""
    is_like_a_path = "\n" not in text and ("." in text.strip(".") or os.sep in text)
    try:
        return is_like_a_path and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _decoded(content: bytes) -> str:
    from gpa_mlx.text.joining import check_text

    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeError as error:
        raise _not_utf_8() from error
    check_text(text)
    return text


def _not_utf_8() -> InputTextError:
    return InputTextError("The text is not valid UTF-8.", hint="Convert it to UTF-8 first.")


def name_voice(session: Session, voice: str | None) -> str:
    """Return the `--voice` value, or else the voice of the settings.

    Raises:
        click.UsageError: Neither names one.
    """
    voice = voice or session.settings.voice
    if voice is None:
        raise click.UsageError("Missing option '--voice'.", click.get_current_context())
    return voice


def require_voice(session: Session, voice: str, model: str | None) -> Path | Voice:
    """Return what a `--voice` value names: a recording, or a voice that the user's model can speak in.

    Raises:
        VoiceError: Nothing; or the voice is damaged or was made for models of another family.
        ModelNotFoundError: No recording, and no model that could have the voice.
        ModelFormatError: No recording, and not a converted model.
    """
    from gpa_mlx.jobs.voice_choice import choose_voice, recording_of

    return recording_of(voice) or choose_voice(voice, require_model(session, model))


def read_standard_input() -> bytes:
    """Return all of standard input.

    Raises:
        GPAError: It cannot be read; it may be closed.
    """
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise GPAError(
            f"standard input cannot be read: {error.strerror}.", hint="Save it to a file, and name that."
        ) from error


def read_source(source: str) -> bytes:
    """Read a small file, or standard input when the name is `-`.

    Raises:
        GPAError: The file cannot be read.
    """
    if source == STANDARD_INPUT:
        return read_standard_input()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise GPAError(f"{os.fsdecode(source)} cannot be read: {error.strerror}.", hint="Check the path.") from error
