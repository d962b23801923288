"""Standard input as a recording."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.cli.inputs import STANDARD_INPUT
from gpa_mlx.errors import AudioFileError
from gpa_mlx.jobs.recordings import RecordingInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABEL = "standard input"


def standard_input() -> RecordingInput:
    """Return what comes from standard input; nothing is taken from it until it is read."""
    return RecordingInput(
        name=STANDARD_INPUT, label=_LABEL, path=Path(STANDARD_INPUT), place=Path("stdin"), spool=_spooled
    )


@contextlib.contextmanager
def _spooled() -> Iterator[Path]:
    """Keep standard input in a private file while the block runs.

    Raises:
        AudioFileError: It cannot be kept, or the block raised it.
    """
    with tempfile.NamedTemporaryFile(prefix="gpa-mlx-") as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.flush()
        except OSError as error:
            raise AudioFileError(
                f"{_LABEL} cannot be kept in a file: {error.strerror or error}.",
                hint="Save it to a file, and name that.",
            ) from error
        try:
            yield Path(spool.name)
        except AudioFileError as error:
            raise AudioFileError(error.message.replace(spool.name, _LABEL), hint=error.hint) from error
