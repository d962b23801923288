"""`gpa-mlx bench`: how fast a model runs on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import open_engine
from gpa_mlx.cli.options import FiniteFloat, json_option, model_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from gpa_mlx.bench.results import Report, Spread, TaskResult
    from gpa_mlx.cli.program import Session


@click.command()
@model_option
@click.option(
    "--task",
    type=click.Choice(["transcribe", "speak", "vc", "all"]),
    default="all",
    show_default=True,
    help="What to measure.",
)
@click.option(
    "--seconds",
    metavar="N",
    type=FiniteFloat(min=0.5, max=30),
    default=10.0,
    show_default=True,
    help="Audio to process or produce per trial.",
)
@click.option(
    "--trials", metavar="N", type=click.IntRange(min=1), default=3, show_default=True, help="Measured runs per task."
)
@json_option
@click.pass_obj
def bench(session: Session, *, model: str | None, task: str, seconds: float, trials: int, as_json: bool) -> None:
    """Measure how fast a model runs on this machine.

    Every task starts with a freshly opened model and one unmeasured run. Figures are medians over the trials, with the
    lowest and the highest in brackets. A real-time factor below 1 is faster than real time.
    """
    diagnostics = session.diagnostics
    open_engine(session, model).close()  # a wrong model fails before anything is measured
    from gpa_mlx.bench.benchmark import TASKS, run_benchmark

    with diagnostics.working("measuring") as show:
        report = run_benchmark(
            lambda: open_engine(session, model),
            tasks=[name for name in TASKS if task in (name, "all")],
            seconds=seconds,
            trials=trials,
            on_progress=show,
        )
    if as_json:
        write_json(asdict(report))
    else:
        say(_table(report))


def _table(report: Report) -> str:
    rows = [["", *(result.task for result in report.tasks)]]
    for label, cell in _ROWS:
        rows.append([label, *(cell(result) for result in report.tasks)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    machine = [report.device, f"MLX {report.mlx_version}", report.blas, f"Python {report.python_version}"]
    head = ", ".join(text for text in machine if text)
    tail = f"peak memory of the process {readable_size(report.peak_process_bytes)}"
    return "\n".join([head, "", *lines, "", tail])


def _spread(figure: Spread, unit: str, digits: int = 2) -> str:
    return f"{figure.median:.{digits}f}{unit} [{figure.low:.{digits}f} .. {figure.high:.{digits}f}]"


def _stage(figure: Spread) -> str:
    return _spread(figure, " s", 3) if figure.high > 0 else "-"


def _audio(result: TaskResult) -> str:
    return f"{result.audio_s:.2f} s"


def _as_reference(result: TaskResult) -> str:
    if result.streaming is None:
        return "-"
    return f"{_stage(result.streaming.reference_first_audio_s)}, {result.streaming.ratio.median:.1f} x the first output"


_ROWS = (
    ("audio", _audio),
    ("load", lambda result: f"{result.load_s:.3f} s"),
    ("tokenise", lambda result: _stage(result.encode_s)),
    ("prefill", lambda result: f"{_stage(result.prefill_s)}, {result.prompt_tokens} tokens"),
    ("decode", lambda result: f"{_stage(result.generate_s)}, {result.generated_tokens} tokens"),
    ("decode speed", lambda result: _spread(result.tokens_per_s, " tokens/s", 1)),
    ("vocoder", lambda result: _stage(result.decode_s)),
    ("total", lambda result: _stage(result.total_s)),
    ("RTF", lambda result: _spread(result.real_time_factor, "")),
    ("first output", lambda result: _stage(result.first_output_s)),
    ("after 50 codes", _as_reference),
    ("gaps when played", lambda result: "-" if result.streaming is None else str(result.streaming.underruns)),
    ("peak MLX memory", lambda result: readable_size(result.peak_memory_bytes)),
)
