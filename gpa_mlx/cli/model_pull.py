"""`gpa-mlx model pull` and `repair`: what needs the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gpa_mlx.cli.convert import conversion_options
from gpa_mlx.cli.inputs import require_model
from gpa_mlx.cli.options import json_option
from gpa_mlx.cli.output import write_json
from gpa_mlx.cli.program import Session
from gpa_mlx.cli.progress_bars import show_progress
from gpa_mlx.store.models import DEFAULT_REPO
from gpa_mlx.text.quantities import readable_size

if TYPE_CHECKING:
    from gpa_mlx_convert.install import Installed
    from gpa_mlx_convert.quantize import Bits, Dtype

_OFFLINE = click.option("--offline", is_flag=True, help="Use only what is here; fail at once if that is not enough.")


@click.command()
@click.argument("repo", default=DEFAULT_REPO)
@click.option("--name", help="What to call it.  [default: the repository's name]")
@click.option(
    "--revision",
    help="Branch, tag or commit.  [default: what is installed or begun, else what this version has pinned, else main]",
)
@click.option("--upgrade", is_flag=True, help="Ask the hub for the newest commit.")
@click.option("--keep-source", is_flag=True, help="Keep the upstream files after the conversion.")
@conversion_options
@_OFFLINE
@json_option
@click.pass_obj
def pull(
    session: Session,
    repo: str,
    name: str | None,
    revision: str | None,
    upgrade: bool,
    keep_source: bool,
    dtype: Dtype | None,
    lm_bits: Bits | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Download a model and convert it.

    REPO is a hub repository; without it, the published model. Interrupt it at any time: the same command goes on. What
    is installed and complete is left alone without asking the network. HF_ENDPOINT, HF_TOKEN and the proxy variables
    are honoured.
    """
    diagnostics = session.diagnostics
    if offline and upgrade:
        raise click.UsageError("--upgrade asks the hub, and --offline forbids it.")
    from gpa_mlx_convert import install

    conversion = None
    if dtype or lm_bits:
        from gpa_mlx_convert.pipeline import ConvertOptions
        from gpa_mlx_convert.quantize import default_dtype

        conversion = ConvertOptions(dtype or default_dtype(), lm_bits)
    job = install.PullJob(
        install.PullRequest(repo, name, revision, upgrade, keep_source, offline, conversion, session.source)
    )
    with show_progress() as display:
        display.follow(job.run())
    installed = job.result
    size = sum(file.size for file in installed.manifest.files.values())
    if as_json:
        write_json(_document(installed) | {"source": repo, "revision": installed.manifest.source.revision})
    words = "is installed" if installed.changed else "is installed already"
    diagnostics.inform(f"{installed.path.name} {words}: {installed.path} ({readable_size(size)})")


@click.command()
@click.argument("model", metavar="[NAME|DIR]", required=False)
@_OFFLINE
@json_option
@click.pass_obj
def repair(session: Session, model: str | None, offline: bool, as_json: bool) -> None:
    """Check every file of a model, and make it again from its source if one is damaged."""
    from gpa_mlx_convert import install

    diagnostics = session.diagnostics
    directory = require_model(session, model)
    job = install.RepairJob(directory, offline=offline)
    with show_progress() as display:
        display.follow(job.run())
    installed = job.result
    if as_json:
        write_json(_document(installed) | {"problems": list(installed.problems)})
    files = len(installed.manifest.files)
    if installed.changed:
        diagnostics.inform(f"repaired: all {files} files of {directory} are as they should be")
    else:
        diagnostics.inform(f"all {files} files of {directory} are as they were written")


def _document(installed: Installed) -> dict[str, object]:
    return {"name": installed.path.name, "path": str(installed.path), "changed": installed.changed}
