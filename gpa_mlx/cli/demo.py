"""`gpa-mlx demo`: every task once, with the model that ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.inputs import open_engine
from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import timings_document, write_json
from gpa_mlx.model.demo import NAME, SENTENCE, WORDS, demo_model, demo_voices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.jobs.demo import DemoEvent, DemoStepDone
    from gpa_mlx.types import Task, Timings, Voice


@click.command()
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("gpa-mlx-demo"),
    show_default=True,
    help="Folder for the recordings; created if needed.",
)
@click.option("--force", is_flag=True, help="Use a folder that is not empty, and replace recordings of the same names.")
@json_option
@click.pass_obj
def demo(session: Session, *, folder: Path, force: bool, as_json: bool) -> None:
    """Show everything the program does in twenty seconds.

    A small model that ships with the program and knows twenty words transcribes a recording, speaks in two voices and
    changes a voice. What it made is transcribed again, and shown as it was heard, right or wrong. Its files say in
    themselves that they are synthetic; `gpa-mlx verify` reads it.
    """
    from gpa_mlx.jobs.demo import DemoJob, prepare_folder

    model = demo_model()
    prepare_folder(folder, force=force)
    steps: list[DemoStepDone] = []
    with open_engine(session, NAME) as engine:
        events = DemoJob(engine, folder).run()
        # A step is shown while nothing goes on: the sign that work goes on would run into it.
        while (step := _next_step(events, session.diagnostics)) is not None:
            steps.append(step)
            if not as_json:
                _show(step)
    if as_json:
        write_json({"model": str(model), "steps": [_document(step) for step in steps]})
    else:
        _show_commands(demo_voices()[0])


def _next_step(events: Iterator[DemoEvent], diagnostics: Diagnostics) -> DemoStepDone | None:
    """Let the job go on up to the next step that is done; None at its end."""
    from gpa_mlx.jobs.demo import DemoStepDone
    from gpa_mlx.jobs.events import StepStarted

    with diagnostics.working("loading the demo model") as show:
        for event in events:
            if isinstance(event, StepStarted):
                show(event.step)
            elif isinstance(event, DemoStepDone):
                return event
    return None


def _document(step: DemoStepDone) -> dict[str, Any]:
    return {
        "task": step.task,
        "file": str(step.file),
        "voice": step.voice,
        "said": step.said,
        "heard": step.transcript,
        "duration_s": step.transcription.audio_s,
        "making": None if step.generation is None else timings_document(step.generation),
        "hearing": timings_document(step.transcription),
    }


_TITLES: dict[Task, str] = {
    "transcribe": "Transcribe a recording of {voice}",
    "speak": "Speak as {voice}",
    "vc": "Change the voice of the recording to {voice}",
}


def _show(step: DemoStepDone) -> None:
    from rich.table import Table
    from rich.text import Text  # as plain text: brackets in file names are not markup

    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("file", Text(str(step.file)))
    rows.add_row("said", Text(step.said))
    rows.add_row(
        "heard", Text(step.transcript or "(nothing)", style="green" if step.transcript == step.said else "yellow")
    )
    if step.generation is not None:
        rows.add_row("made", _duration(step.generation))
    rows.add_row("listened", _duration(step.transcription))
    console = _console()
    console.print(Text(_TITLES[step.task].format(voice=step.voice), style="bold"))
    console.print(rows)
    console.print()


def _show_commands(voice: Voice) -> None:
    from rich.text import Text

    console = _console()
    console.print(Text("The same with your own files", style="bold"))
    for command in (
        f"gpa-mlx transcribe FILE.wav --model {NAME}",
        f'gpa-mlx speak "{SENTENCE}" --voice {voice.name} --model {NAME} -o OUT.wav',
        f"gpa-mlx vc FILE.wav --voice {voice.name} --model {NAME} -o OUT.wav",
    ):
        console.print(Text(command), soft_wrap=True)  # the terminal may fold it, a copy of it stays one line
    console.print()
    console.print(Text(f"This model knows {len(WORDS)} words: {', '.join(WORDS)}."))
    console.print(Text("For all others, convert the published one: gpa-mlx convert --help"))


def _duration(timings: Timings) -> str:
    return f"{timings.audio_s:.2f} s of audio in {timings.processing_s:.2f} s (RTF {timings.real_time_factor:.2f})"


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
