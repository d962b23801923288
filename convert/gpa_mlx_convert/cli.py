"""`gpa-mlx convert` and `gpa-mlx model`."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpa_mlx.manifest import Manifest
    from gpa_mlx_convert.quantize import Bits, Dtype

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
_DIRECTORY = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))


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
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the language model; encoders and codec always stay float32.",
)
@click.option(
    "--lm-bits",
    type=click.Choice([4, 6, 8]),
    help="Quantise the language model's matrices to so many bits (its embedding to at least 8).",
)
@click.option("--force", is_flag=True, help="Replace DST if it is a converted model.")
@_AS_JSON
def convert(
    source: str,
    destination: Path,
    revision: str | None,
    dtype: Dtype,
    lm_bits: Bits | None,
    force: bool,
    as_json: bool,
) -> None:
    """Convert an upstream checkpoint to MLX.

    SRC is a directory or a hub repository such as AutoArk-AI/GPA. DST appears only when it is complete:
    interrupt the command at any time and nothing is half-written.
    """
    path, label = Path(source), None
    if path.exists():
        if revision is not None:
            raise click.UsageError("--revision is for hub repositories, and SRC is a path.")
    else:
        from gpa_mlx_convert.hub_source import fetch_source
        from gpa_mlx_convert.staging import check_destination

        check_destination(destination.resolve(), force=force)  # now, not after gigabytes have arrived
        path, revision = fetch_source(source, revision)
        label = source
    from gpa_mlx_convert.pipeline import ConvertOptions
    from gpa_mlx_convert.pipeline import convert as convert_directory

    options = ConvertOptions(dtype=dtype, lm_bits=lm_bits, force=force)
    with _progress() as on_progress:
        manifest = convert_directory(
            path, destination, options, on_progress=on_progress, source_label=label, revision=revision
        )
    click.echo(f"wrote {destination} ({_gigabytes(_total_size(manifest))})", err=True)
    if as_json:
        _write_json({"path": str(destination), **manifest.as_dict()})


@click.group()
def model() -> None:
    """Describe and check converted models."""


@model.command()
@_DIRECTORY
@_AS_JSON
def info(directory: Path, as_json: bool) -> None:
    """Say what DIR holds and where it came from."""
    from gpa_mlx.manifest import require_converted

    manifest = require_converted(directory)
    if as_json:
        _write_json({"path": str(directory), **manifest.as_dict()})
        return
    click.echo(f"model      {manifest.model_name} ({manifest.model_family})")
    click.echo(f"source     {manifest.source.location}{f' @ {rev}' if (rev := manifest.source.revision) else ''}")
    click.echo(f"converter  gpa-mlx {manifest.converter_version}, format {manifest.format_version}")
    click.echo(f"size       {_gigabytes(_total_size(manifest))} in {len(manifest.files)} files")
    for name, part in manifest.parts.items():
        stored = part.dtype if part.bits is None else f"{part.bits} bits, {part.dtype} scales"
        click.echo(f"{name:<14} {part.parameters / 1e6:9.2f} M parameters, {part.tensors} tensors, {stored}")


@model.command()
@_DIRECTORY
@_AS_JSON
def verify(directory: Path, as_json: bool) -> None:
    """Compare every file of DIR with the size and SHA-256 recorded when it was written."""
    from gpa_mlx.errors import ModelFormatError
    from gpa_mlx.manifest import read_manifest, verify_files

    with _progress() as on_progress:
        problems = verify_files(directory, lambda done, total: on_progress("files", done, total))
    files = len(read_manifest(directory).files)
    if as_json:
        _write_json({"path": str(directory), "ok": not problems, "files": files, "problems": problems})
    if problems:
        raise ModelFormatError(
            f"{len(problems)} of {files} files of {directory} are damaged: {'; '.join(problems)}.",
            hint="Convert the model again with --force.",
        )
    click.echo(f"all {files} files of {directory} are as they were written", err=True)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar per part on standard error while the block runs; nothing when that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done)

        yield report


def _total_size(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files.values())


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _write_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
