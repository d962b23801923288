"""`gpa-mlx doctor --first-run`: steps as they are done, questions to a person, and the report."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import color
from gpa_mlx.cli.output import write_json
from gpa_mlx.text.printable import printable
from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.doctor.first_run.step import StepResult

DEFAULT_REPORT = "gpa-mlx-first-run.json"

_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}
_STATUS_WIDTH = max(map(len, _COLOURS))
_NARROWEST = 60


def run_first_run(
    diagnostics: Diagnostics, report: Path, *, step_names: Sequence[str], with_person: bool, as_json: bool
) -> bool:
    """Do the first run and show what becomes of it.

    Args:
        diagnostics: Standard error.
        report: The file of the report.
        step_names: Which steps; none for all.
        with_person: Whether a person may be asked, if there is one.
        as_json: Write the report to standard output as well, and nothing else.

    Returns:
        Whether no step failed.

    Raises:
        SettingsError: There is no such step.
        GPAError: The report cannot be written.
        KeyboardInterrupt: As it was interrupted; what there is has been written.
    """
    from gpa_mlx.doctor.first_run.privacy import account, this_computer
    from gpa_mlx.doctor.first_run.session import FirstRun, choose_steps
    from gpa_mlx.doctor.host import this_host
    from gpa_mlx.store.text_output import require_replaceable

    steps = choose_steps(step_names)
    require_replaceable(report)
    person = _TerminalPerson() if with_person and sys.stdin.isatty() and sys.stderr.isatty() else None
    with tempfile.TemporaryDirectory(prefix="gpa-mlx-first-run-") as folder:
        run = FirstRun(
            steps,
            report,
            folder=Path(folder),
            host=this_host(),
            person=person,
            scrubber=this_computer(Path(folder), *account()),
        )
        width = max(len(step.name) for step in steps)
        try:
            for step in steps:
                # The sign that work goes on would run into questions.
                quiet = contextlib.nullcontext(lambda message: None)
                with quiet if step.asks else diagnostics.working(step.title) as show:
                    result = run.perform(step, show)
                if not as_json:
                    for line in _lines(result, width):
                        click.echo(line, color=color())
        finally:
            if run.is_begun:
                diagnostics.inform(
                    f"{report}: the report, to be attached to an issue. It has no names, no paths and no recordings."
                )
        document = run.document()
    if as_json:
        write_json(document)
    else:
        click.echo(", ".join(f"{count} {status}" for status, count in document["counts"].items()))
    return not run.has_failed


class _TerminalPerson:
    """Who sits at this terminal."""

    def agrees(self, question: str) -> bool:
        """Ask on standard error; only y or n is an answer."""
        try:
            return click.confirm(printable(question), default=None, err=True)
        except click.Abort as error:
            raise KeyboardInterrupt from error


def _lines(result: StepResult, names: int) -> Iterator[str]:
    """Yield what to print of a step; the status is a word, colour only repeats it."""
    # What goes into a file or another program is not wrapped.
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else sys.maxsize
    indent = " " * (_STATUS_WIDTH + names + 4)
    status = click.style(f"{result.status:<{_STATUS_WIDTH}}", fg=_COLOURS[result.status])
    texts = [text for text in (result.reason, result.summary) if text] or [""]
    texts[-1] += f" [{readable_duration(result.seconds)}]" if result.status != "skipped" else ""
    wrapped = [
        line
        for text in texts
        for line in textwrap.wrap(
            printable(text).strip(), width - len(indent), break_long_words=False, break_on_hyphens=False
        )
    ]
    yield f"{status}  {result.name:<{names}}  {wrapped[0] if wrapped else ''}".rstrip()
    yield from (f"{indent}{line}" for line in wrapped[1:])
