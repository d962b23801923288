"""`gpa-mlx transcribe`: recordings to text."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import ExitCode
from gpa_mlx.cli.inputs import STANDARD_INPUT, introduce, open_engine
from gpa_mlx.cli.options import (
    adapter_option,
    budget_options,
    json_option,
    model_option,
    track_option,
    transcript_options,
    vad_options,
)
from gpa_mlx.cli.output import write_json
from gpa_mlx.cli.servers import find_server, server_option
from gpa_mlx.errors import GPAError, SettingsError
from gpa_mlx.store.text_output import STANDARD_OUTPUT, descriptor_of
from gpa_mlx.transcripts.cues import Layout
from gpa_mlx.transcripts.formats import SUBTITLES, format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.cli.transcript_printer import TranscriptPrinter
    from gpa_mlx.jobs.recordings import Unusable
    from gpa_mlx.jobs.transcribe import TranscribeJob
    from gpa_mlx.transcripts.formats import Format
    from gpa_mlx.types import GenerationOptions, VadChoice

_MOST_NAMES = 8


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("-r", "--recursive", is_flag=True, help="Search folders for recordings, by their extensions.")
@model_option
@adapter_option
@server_option
@transcript_options
@vad_options
@track_option
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Segments of a long recording that are decoded at the same time: faster, with more memory.",
)
@click.option("--skip-existing", is_flag=True, help="Leave recordings out whose files are all there.")
@click.option(
    "--channels",
    type=click.Choice(["mix", "separate"]),
    default="mix",
    show_default=True,
    help="Several channels: `mix` hears the one, or the mix, that has the speech; `separate` writes down each on its "
    "own, such as the sides of a call, labelled `left` and `right`, or by number.",
)
@budget_options
@json_option
@click.pass_obj
def transcribe(
    session: Session,
    *,
    files: tuple[str, ...],
    recursive: bool,
    model: str | None,
    adapter: Path | None,
    server: str | None,
    output: str | None,
    formats: tuple[Format, ...],
    max_line_width: int | None,
    max_line_count: int | None,
    vad: VadChoice,
    track: int | None,
    batch: int,
    skip_existing: bool,
    channels: str,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Write down what is said in recordings.

    FILE is a recording, a pattern such as 'talks/*.wav', with -r a folder, or `-` for standard input.

    The text goes to standard output, one line per file, preceded by the file's name when there are several; a terminal
    shows it while it is decoded, one line per segment of speech. With -o it goes to files, which replace older ones;
    with -f alone one recording goes to standard output in that format. With --json each recording becomes one JSON
    object on one line of standard output; it has `error` for one that failed. A file that fails does not keep the
    others from being transcribed. When you interrupt it, or a recording fails on the way, the text so far is kept.
    """
    from gpa_mlx.cli.standard_input import standard_input
    from gpa_mlx.cli.transcript_printer import Printed, make_printer
    from gpa_mlx.engine.remote import RemoteTranscriber
    from gpa_mlx.jobs.recordings import Unusable, find_recordings
    from gpa_mlx.jobs.transcribe import TranscribeJob, TranscribeRequest
    from gpa_mlx.runtime.ranks import own_share
    from gpa_mlx.transcripts.targets import plan_targets

    layout = Layout(max_line_width=max_line_width, max_line_count=max_line_count)
    if output is not None and (output == "-" or descriptor_of(Path(output)) == STANDARD_OUTPUT):
        output = None
    if output == "":
        raise SettingsError("The output '' is no file and no folder.", hint="Without -o it is standard output.")
    if skip_existing and output is None:
        raise click.UsageError("--skip-existing is for files, which -o names.", click.get_current_context())
    if SUBTITLES.isdisjoint(formats):
        _refuse_layout(output, formats, layout)
    recordings, problems = find_recordings(files, recursive=recursive, others={STANDARD_INPUT: standard_input()})
    if output is None and formats and (len(recordings) > 1 or len(formats) > 1 or as_json):
        raise SettingsError(
            "Standard output takes one format of one recording.", hint="Name a folder for the files with -o."
        )
    planned = () if output is None else plan_targets(recordings, output, formats)
    if planned:
        paired = tuple(zip(recordings, planned, strict=True))
        problems += tuple(Unusable(found.name, error) for found, error in paired if isinstance(error, GPAError))
        recordings = tuple(found for found, files in paired if not isinstance(files, GPAError))
    printed: Printed = "objects" if as_json else None if output is not None else formats[0] if formats else "lines"
    share = own_share()  # after the plan: names of files follow from all recordings
    failure = _report_problems(problems if share.is_first else (), session.diagnostics, as_json=as_json)
    is_named = len(recordings) + len(problems) > 1
    targets = share.of([files for files in planned if not isinstance(files, GPAError)])
    recordings = share.of(recordings)
    if not recordings:
        raise click.exceptions.Exit(failure)
    found = find_server(
        session, server, model, own=_for_own_model(adapter, vad, track, choose, separate=channels == "separate")
    )
    if found is None:
        introduce(session, model)
    with found or open_engine(session, model, adapter) as engine:
        request = TranscribeRequest(
            recordings=recordings,
            targets=targets,
            options=None if isinstance(engine, RemoteTranscriber) else choose(engine.default_options("transcribe")),
            vad=vad,
            batch=batch,
            layout=layout,
            skip_existing=skip_existing,
            separate=channels == "separate",
            track=track,
        )
        job = TranscribeJob(engine, request)
        printer = make_printer(printed, layout, session.diagnostics, named=is_named)
        try:
            with closing(job.run()) as events, closing(printer):
                for event in events:
                    printer.show(event)
        except KeyboardInterrupt:
            _say_where_it_stopped(job, printer, session.diagnostics)
            raise
    if code := printer.failure or failure:
        raise click.exceptions.Exit(code)


def _for_own_model(
    adapter: Path | None,
    vad: VadChoice,
    track: int | None,
    choose: Callable[[GenerationOptions], GenerationOptions],
    *,
    separate: bool,
) -> tuple[str, ...]:
    """Return the options of this run that only a model of its own heeds."""
    from gpa_mlx.types import GenerationOptions

    usual = GenerationOptions()
    chosen = choose(usual)
    given = {
        "--adapter": adapter is not None,
        "--vad": not isinstance(vad, bool),
        "--track": track is not None,
        "--channels separate": separate,
        "--max-tokens": chosen.max_tokens != usual.max_tokens,
        "--no-constrain": not chosen.constrain,
    }
    return tuple(name for name, is_given in given.items() if is_given)


def _report_problems(problems: Sequence[Unusable], diagnostics: Diagnostics, *, as_json: bool) -> ExitCode:
    """Say which names mean nothing; return the exit code of the first."""
    failure = ExitCode.OK
    for name, error in problems:
        code = diagnostics.report(error)
        failure = failure or code
        if as_json:
            write_json({"file": name, "error": error.message, "hint": error.hint})
    return failure


def _refuse_layout(output: str | None, formats: Sequence[Format], layout: Layout) -> None:
    """Refuse what only subtitles have where none are written."""
    if layout != Layout() and (formats or output is None or format_of(Path(output)) not in SUBTITLES):
        raise SettingsError(
            "--max-line-width and --max-line-count are for subtitles, and none are written.",
            hint="Add -f srt or -f vtt.",
        )


def _say_where_it_stopped(job: TranscribeJob, printer: TranscriptPrinter, diagnostics: Diagnostics) -> None:
    stopped = next((task for task in job.tasks if task.state == "stopped"), None)
    if stopped is not None:
        printer.stop(stopped)
    left = [task.recording.name for task in job.tasks if task.state in ("waiting", "stopped")]
    if left and (len(job.tasks) > 1 or any(task.targets for task in job.tasks)):
        more = f" and {len(left) - _MOST_NAMES} more" if len(left) > _MOST_NAMES else ""
        diagnostics.note(f"to go on, run it again with {shlex.join(left[:_MOST_NAMES])}{more}; those before are done.")
