"""One run of the program: its session, the options that every command has, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import Diagnostics, ExitCode
from gpa_mlx.cli.interruption import Interruption
from gpa_mlx.cli.process_streams import STANDARD_OUTPUT_NAME
from gpa_mlx.cli.ready_help import PROGRAM
from gpa_mlx.errors import GPAError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpa_mlx.settings import LoadedSettings, Settings, SettingsSource


@dataclass(slots=True)
class Session:
    """What all commands of one run share; commands receive it from `click.pass_obj`.

    Attributes:
        diagnostics: Standard error.
        interruption: Whether a signal told the run to end.
        flags: Settings that were given as options of this run, by key, as text.
    """

    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    interruption: Interruption = field(default_factory=Interruption)
    flags: dict[str, str] = field(default_factory=dict)
    _loaded: LoadedSettings | None = None

    @property
    def source(self) -> SettingsSource:
        """Where the settings come from, for those who change them and read them again."""
        from gpa_mlx.settings import SettingsSource

        return SettingsSource(self.flags)

    @property
    def loaded(self) -> LoadedSettings:
        """The settings and their origins, read once: when a command first needs them.

        Raises:
            SettingsError: They cannot be used.
        """
        if self._loaded is None:
            self._loaded = self.source.load()
        return self._loaded

    @property
    def settings(self) -> Settings:
        """The settings; errors as for `loaded`."""
        return self.loaded.settings


def run(command: click.Command, arguments: Sequence[str] | None = None, session: Session | None = None) -> int:
    """Run a command to its end and return its exit code; a closed pipe on standard output ends it quietly.

    Args:
        command: The top of the command tree.
        arguments: Words after the program's name; None takes those of the process.
        session: What the commands share; None makes a new one.
    """
    session = session or Session()
    try:
        result = command.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=session)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the process boundary
        return _ended_by(_explained(error, sys.argv[1:] if arguments is None else arguments), session)
    # Without its standalone mode click returns the code of --help, --version and explicit exits.
    code = result if isinstance(result, int) else ExitCode.OK
    if session.interruption.number is not None and code != session.interruption.exit_code:
        return _ended_by(KeyboardInterrupt(), session)
    return code


def _explained(error: BaseException, arguments: Sequence[str]) -> BaseException:
    """Return what to report for an error: a file whose name begins like an option is told from a wrong option."""
    if not isinstance(error, click.NoSuchOption):
        return error
    file = next((word for word in arguments if word.startswith("-") and os.path.lexists(word)), None)
    if file is None:
        return error
    return SettingsError(f"'{file}' is taken for an option.", hint=f"Call the file ./{file}, or put -- before it.")


def _ended_by(error: BaseException, session: Session) -> int:
    """Say what ended a command, and return its exit code.

    After a signal it is that of the signal, whatever came of it: an interrupt in the midst of an import or of a
    library's C code can become any other exception.
    """
    diagnostics, interruption = session.diagnostics, session.interruption
    if interruption.number is not None or isinstance(error, KeyboardInterrupt):
        diagnostics.inform("interrupted" if interruption.number in (None, signal.SIGINT) else "ended by a signal")
        return interruption.exit_code
    if isinstance(error, click.Abort):
        # click turns EOFError into Abort as well, and a truncated file can raise that.
        if isinstance(error.__cause__, EOFError):
            return diagnostics.report(error.__cause__)
        diagnostics.inform("interrupted")
        return interruption.exit_code
    if isinstance(error, SystemExit):  # of click, when nobody reads standard output any more
        return error.code if isinstance(error.code, int) else ExitCode.FAILED
    if isinstance(error, OSError) and error.filename == STANDARD_OUTPUT_NAME:
        return diagnostics.report(
            GPAError(
                f"{STANDARD_OUTPUT_NAME} cannot be written: {error.strerror}.",
                hint="Name a file with -o, or redirect it to another place.",
            )
        )
    if isinstance(error, Exception):
        return diagnostics.report(error)
    raise error


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


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and (session := context.find_object(Session)):
        session.diagnostics.debug = True


def _set_max_memory(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and (session := context.find_object(Session)):
        from gpa_mlx.settings import check_flag

        session.flags["max_memory"] = check_flag("max_memory", value)


def _set_verbosity(context: click.Context, parameter: click.Parameter, value: int) -> None:
    if session := context.find_object(Session):
        from gpa_mlx.cli.log_lines import show_log_lines

        show_log_lines(session.diagnostics, value)
