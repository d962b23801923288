"""`gpa-mlx model`: what is installed, and what is known about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gpa_mlx.cli.inputs import require_model
from gpa_mlx.cli.model_pull import pull, repair
from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import say, write_json
from gpa_mlx.cli.program import Session
from gpa_mlx.cli.progress_bars import show_progress
from gpa_mlx.text.printable import printable_line
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from gpa_mlx.store.manifest import Manifest
    from gpa_mlx.store.models import InstalledModel

_MODEL = click.argument("model", metavar="[NAME|DIR]", required=False)


@click.group()
def model() -> None:
    """Install, describe, check, repair and remove models.

    Installed models are used by name (`--model NAME`), the default one without naming it. Once a model is installed,
    nothing asks the network.
    """


model.add_command(pull)
model.add_command(repair)


@model.command("list")
@json_option
@click.pass_obj
def list_models(session: Session, as_json: bool) -> None:
    """List the installed models; a star marks the default."""
    from gpa_mlx.jobs.models import default_model
    from gpa_mlx.store.models import installed_models

    diagnostics = session.diagnostics
    found, default = installed_models(), default_model(session.settings)
    if as_json:
        write_json({"default": default, "models": [_document(each, default) for each in found]})
        return
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        star = "*" if each.name == default else " "
        say(f"{star} {each.name:<{width}}  {_line(each)}")
    if not found:
        diagnostics.inform(
            "no model is installed; `gpa-mlx model pull` installs the published one, and `--model demo` is the one "
            "that ships: it hears and says twenty words"
        )


@model.command()
@_MODEL
@json_option
@click.pass_obj
def info(session: Session, model: str | None, as_json: bool) -> None:
    """Say what a model holds and where it came from."""
    from gpa_mlx.store.manifest import require_converted

    directory = require_model(session, model)
    manifest = require_converted(directory)
    if as_json:
        write_json({"path": str(directory), **manifest.as_dict()})
        return
    say(f"model      {manifest.model_name} ({manifest.model_family})")
    say(f"source     {manifest.source.location}{f' @ {rev}' if (rev := manifest.source.revision) else ''}")
    say(f"converter  gpa-mlx {manifest.converter_version}, format {manifest.format_version}")
    say(f"size       {readable_size(_size(manifest))} in {len(manifest.files)} files")
    for name, part in manifest.parts.items():
        stored = part.dtype if part.bits is None else f"{part.bits} bits, {part.dtype} scales"
        say(f"{name:<14} {part.parameters / 1e6:9.2f} M parameters, {part.tensors} tensors, {stored}")


@model.command()
@_MODEL
@json_option
@click.pass_obj
def verify(session: Session, model: str | None, as_json: bool) -> None:
    """Compare every file of a model with the size and SHA-256 recorded when it was written."""
    from gpa_mlx.errors import ModelFormatError
    from gpa_mlx.store.manifest import read_manifest, stream_verify_files
    from gpa_mlx.store.progress import Steps

    directory = require_model(session, model)
    with show_progress() as display:
        for step in (checking := Steps(stream_verify_files(directory))):
            display.report("files", step.done, step.total)
    problems = checking.result
    files = len(read_manifest(directory).files)
    if as_json:
        write_json({"path": str(directory), "ok": not problems, "files": files, "problems": problems})
    if problems:
        raise ModelFormatError(
            f"{len(problems)} of {files} files of {directory} are damaged: {'; '.join(problems)}.",
            hint=f"Run `gpa-mlx model repair {model or directory.name}`.",
        )
    say(f"all {files} files of {directory} are as they were written", err=True)


@model.command()
@_MODEL
@json_option
@click.pass_obj
def path(session: Session, model: str | None, as_json: bool) -> None:
    """Print the directory of a model."""
    directory = require_model(session, model).resolve()
    if as_json:
        write_json({"path": str(directory)})
    else:
        say(str(directory))


@model.command()
@click.argument("name", required=False)
@json_option
@click.pass_obj
def default(session: Session, name: str | None, as_json: bool) -> None:
    """Choose the model that is used when none is named; without NAME, print which one it is."""
    from gpa_mlx.jobs.models import default_model, set_default
    from gpa_mlx.store.models import changing, is_changing

    diagnostics = session.diagnostics
    if name is not None:
        if is_changing():
            diagnostics.inform("waiting for another gpa-mlx")
        with changing():
            set_default(name)
    chosen = default_model(session.settings)
    if as_json:
        write_json({"default": chosen})
    elif name is not None:
        diagnostics.inform(f"{name} is used when no model is named")
    else:
        require_model(session, None)
        say(str(chosen))


@model.command()
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def remove(session: Session, name: str, yes: bool, as_json: bool) -> None:
    """Remove an installed model from the disk."""
    from gpa_mlx.store import models

    diagnostics = session.diagnostics
    directory = models.require_installed(name)
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here: add --yes.")
        question = printable_line(f"Remove {directory} ({readable_size(size)})?")
        click.confirm(question, abort=True, err=True)
    from gpa_mlx.jobs.events import StepStarted
    from gpa_mlx_convert import install

    for event in install.RemoveJob(name).run():
        if isinstance(event, StepStarted):
            diagnostics.inform(event.step)
    if as_json:
        write_json({"removed": name, "size": size})
    diagnostics.inform(f"removed {name} ({readable_size(size)})")


def _line(each: InstalledModel) -> str:
    if each.manifest is None or each.problem:
        return f"damaged: {each.problem} Run `gpa-mlx model repair {each.name}`."
    source, part = each.manifest.source, each.manifest.parts.get("lm")
    words = [f"{readable_size(_size(each.manifest)):>9}"]
    if part is not None:
        words.append(part.dtype if part.bits is None else f"{part.bits} bits")
    words.append(source.location + (f" @ {source.revision[:7]}" if source.revision else ""))
    return "  ".join(words)


def _document(each: InstalledModel, default: str | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": each.name,
        "path": str(each.path),
        "default": each.name == default,
        "problem": each.problem,
    }
    if each.manifest is not None:
        source, part = each.manifest.source, each.manifest.parts.get("lm")
        document |= {"size": _size(each.manifest), "source": source.location, "revision": source.revision}
        document |= {"dtype": part.dtype, "lm_bits": part.bits} if part else {}
    return document


def _size(manifest: Manifest) -> int:
    return sum(file.size for file in manifest.files.values())
