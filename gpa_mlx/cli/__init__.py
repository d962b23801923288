"""The command line `gpa-mlx`."""

from __future__ import annotations

import sys

from gpa_mlx.cli.ready_help import answer_at_once
from gpa_mlx.cli.requirements import unsupported

TYPE_CHECKING = False  # importing `typing` for it would take longer than `--help`
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    problem = unsupported(sys.argv[1:])
    if problem is not None:
        sys.exit("error: {}\nhint: {}".format(*problem))
    if answer_at_once(sys.argv[1:]):
        sys.exit(0)
    from gpa_mlx.cli.interruption import Interruption

    interruption = Interruption()
    with interruption.heeded():
        # Imported when signals are heeded: a signal meanwhile ends the program like one at any other moment.
        try:
            from gpa_mlx.cli.commands import cli
            from gpa_mlx.cli.process_streams import standard_streams
            from gpa_mlx.cli.program import Session, run

            with standard_streams():
                code = run(cli, session=Session(interruption=interruption))
        except BaseException:
            if interruption.number is None:
                raise
            code = interruption.exit_code
        from gpa_mlx.cli.leaving import leave

        leave(code)
