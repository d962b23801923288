"""Standard input, output and error of the process: there even when the caller has closed them, as `>&-` does."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

STANDARD_OUTPUT_NAME = "Standard output"
"""The file name of errors in writing there; without it nobody could tell them from others."""

_INPUT, _OUTPUT, _ERROR = 0, 1, 2


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Give a closed standard stream a stand-in inside the block, and let Python's own farewell to them be quiet.

    Otherwise the next file that is opened becomes standard output or error by its number, and gets what libraries
    print there. A closed input cannot be read and a closed output cannot be written, which is an error for those who
    need them and for nobody else; what goes to a closed standard error is dropped, since nobody can be told.
    """
    # In ascending order: a new descriptor has the lowest number that is free.
    if sys.stdin is None:
        sys.stdin = _stand_in(_INPUT, os.O_WRONLY, "r")
    if sys.stdout is None:
        sys.stdout = _stand_in(_OUTPUT, os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _stand_in(_ERROR, os.O_WRONLY, "w")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_StandardOutput(sys.stdout.fileno(), "w", closefd=False)),
        encoding=sys.stdout.encoding,
        # A terminal that cannot show a character of the transcript must not cost the user the transcript.
        errors="backslashreplace",
        line_buffering=sys.stdout.isatty(),
    )
    try:
        yield
    finally:
        for stream, descriptor in ((sys.stdout, _OUTPUT), (sys.stderr, _ERROR)):
            _let_go(stream, descriptor)


class _StandardOutput(io.FileIO):
    """Standard output; its errors say so."""

    def write(self, content: Buffer, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            error.filename = STANDARD_OUTPUT_NAME
            raise


def _stand_in(number: int, access: int, mode: str) -> TextIO:
    """Open the null device for the wrong direction, or to swallow, under a closed stream's number if that is free."""
    try:
        os.fstat(number)
        descriptor = os.open(os.devnull, access)
    except OSError:
        descriptor = os.open(os.devnull, access)
        if descriptor != number:
            os.dup2(descriptor, number)
            os.close(descriptor)
            descriptor = number
    raw = io.FileIO(descriptor, mode, closefd=False)
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace")


def _let_go(stream: TextIO | None, descriptor: int) -> None:
    """Drop what a stream still holds and cannot write: Python would complain, and change the exit code."""
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, descriptor)
            os.close(nothing)
