"""The one place that owns standard error and the exit codes.

Every failure a user can cause ends as one sentence on what is wrong, one on what to do, and an exit code; a traceback
is shown only with `--debug`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import click

from gpa_mlx.cli.ready_help import PROGRAM
from gpa_mlx.errors import (
    AudioDeviceError,
    AudioFileError,
    GPAError,
    ModelFormatError,
    ModelNotFoundError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MODEL = 3
    AUDIO = 4
    INTERRUPTED = 130


_EXIT_CODES: dict[type[GPAError], ExitCode] = {
    SettingsError: ExitCode.USAGE,
    ModelNotFoundError: ExitCode.MODEL,
    ModelFormatError: ExitCode.MODEL,
    AudioFileError: ExitCode.AUDIO,
    AudioDeviceError: ExitCode.AUDIO,
}

_MLX_OUT_OF_MEMORY = re.compile(r"\[[\w:]*malloc\w*\]")
"""MLX reports a failed allocation as a RuntimeError or ValueError that starts with the allocator's name."""


class _Report(NamedTuple):
    message: str
    hint: str
    code: ExitCode


class Diagnostics:
    """Standard error of one run: failures, notes and the sign that work goes on.

    Attributes:
        debug: Show the traceback of every failure.
    """

    def __init__(self) -> None:
        self.debug = False
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The one console on standard error, so that log lines appear above a running progress sign."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True)
        return self._console

    def report(self, error: Exception) -> ExitCode:
        """Say on standard error what went wrong and return the exit code it deserves."""
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            _write(error.format_message())
            return ExitCode.USAGE
        if self.debug:
            import traceback

            from gpa_mlx.text.printable import printable

            _write(printable("".join(traceback.format_exception(error)).rstrip("\n")))
        message, hint, code = _describe(error)
        _say("error", "red", message)
        if hint:
            _say("hint", "cyan", hint)
        return code

    def note(self, message: str) -> None:
        """Tell the user something that is neither a result nor a failure."""
        _say("note", "yellow", message)

    def inform(self, message: str) -> None:
        """Narrate a finished step, for example which file was written."""
        from gpa_mlx.text.printable import printable_line

        _write(printable_line(message))

    @contextlib.contextmanager
    def working(self, message: str) -> Iterator[Callable[[str], None]]:
        """Show that work is going on while the block runs; silent when standard error is not a terminal.

        Yields:
            A function that replaces the message.
        """
        if not sys.stderr.isatty():
            yield lambda step: None
            return
        from rich.text import Text  # as plain text: brackets in file names are not markup

        from gpa_mlx.text.printable import printable_line

        status = self.console.status(Text(printable_line(message)))
        try:
            status.start()
            yield lambda step: status.update(Text(printable_line(step)))
        finally:
            with contextlib.suppress(OSError):  # the terminal may be gone
                status.stop()


def _describe(error: Exception) -> _Report:
    if isinstance(error, GPAError):
        code = next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), ExitCode.FAILED)
        return _Report(error.message, error.hint, code)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else PROGRAM
        return _Report(error.format_message(), f"Run `{command} --help` for the usage.", ExitCode.USAGE)
    if isinstance(error, click.ClickException):
        return _Report(error.format_message(), "", ExitCode.FAILED)
    if isinstance(error, MemoryError) or _MLX_OUT_OF_MEMORY.match(str(error)):
        return _Report(
            "there is not enough memory for this.",
            "Close other programs, use shorter input, or convert the model with `--dtype bfloat16` or `--lm-bits 4`.",
            ExitCode.FAILED,
        )
    if isinstance(error, OSError) and error.strerror:
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return _Report(f"{error.strerror}{place}.", "", ExitCode.FAILED)
    return _Report(
        f"unexpected {type(error).__name__}: {error}",
        "Please report this; run again with --debug for the details.",
        ExitCode.FAILED,
    )


def _say(label: str, colour: str, message: str) -> None:
    from gpa_mlx.text.printable import printable  # not before there is something to say

    line = printable(" ".join(message.splitlines()))
    _write(f"{click.style(f'{label}:', fg=colour, bold=True)} {line}")


def _write(message: str) -> None:
    # Of a standard error that is full or gone nobody can be told, and the work is worth more than the message.
    with contextlib.suppress(OSError):
        click.echo(message, err=True, color=color())


def color() -> bool | None:
    """Return False to switch colours off, None to leave the choice to click (on for terminals)."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None
