"""The one place that owns standard error and the exit codes.

Every failure a user can cause ends as one sentence on what is wrong, one on what to do, and an exit code; a traceback
is shown only with `--debug`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import click

from gpa_mlx.errors import (
    AudioDeviceError,
    AudioFileError,
    GPAError,
    ModelFormatError,
    ModelNotFoundError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

PROGRAM = "gpa-mlx"


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

    def report(self, error: Exception) -> ExitCode:
        """Say on standard error what went wrong and return the exit code it deserves."""
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            self.inform(error.format_message())
            return ExitCode.USAGE
        if self.debug:
            import traceback

            traceback.print_exception(error)
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
        click.echo(message, err=True, color=color())

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

        with _console().status(Text(message)) as status:
            yield lambda step: status.update(Text(step))


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command to its end and return its exit code; a closed standard output ends the process quietly.

    Args:
        command: The top of the command tree.
        arguments: Words after the program's name; None takes those of the process.
    """
    diagnostics = Diagnostics()
    # A terminal that cannot show a character of the transcript must not cost the user the transcript.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = command.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=diagnostics)
    except (KeyboardInterrupt, click.Abort) as error:
        # click turns EOFError into Abort as well, and a truncated file can raise that.
        if isinstance(error.__cause__, EOFError):
            return diagnostics.report(error.__cause__)
        diagnostics.inform("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the process boundary
        return diagnostics.report(error)
    # Without its standalone mode click returns the code of --help, --version and explicit exits.
    return result if isinstance(result, int) else ExitCode.OK


def session_options() -> list[click.Parameter]:
    """Return new options that every command has; they work before and after the command's name."""
    return [
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_set_verbosity,
            help="Log what happens to standard error; twice for more.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_set_debug,
            help="Show the full traceback of a failure.",
        ),
        click.Option(
            ["--max-memory"],
            metavar="SIZE",
            expose_value=False,
            callback=_set_max_memory,
            help="Memory the model and its work may hold, such as 4GB.",
        ),
    ]


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
    line = " ".join(message.splitlines())
    click.echo(f"{click.style(f'{label}:', fg=colour, bold=True)} {line}", err=True, color=color())


def color() -> bool | None:
    """Return False to switch colours off, None to leave the choice to click (on for terminals)."""
    return False if os.environ.get("NO_COLOR") else None


@functools.cache
def _console() -> Console:
    """Return the one console on standard error, so that log lines appear above a running progress sign."""
    from rich.console import Console

    return Console(stderr=True)


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and (diagnostics := context.find_object(Diagnostics)):
        diagnostics.debug = True


def _set_max_memory(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    from gpa_mlx import settings

    settings.use_flag("max_memory", value)
    context.call_on_close(settings.forget_flags)


def _set_verbosity(context: click.Context, parameter: click.Parameter, value: int) -> None:
    if not value:
        return
    import logging

    from rich.logging import RichHandler

    logging.basicConfig(format="%(message)s", handlers=[RichHandler(console=_console(), show_path=False)])
    level = logging.INFO if value == 1 else logging.DEBUG
    for package in ("gpa_mlx", "gpa_mlx_convert"):
        logging.getLogger(package).setLevel(level)
