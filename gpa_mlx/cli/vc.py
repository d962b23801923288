"""`gpa-mlx vc`: voice conversion of recordings of any length."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.audio.files.existing import require_audio
from gpa_mlx.cli.inputs import STANDARD_INPUT, introduce, name_voice, open_engine, require_voice
from gpa_mlx.cli.options import (
    InputFile,
    adapter_option,
    json_option,
    model_option,
    sampling_options,
    speech_options,
    track_option,
    voice_option,
)
from gpa_mlx.cli.output import write_json
from gpa_mlx.cli.progress import Progress
from gpa_mlx.cli.speech_output import (
    Destination,
    SpeechOutput,
    named_output,
    refuse_idle_options,
    replaces_file,
    report_parts,
    report_verdict,
)
from gpa_mlx.text.quantities import readable_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.cli.program import Session
    from gpa_mlx.jobs.convert import ConvertJob
    from gpa_mlx.types import GenerationOptions

_MOST_DIFFERENCE = 0.05
"""Share of the source's length by which the result may differ without a word."""


@click.command()
@click.argument("source", metavar="SRC|-", type=InputFile())
@voice_option
@model_option
@adapter_option
@speech_options
@sampling_options
@track_option
@json_option
@click.pass_obj
def vc(
    session: Session,
    *,
    source: Path,
    voice: str | None,
    model: str | None,
    adapter: Path | None,
    output: Path | None,
    play: bool,
    subtype: str,
    sidecar: bool,
    verify: bool,
    retries: int,
    track: int | None,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say what a recording says in another voice.

    SRC is the recording whose words and timing are kept; `-` is standard input. It may be of any length: it is
    converted segment by segment, and what went wrong is done again. With --no-constrain it is converted in one go,
    exactly as the reference does. With --verify the exit code is 1 when nothing of the result was understood.

    A finished file says in itself that it is synthetic, and OUT.wav.json beside it how it was made;
    `gpa-mlx verify OUT.wav` reads both. Standard output gets neither.
    """
    from gpa_mlx.types import GenerationOptions

    diagnostics = session.diagnostics
    is_piped = str(source) == STANDARD_INPUT
    if not is_piped:
        require_audio(source)
    voice = name_voice(session, voice)
    output = named_output(output)
    refuse_idle_options(output=output, play=play, verify=verify, constrain=choose(GenerationOptions()).constrain)
    destination = Destination(
        output=output,
        play=play,
        subtype=subtype,
        sidecar=sidecar,
        loudspeaker=session.settings.loudspeaker if play else None,
    )
    destination.check(
        *([] if is_piped else [source]), *([Path(voice)] if Path(voice).is_file() else []), as_json=as_json
    )
    chosen = require_voice(session, voice, model)
    from gpa_mlx.cli.standard_input import standard_input
    from gpa_mlx.jobs.convert import ConvertJob, ConvertRequest
    from gpa_mlx.jobs.recordings import file_input
    from gpa_mlx.synthesis.conversion import ConversionSettings
    from gpa_mlx.types import AudioFile

    introduce(session, model)
    recording = standard_input() if is_piped else file_input(source)
    with open_engine(session, model, adapter) as engine, recording.readable() as file:
        name = recording.label if is_piped else None
        request = ConvertRequest(
            source=file if name is None and track is None else AudioFile(os.fspath(file), track=track, name=name),
            voice=chosen,
            options=choose(engine.default_options("vc")),
            settings=ConversionSettings(retries=retries, verify=verify, live=play and not verify),
            adapter=adapter,
            output=destination.target,
        )
        job = ConvertJob(engine, request)
        with SpeechOutput(destination, expected_s=job.source_s) as speech:
            _run(job, speech, diagnostics)
    diagnostics.inform(speech.describe(job.result))
    _report(job, diagnostics)
    if as_json:
        write_json(speech.document("segments", job.result))
    if code := report_verdict(job.result.parts, diagnostics):
        raise click.exceptions.Exit(code)


def _run(job: ConvertJob, speech: SpeechOutput, diagnostics: Diagnostics) -> None:
    """Show what the job does, and play and pipe what it makes."""
    from gpa_mlx.jobs.events import AudioChunk, Finished, GenerationStarted, ReplacesFile, StepStarted
    from gpa_mlx.jobs.events import Progress as Reached

    is_converting = False
    try:
        with diagnostics.working("loading") as show, closing(job.run()) as events:
            progress = Progress(show, "converting", job.source_s)
            for event in events:
                match event:
                    case GenerationStarted():
                        is_converting = True
                        progress = Progress(show, "converting", job.source_s)
                        show("converting")
                        speech.open()
                    case ReplacesFile(path=path):
                        diagnostics.note(replaces_file(path))
                    case AudioChunk(audio=audio):
                        speech.append(audio)
                    case Reached(position_s=position_s):
                        progress.reach(position_s)
                    case StepStarted(step=step):
                        show(step)
                    case Finished():
                        speech.wait(show)
                    case _:
                        pass
    except KeyboardInterrupt:
        if is_converting and not job.result.is_complete:
            diagnostics.note(f"stopped at {readable_duration(job.position_s)} of the source.")
        raise


def _report(job: ConvertJob, diagnostics: Diagnostics) -> None:
    segments = job.result.parts
    report_parts({f"from {readable_duration(segment.source_start_s)} on": segment for segment in segments}, diagnostics)
    for segment in segments:
        if segment.stopped_early and segment.finish_reason == "stop":
            made_s, asked_s = segment.end_s - segment.start_s, segment.source_end_s - segment.source_start_s
            diagnostics.note(
                f"from {readable_duration(segment.source_start_s)} on: the model stopped early, after {made_s:.1f} of "
                f"{asked_s:.1f} s; try another seed, or --verify."
            )
    made_s, source_s = job.result.duration_s, job.source_s
    if source_s and abs(made_s / source_s - 1) > _MOST_DIFFERENCE:
        diagnostics.note(f"the result lasts {made_s:.2f} s, the source {source_s:.2f} s.")
