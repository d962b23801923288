"""`gpa-mlx tokenize` and `gpa-mlx detokenize`: recordings to discrete audio tokens and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.audio.files.existing import require_audio
from gpa_mlx.cli.inputs import STANDARD_INPUT, open_engine, read_source
from gpa_mlx.cli.options import InputFile, json_option, model_option, output_options, track_option
from gpa_mlx.cli.output import say, write_json

if TYPE_CHECKING:
    from gpa_mlx.cli.program import Session
    from gpa_mlx.types import AudioTokens


@click.command()
@click.argument("file", metavar="FILE|-", type=InputFile())
@model_option
@track_option
@json_option
@click.pass_obj
def tokenize(session: Session, *, file: Path, model: str | None, track: int | None, as_json: bool) -> None:
    """Turn a recording into discrete audio tokens.

    FILE is a recording; `-` is standard input. GLM tokens carry the words (12.5 a second), semantic tokens the sound
    (50 a second), global tokens the speaker.
    """
    diagnostics = session.diagnostics
    is_piped = str(file) == STANDARD_INPUT
    if not is_piped:
        require_audio(file)
    from gpa_mlx.cli.standard_input import standard_input
    from gpa_mlx.jobs.recordings import file_input
    from gpa_mlx.types import AudioFile

    recording = standard_input() if is_piped else file_input(file)
    with (
        open_engine(session, model) as engine,
        diagnostics.working(f"tokenizing {recording.label}"),
        recording.readable() as readable,
    ):
        tokens = engine.tokenize(AudioFile(os.fspath(readable), track=track, name=recording.label))
        sample_rate = engine.sample_rate
    if tokens.glm_duration_s < tokens.duration_s:
        diagnostics.note(f"GLM tokens cover the first {tokens.glm_duration_s:g} s only, the tokenizer's limit.")
    if as_json:
        write_json(
            {
                "sample_rate": sample_rate,
                "duration_s": tokens.duration_s,
                "glm": tokens.glm.tolist(),
                "semantic": tokens.semantic.tolist(),
                "global": tokens.global_tokens.tolist(),
            }
        )
    else:
        say(_table(tokens))


@click.command()
@click.argument("tokens", metavar="TOKENS.json|-")
@model_option
@output_options
@click.pass_obj
def detokenize(session: Session, *, tokens: str, model: str | None, output: Path, subtype: str, sidecar: bool) -> None:
    """Turn discrete audio tokens into a sound file.

    TOKENS.json holds an object with the lists `semantic` and `global`; `-` reads it from standard input. The decoder's
    output is written as it is. A finished file says in itself that it was decoded from tokens, and OUT.wav.json beside
    it from which; `gpa-mlx verify OUT.wav` reads both. Standard output gets neither.
    """
    from gpa_mlx.cli.speech_output import Destination, SpeechOutput, named_output, replaces_file
    from gpa_mlx.jobs.detokenize import DetokenizeJob, DetokenizeRequest, parse_tokens
    from gpa_mlx.jobs.events import AudioChunk, ReplacesFile

    codes = parse_tokens(read_source(tokens), "standard input" if tokens == STANDARD_INPUT else tokens)
    destination = Destination(output=named_output(output), play=False, subtype=subtype, sidecar=sidecar)
    destination.check(*([] if tokens == STANDARD_INPUT else [Path(tokens)]), as_json=False)
    with (
        open_engine(session, model) as engine,
        session.diagnostics.working("decoding"),
        SpeechOutput(destination) as speech,
    ):
        job = DetokenizeJob(engine, DetokenizeRequest(tokens=codes, output=destination.target))
        for event in job.run():
            if isinstance(event, AudioChunk):
                speech.open()
                speech.append(event.audio)
            elif isinstance(event, ReplacesFile):
                session.diagnostics.note(replaces_file(event.path))
    session.diagnostics.inform(f"{destination.name}: {job.duration_s:.2f} s")


def _table(tokens: AudioTokens) -> str:
    rows = [f"duration {tokens.duration_s:8.2f} s"]
    for name, codes in (("glm", tokens.glm), ("semantic", tokens.semantic), ("global", tokens.global_tokens)):
        more = " ..." if len(codes) > 8 else ""
        rows.append(f"{name:<8} {len(codes):8d} codes: {' '.join(map(str, codes[:8]))}{more}")
    return "\n".join(rows)
