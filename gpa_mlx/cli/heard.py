"""Texts that were heard from the microphone: what is done to them, and how they are shown."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.dictation import Finished
    from gpa_mlx.history import History
    from gpa_mlx.settings import Settings
    from gpa_mlx.text.custom_vocabulary import CustomVocabulary, Replacement

F = TypeVar("F", bound="Callable[..., Any]")


def open_history(settings: Settings) -> History:
    """Return the history, as large as the settings allow."""
    from gpa_mlx.history import History

    return History(max_bytes=settings.history_size, max_age_days=settings.history_days, keeps=settings.history_keep)


def read_optional_vocabulary(settings: Settings, path: Path | None) -> CustomVocabulary | None:
    """Return the user's words, those of the settings if no file is given, or None.

    Raises:
        SettingsError: It cannot be used.
    """
    from gpa_mlx.text.custom_vocabulary import read_custom_vocabulary

    path = path or settings.words_file
    return None if path is None else read_custom_vocabulary(path)


def text_options(command: F) -> F:
    """Add what is done to a text that was heard: `words` and `digits`."""
    command = click.option("--itn", "digits", is_flag=True, help="Write numbers in digits.")(command)
    return click.option(
        "--words",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Your words, one per line as they are written, or `heard => written`.  "
        "[default: the setting `words_file`]",
    )(command)


def show_replacements(replacements: tuple[Replacement, ...], diagnostics: Diagnostics) -> None:
    """Tell what the user's words changed."""
    for replacement in replacements:
        diagnostics.inform(f'heard "{replacement.heard}", wrote "{replacement.written}"')


def finished_document(finished: Finished) -> dict[str, Any]:
    """Return a text in the form of JSON."""
    return {
        "text": finished.text,
        "heard": finished.heard,
        "replacements": [asdict(replacement) for replacement in finished.replacements],
        "entry": finished.entry.name,
        "audio": str(finished.entry.audio),
        "duration_s": finished.entry.duration_s,
    }
