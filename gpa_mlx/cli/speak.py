"""`gpa-mlx speak`: text to speech in a given voice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import open_engine, open_voice, read_text, require_voice, require_writable
from gpa_mlx.cli.options import (
    adapter_option,
    json_option,
    model_option,
    output_options,
    sampling_options,
    voice_option,
)
from gpa_mlx.cli.output import deliver_speech

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.diagnostics import Diagnostics
    from gpa_mlx.types import GenerationOptions


@click.command()
@click.argument("text", metavar="TEXT|-")
@voice_option
@model_option
@adapter_option
@output_options
@sampling_options
@click.option(
    "--no-normalize",
    is_flag=True,
    expose_value=False,
    help="Speak the text exactly as written; currently it always is.",
)
@json_option
@click.pass_obj
def speak(
    diagnostics: Diagnostics,
    *,
    text: str,
    voice: str,
    model: str | None,
    adapter: Path | None,
    output: Path,
    subtype: str,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say a text in the voice of a recording.

    TEXT is what to say; `-` reads it from standard input.
    """
    chosen = require_voice(voice, model)
    require_writable(output, *([chosen] if isinstance(chosen, Path) else []))
    text = read_text(text)
    with open_engine(model, adapter) as engine, diagnostics.working("speaking"):
        options = choose(engine.default_options("speak"))
        speech = engine.speak(text, voice=open_voice(engine, chosen), options=options)
    deliver_speech(speech, output, subtype=subtype, as_json=as_json, diagnostics=diagnostics)
