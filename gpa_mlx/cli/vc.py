"""`gpa-mlx vc`: voice conversion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.inputs import open_engine, open_voice, require_audio, require_voice, require_writable
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
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@voice_option
@model_option
@adapter_option
@output_options
@sampling_options
@click.option("--no-normalize", is_flag=True, expose_value=False, hidden=True)  # scripts share options with speak
@json_option
@click.pass_obj
def vc(
    diagnostics: Diagnostics,
    *,
    source: Path,
    voice: str,
    model: str | None,
    adapter: Path | None,
    output: Path,
    subtype: str,
    as_json: bool,
    choose: Callable[[GenerationOptions], GenerationOptions],
) -> None:
    """Say what a recording says in another voice.

    SRC is the recording whose words and timing are kept.
    """
    require_audio(source)
    chosen = require_voice(voice, model)
    require_writable(output, source, *([chosen] if isinstance(chosen, Path) else []))
    with open_engine(model, adapter) as engine, diagnostics.working("converting the voice"):
        options = choose(engine.default_options("vc"))
        speech = engine.convert_voice(source, voice=open_voice(engine, chosen), options=options)
    deliver_speech(speech, output, subtype=subtype, as_json=as_json, diagnostics=diagnostics)
