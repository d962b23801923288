"""`gpa-mlx transcribe`: recordings to text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.diagnostics import Diagnostics, ExitCode
from gpa_mlx.cli.inputs import open_engine
from gpa_mlx.cli.options import adapter_option, budget_options, json_option, model_option
from gpa_mlx.cli.output import timings_document, write_json
from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpa_mlx.types import FinishReason, GenerationOptions, Transcription, TranscriptionChunk


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_option
@adapter_option
@click.option("--no-vad", "vad", flag_value=False, default=True, help="Transcribe everything, also what is not speech.")
@budget_options
@json_option
@click.pass_obj
def transcribe(
    diagnostics: Diagnostics,
    *,
    files: tuple[Path, ...],
    model: str | None,
    adapter: Path | None,
    vad: bool,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Write down what is said in recordings.

    The text goes to standard output, one line per file, preceded by the file's name when there are several; a terminal
    shows it while it is decoded, one line per stretch of speech. With --json each file becomes one JSON object on one
    line. A file that fails does not keep the others from being transcribed.
    """
    failure = ExitCode.OK
    with open_engine(model, adapter) as engine:
        options = choose(engine.default_options("transcribe"))
        for file in files:
            prefix = f"{click.format_filename(file)}: " if len(files) > 1 else ""
            try:
                if sys.stdout.isatty() and not as_json:
                    reason = _show(engine.stream_transcribe(file, options=options, vad=vad), prefix)
                else:
                    with diagnostics.working(f"transcribing {file}"):
                        result = engine.transcribe(file, options=options, vad=vad)
                    reason = result.finish_reason
                    if as_json:
                        write_json(_document(file, result))
                    else:
                        click.echo(prefix + result.text)
            except (ModelNotFoundError, ModelFormatError):
                raise  # the next file would fail in the same way
            except GPAError as error:
                code = diagnostics.report(error)
                failure = failure or code
            else:
                _explain(reason, file, diagnostics)
    if failure:
        raise click.exceptions.Exit(failure)


def _show(chunks: Iterator[TranscriptionChunk], prefix: str) -> FinishReason | None:
    """Write the text to the terminal as it comes, one line per segment."""
    line_open = False
    reason: FinishReason | None = None
    try:
        for chunk in chunks:
            reason = chunk.finish_reason
            if chunk.text:
                click.echo(prefix + chunk.text, nl=False)
                prefix, line_open = "", True
            if chunk.segment is not None and line_open:
                click.echo()
                line_open = False
    finally:
        if line_open:
            click.echo()
    return reason


def _explain(reason: FinishReason | None, file: Path, diagnostics: Diagnostics) -> None:
    if reason == "no_speech":
        diagnostics.note(f"no speech was heard in {file}; --no-vad transcribes it anyway.")
    elif reason == "length":
        diagnostics.note(f"the text of {file} is cut: the model had not finished; raise --max-tokens.")


def _document(file: Path, result: Transcription) -> dict[str, Any]:
    return {
        "file": str(file),
        "text": result.text,
        "segments": [
            {"start": segment.start_s, "end": segment.end_s, "text": segment.text} for segment in result.segments
        ],
        "finish_reason": result.finish_reason,
        "timings": timings_document(result.timings),
    }
