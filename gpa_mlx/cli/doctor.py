"""`gpa-mlx doctor`: what this computer has of what the program needs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import ExitCode, color
from gpa_mlx.cli.first_run import DEFAULT_REPORT, run_first_run
from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import write_json
from gpa_mlx.text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpa_mlx.cli.program import Session
    from gpa_mlx.doctor.finding import Finding

_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "missing": "red"}
_STATUS_WIDTH = max(map(len, _COLOURS))
_NARROWEST = 60


@click.command()
@click.option("--no-microphone", is_flag=True, help="Do not listen to the microphone.")
@click.option(
    "--first-run",
    "report",
    metavar="[REPORT]",
    is_flag=False,
    flag_value=DEFAULT_REPORT,
    type=click.Path(path_type=Path),
    help="Try and measure everything on this computer, some minutes long, and write REPORT, to be attached to an "
    f"issue.  [REPORT: {DEFAULT_REPORT}]",
)
@click.option(
    "--step",
    "steps",
    metavar="NAME",
    multiple=True,
    help="Of --first-run only this step; repeat it for several.",
)
@click.option("--no-person", is_flag=True, help="Ask nothing in --first-run: skip what somebody has to see or hear.")
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    *,
    no_microphone: bool,
    report: Path | None,
    steps: tuple[str, ...],
    no_person: bool,
    as_json: bool,
) -> None:
    """Check this computer and say how to fix what is wrong.

    Listens to the microphone for one second; nothing is kept or sent. Every finding that needs something done ends with
    the command or the pane of the system settings that does it. The exit code is 1 when something is `missing`, without
    which nothing works.

    --first-run does more: it starts all commands on the demo model, compares its results with those it had when it was
    released, and measures memory and speed in four precisions. On a terminal it asks before it uses microphone,
    loudspeaker and clipboard. Steps that crash or hang do not stop the others; the exit code is 1 when one failed.
    """
    session: Session = context.obj
    if report is not None and no_microphone:
        raise click.UsageError("--first-run asks before it listens; --no-person skips that.", context)
    if report is not None:
        well = run_first_run(session.diagnostics, report, step_names=steps, with_person=not no_person, as_json=as_json)
        context.exit(ExitCode.OK if well else ExitCode.FAILED)
    if steps or no_person:
        raise click.UsageError("--step and --no-person belong to --first-run.", context)
    from gpa_mlx.doctor.checkup import examine

    findings: list[Finding] = []
    with session.diagnostics.working("looking") as show:
        for finding in examine(session.source, probe_microphone=not no_microphone):
            findings.append(finding)
            show(finding.what if finding.status == "note" else f"looked at: {finding.area}")
    is_well = all(finding.status != "missing" for finding in findings)
    if as_json:
        write_json({"ok": is_well, "findings": [asdict(finding) for finding in findings]})
    else:
        # What goes into a file or another program is not wrapped.
        width = max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else sys.maxsize
        for line in _lines(findings, width):
            click.echo(line, color=color())
    if not is_well:
        context.exit(ExitCode.FAILED)


def _lines(findings: Sequence[Finding], width: int) -> Iterator[str]:
    """Yield what to print; the status is a word, colour only repeats it."""
    areas = max(len(finding.area) for finding in findings)
    indent = " " * (_STATUS_WIDTH + areas + 4)
    for finding in findings:
        status = click.style(f"{finding.status:<{_STATUS_WIDTH}}", fg=_COLOURS[finding.status])
        what = printable(finding.what)
        first, *rest = textwrap.wrap(what, width - len(indent), break_long_words=False, break_on_hyphens=False)
        yield f"{status}  {finding.area:<{areas}}  {first}"
        if finding.fix:
            rest += textwrap.wrap(
                f"-> {printable(finding.fix)}",
                width - len(indent),
                subsequent_indent="   ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield from (f"{indent}{line}" for line in rest)
