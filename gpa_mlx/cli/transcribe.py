"""`gpa-mlx transcribe`: recordings to text."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.diagnostics import Diagnostics, ExitCode
from gpa_mlx.cli.inputs import introduce, open_engine
from gpa_mlx.cli.options import (
    adapter_option,
    budget_options,
    json_option,
    model_option,
    transcript_options,
    vad_options,
)
from gpa_mlx.cli.program import Session
from gpa_mlx.cli.recordings import Source, find_recordings, readable
from gpa_mlx.cli.scribe import Printed, TranscriptWriter
from gpa_mlx.cli.transcripts import plan_targets, prepare
from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError
from gpa_mlx.transcripts.subtitles import Format, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpa_mlx.types import FinishReason, GenerationOptions, VadChoice

_MOST_NAMES = 8


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("-r", "--recursive", is_flag=True, help="Search folders for recordings, by their extensions.")
@model_option
@adapter_option
@transcript_options
@vad_options
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Segments of a long recording that are decoded at the same time: faster, with more memory.",
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
    output: str | None,
    formats: tuple[Format, ...],
    max_line_width: int | None,
    max_line_count: int | None,
    vad: VadChoice,
    batch: int,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Write down what is said in recordings.

    FILE is a recording, a pattern such as 'talks/*.wav', with -r a folder, or `-` for standard input.

    The text goes to standard output, one line per file, preceded by the file's name when there are several; a terminal
    shows it while it is decoded, one line per stretch of speech. With -o it goes to files, which replace older ones;
    with -f alone one recording goes to standard output in that format. With --json each recording becomes one JSON
    object on one line of standard output. A file that fails does not keep the others from being transcribed. When you
    interrupt it, the text so far is kept.
    """
    diagnostics = session.diagnostics
    layout = Layout(max_line_width=max_line_width, max_line_count=max_line_count)
    sources = find_recordings(files, recursive=recursive)
    targets = plan_targets(sources, output, formats, as_json=as_json)
    printed: Printed = "objects" if as_json else None if output is not None else formats[0] if formats else "lines"
    failure = ExitCode.OK
    introduce(session, model)
    with open_engine(session, model, adapter) as engine:
        prepare(targets)
        options = choose(engine.default_options("transcribe"))
        scribe = TranscriptWriter(engine, options, vad, batch, layout, printed, diagnostics, named=len(sources) > 1)
        for index, (source, written) in enumerate(zip(sources, targets, strict=True)):
            try:
                with readable(source) as file:
                    reason = scribe.transcribe(source, file, written)
            except (ModelNotFoundError, ModelFormatError):
                raise  # the next file would fail in the same way
            except GPAError as error:
                code = diagnostics.report(error)
                failure = failure or code
            except KeyboardInterrupt:
                if len(sources) > 1 or written:
                    _say_what_is_left(sources[index:], diagnostics)
                raise
            else:
                _explain(reason, source, diagnostics)
    if failure:
        raise click.exceptions.Exit(failure)


def _explain(reason: FinishReason | None, source: Source, diagnostics: Diagnostics) -> None:
    if reason == "no_speech":
        diagnostics.note(f"no speech was heard in {source.label}; --no-vad transcribes it anyway.")
    elif reason == "length":
        diagnostics.note(f"the text of {source.label} is cut: the model had not finished; raise --max-tokens.")
    elif reason == "loop":
        diagnostics.note(f"the text of {source.label} is cut where the model began to repeat itself.")


def _say_what_is_left(sources: Sequence[Source], diagnostics: Diagnostics) -> None:
    names = shlex.join(source.name for source in sources[:_MOST_NAMES])
    more = f" and {len(sources) - _MOST_NAMES} more" if len(sources) > _MOST_NAMES else ""
    diagnostics.note(f"to go on, run it again with {names}{more}; those before are done.")
