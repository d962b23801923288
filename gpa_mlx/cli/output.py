"""Results: JSON and text on standard output, text and WAV files where the user wants them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.errors import GPAError

if TYPE_CHECKING:
    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.types import Speech, Timings


def write_json(document: dict[str, Any]) -> None:
    """Write one JSON document as one line of standard output."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, allow_nan=False)
    click.echo(text)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically: after any failure the old file, or none, is there.

    Args:
        path: The file; an existing one is replaced, a symbolic link is followed.
        text: Its content; line ends stay as they are.

    Raises:
        GPAError: Nothing can be written there.
    """
    target = Path(os.path.realpath(path))
    # A name of its own: the target's name plus a suffix can be longer than the file system allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(text.encode())
            temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> GPAError:
    """Return the error for an output that cannot be written."""
    return GPAError(
        f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place for the output."
    )


def timings_document(timings: Timings) -> dict[str, float]:
    """Return the timings with the real-time factor worked out."""
    return {**asdict(timings), "processing_s": timings.processing_s, "real_time_factor": timings.real_time_factor}


def deliver_speech(speech: Speech, output: Path, *, subtype: str, as_json: bool, diagnostics: Diagnostics) -> None:
    """Write generated speech to its file and say so."""
    from gpa_mlx.audio.io import write_wav

    write_wav(output, speech.audio, speech.sample_rate, subtype=subtype)
    duration_s = len(speech.audio) / speech.sample_rate
    timings = speech.timings
    diagnostics.inform(
        f"{output}: {duration_s:.2f} s of speech in {timings.processing_s:.2f} s (RTF {timings.real_time_factor:.2f})"
    )
    if speech.finish_reason == "length":
        diagnostics.note(
            f"the speech is cut: the model had not ended after {timings.generated_tokens} tokens; raise --max-tokens."
        )
    if as_json:
        write_json(
            {
                "file": str(output),
                "duration_s": duration_s,
                "sample_rate": speech.sample_rate,
                "finish_reason": speech.finish_reason,
                "seed": speech.seed,
                "codes": len(speech.codes),
                "timings": timings_document(timings),
            }
        )
