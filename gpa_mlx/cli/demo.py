"""`gpa-mlx demo`: every task once, with the model that ships."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from gpa_mlx.cli.inputs import open_engine
from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import timings_document, write_json
from gpa_mlx.errors import SettingsError
from gpa_mlx.model.demo import NAME, WORDS, DemoSample, demo_model, demo_samples, demo_voices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.engine.gpa import GPA
    from gpa_mlx.types import GenerationOptions, Speech, Task, Timings, Voice

_SENTENCE = "three two one go"
_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing the program did, and what it then heard.

    Attributes:
        task: What was done.
        file: The recording that was transcribed in the end.
        voice: Name of who speaks in it.
        said: The words that are in it, or should be.
        heard: The words that were transcribed.
        making: Where the time went to make the file; None where it was there before.
        hearing: Where the time went to transcribe it.
    """

    task: Task
    file: Path
    voice: str
    said: str
    heard: str
    making: Timings | None
    hearing: Timings


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
    diagnostics = session.diagnostics
    sample, voices = demo_samples()[0], demo_voices()
    _prepare(folder, force=force)
    steps = []
    with open_engine(session, NAME) as engine:
        for step in _perform(engine, folder, sample, voices, diagnostics):
            steps.append(step)
            if not as_json:
                _show(step)
    if as_json:
        write_json({"model": str(demo_model()), "steps": [_document(step) for step in steps]})
    else:
        _show_commands(voices[0])


def _prepare(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is not a directory.", hint="Choose another place with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not force:
        raise SettingsError(
            f"{folder} is not empty.", hint="Choose another folder with --out, or write into this one with --force."
        )


def _perform(
    engine: GPA, folder: Path, sample: DemoSample, voices: Sequence[Voice], diagnostics: Diagnostics
) -> Iterator[Step]:
    """Do one thing after the other; nothing else is shown while the caller looks at a step."""
    from dataclasses import asdict, replace

    from gpa_mlx.audio.files.wav import write_wav
    from gpa_mlx.provenance.metadata import GenerationMetadata
    from gpa_mlx.provenance.tagging import identify_model, identify_voice, tag_file

    def write(speech: Speech, task: Literal["speak", "vc"], voice: Voice, options: GenerationOptions) -> Path:
        """Write a marked file; the folder stays tidy without records, this command repeats everything."""
        file = folder / f"{task}-{voice.name}.wav"
        write_wav(file, speech.audio, speech.sample_rate)
        sampling = asdict(options)
        seed = sampling.pop("seed")
        making = GenerationMetadata(task=task, model=weights, voice=identify_voice(voice), seed=seed, options=sampling)
        tag_file(file, making, sidecar=False)
        return file

    def hear(task: Task, file: Path, voice: str, said: str, made: Speech | None) -> Step:
        transcription = engine.transcribe(file)
        return Step(
            task=task,
            file=file,
            voice=voice,
            said=said,
            heard=transcription.text.strip(),
            making=None if made is None else made.timings,
            hearing=transcription.timings,
        )

    with diagnostics.working("loading the demo model"):
        # Before the first step, whose time would count it.
        engine.warm("transcribe")
        engine.warm("vc")
    weights = identify_model(engine.path)
    with diagnostics.working("listening"):
        source = folder / sample.file.name
        source.unlink(missing_ok=True)  # a link is replaced, not followed
        shutil.copyfile(sample.file, source)
        step = hear("transcribe", source, sample.voice, sample.text, None)
    yield step
    options = replace(engine.default_options("speak"), seed=_SEED)
    for voice in (voices[0], voices[-1]):
        with diagnostics.working(f"speaking as {voice.name}"):
            speech = engine.speak(_SENTENCE, voice=voice, options=options)
            file = write(speech, "speak", voice, options)
            step = hear("speak", file, voice.name, _SENTENCE, speech)
        yield step
    target = next(voice for voice in voices if voice.name != sample.voice)
    with diagnostics.working(f"changing the voice to {target.name}"):
        options = replace(engine.default_options("vc"), seed=_SEED)
        speech = engine.convert_voice(source, voice=target, options=options)
        file = write(speech, "vc", target, options)
        step = hear("vc", file, target.name, sample.text, speech)
    yield step


def _document(step: Step) -> dict[str, Any]:
    return {
        "task": step.task,
        "file": str(step.file),
        "voice": step.voice,
        "said": step.said,
        "heard": step.heard,
        "duration_s": step.hearing.audio_s,
        "making": None if step.making is None else timings_document(step.making),
        "hearing": timings_document(step.hearing),
    }


_TITLES: dict[Task, str] = {
    "transcribe": "Transcribe a recording of {voice}",
    "speak": "Speak as {voice}",
    "vc": "Change the voice of the recording to {voice}",
}


def _show(step: Step) -> None:
    from rich.table import Table
    from rich.text import Text  # as plain text: brackets in file names are not markup

    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("file", Text(str(step.file)))
    rows.add_row("said", Text(step.said))
    rows.add_row("heard", Text(step.heard or "(nothing)", style="green" if step.heard == step.said else "yellow"))
    if step.making is not None:
        rows.add_row("made", _duration(step.making))
    rows.add_row("listened", _duration(step.hearing))
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
        f'gpa-mlx speak "{_SENTENCE}" --voice {voice.name} --model {NAME} -o OUT.wav',
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
