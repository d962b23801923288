"""`gpa-mlx convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.output import say
from gpa_mlx.cli.progress_bars import show_progress
from gpa_mlx.text.printable import to_json
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx_convert.quantize import Bits, Dtype


def conversion_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dtype` and `--lm-bits`; the command receives `dtype` and `lm_bits`, None where nothing is given."""
    options = [
        click.option(
            "--dtype",
            type=click.Choice(["float32", "bfloat16"]),
            help="Of the language model; encoders and codec stay float32.  [default: float32, with Metal bfloat16]",
        ),
        click.option(
            "--lm-bits",
            type=click.Choice([4, 6, 8]),
            help="Quantise the language model's matrices to so many bits (its embedding to at least 8).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("source", metavar="SRC")
@click.option(
    "-o",
    "--output",
    "destination",
    metavar="DST",
    required=True,
    type=click.Path(path_type=Path),
    help="Directory to create.",
)
@click.option("--revision", help="Branch, tag or commit of a hub repository.")
@conversion_options
@click.option("--force", is_flag=True, help="Replace DST if it is a converted model.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
def convert(
    source: str,
    destination: Path,
    revision: str | None,
    dtype: Dtype | None,
    lm_bits: Bits | None,
    force: bool,
    as_json: bool,
) -> None:
    """Convert an upstream checkpoint to MLX.

    SRC is a directory or a hub repository such as AutoArk-AI/GPA. DST appears only when it is complete:
    interrupt the command at any time and nothing is half-written.
    """
    from gpa_mlx_convert.install import ConvertModelJob, ConvertModelRequest
    from gpa_mlx_convert.pipeline import ConvertOptions
    from gpa_mlx_convert.quantize import default_dtype

    if revision is not None and Path(source).exists():
        raise click.UsageError("--revision is for hub repositories, and SRC is a path.")
    options = ConvertOptions(dtype=dtype or default_dtype(), lm_bits=lm_bits, force=force)
    job = ConvertModelJob(ConvertModelRequest(source, destination.absolute(), revision, options))
    with show_progress() as display:
        display.follow(job.run())
    manifest = job.result
    say(f"wrote {destination} ({readable_size(sum(file.size for file in manifest.files.values()))})", err=True)
    if as_json:
        say(to_json({"path": str(destination), **manifest.as_dict()}))
