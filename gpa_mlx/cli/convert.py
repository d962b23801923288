"""`gpa-mlx convert`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.progress_bars import show_progress
from gpa_mlx.errors import ModelNotFoundError
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpa_mlx.cli.progress_bars import ProgressBars
    from gpa_mlx.store.manifest import Manifest
    from gpa_mlx_convert.pipeline import ConvertOptions
    from gpa_mlx_convert.quantize import Bits, Dtype


def conversion_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dtype` and `--lm-bits`; the command receives `dtype` and `lm_bits`, None where nothing is given."""
    options = [
        click.option(
            "--dtype",
            type=click.Choice(["float32", "bfloat16"]),
            help="Of the language model; encoders and codec always stay float32.  [default: float32]",
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
    from gpa_mlx_convert.pipeline import ConvertOptions
    from gpa_mlx_convert.pipeline import convert as convert_directory

    path, target = Path(source), destination.resolve()
    options = ConvertOptions(dtype=dtype or "float32", lm_bits=lm_bits, force=force)
    with show_progress() as display:
        if path.exists():
            if revision is not None:
                raise click.UsageError("--revision is for hub repositories, and SRC is a path.")
            manifest = convert_directory(path, target, options, on_progress=display.report)
        else:
            manifest = _convert_repository(source, revision, target, options, display)
    click.echo(f"wrote {destination} ({readable_size(sum(file.size for file in manifest.files.values()))})", err=True)
    if as_json:
        click.echo(json.dumps({"path": str(destination), **manifest.as_dict()}, ensure_ascii=False))


def _convert_repository(
    repo: str, revision: str | None, target: Path, options: ConvertOptions, display: ProgressBars
) -> Manifest:
    from gpa_mlx.store.hub.repository import is_repo_id
    from gpa_mlx.store.staging import check_destination
    from gpa_mlx_convert.hub_source import fetched, find_snapshot
    from gpa_mlx_convert.pipeline import convert as convert_directory

    if not is_repo_id(repo):
        raise ModelNotFoundError(
            f"{repo} is neither a directory here nor a repository on the hub.",
            hint="Give a directory, or a repository as owner/name; a private one needs HF_TOKEN.",
        )
    check_destination(target, force=options.force)  # now, not after gigabytes have arrived
    snapshot = find_snapshot(repo, revision, ask=False, offline=False)
    with fetched(snapshot, revision, target, on_progress=display.report, say=display.say) as folder:
        return convert_directory(
            folder, target, options, on_progress=display.report, source_label=repo, revision=snapshot.revision
        )
