"""Installed models: made from a hub repository, kept at their commit, made again when they are damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.jobs.models import default_model, remove_model, set_default
from gpa_mlx.settings import SettingsSource
from gpa_mlx.store import models, paths
from gpa_mlx.store.hub.copies import drop_copies, find_copy, sweep_copies
from gpa_mlx.store.manifest import MANIFEST_NAME, Manifest, read_manifest, require_converted, sha256_of, verify_files
from gpa_mlx.store.models import Origin
from gpa_mlx.store.staging import recover
from gpa_mlx_convert.hub_source import fetched, find_snapshot
from gpa_mlx_convert.pipeline import ConvertOptions, Progress, convert

if TYPE_CHECKING:
    from gpa_mlx_convert.quantize import Bits, Dtype


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears how it goes.

    Attributes:
        progress: The part's name, bytes done and bytes in total.
        say: One line per step.
    """

    progress: Progress = lambda name, done, total: None
    say: Callable[[str], None] = lambda line: None

    def wait(self) -> None:
        """Say that another process is at work."""
        self.say("waiting for another gpa-mlx that changes the installed models")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to install.

    Attributes:
        repo: Hub repository.
        name: What to call it; None derives it from the repository.
        revision: Branch, tag or commit; None stays at what is installed or begun, or takes the main branch.
        upgrade: Ask the hub for the newest commit of the branch that was asked for.
        keep_source: Keep the upstream files.
        offline: Use only what is here.
        conversion: How to convert; None keeps what is installed, or takes the defaults.
        settings: Say whether there is a default model already.
    """

    repo: str = models.DEFAULT_REPO
    name: str | None = None
    revision: str | None = None
    upgrade: bool = False
    keep_source: bool = False
    offline: bool = False
    conversion: ConvertOptions | None = None
    settings: SettingsSource = field(default_factory=SettingsSource)


@dataclass(frozen=True, slots=True)
class Installed:
    """The result of installing or repairing.

    Attributes:
        path: The model's folder.
        manifest: What it consists of.
        changed: Whether anything had to be done.
        problems: What was damaged, one line per file.
    """

    path: Path
    manifest: Manifest
    changed: bool
    problems: tuple[str, ...] = ()


def pull(request: PullRequest, listener: Listener) -> Installed:
    """Install a model, or go on with it; what is installed and complete needs no network.

    At every moment, even when the process is killed, the model is absent, what it was before, or the whole new one;
    the next call goes on with what has been downloaded. The first model that is installed becomes the default one.

    Raises:
        SettingsError: The name cannot be used.
        ModelNotFoundError: No such repository or revision, or it is not open to this user.
        ModelFormatError: The repository holds no complete GPA checkpoint, or a damaged one.
        GPAError: The hub cannot be reached or may not be asked, the download failed, or the disk is full.
    """
    name = request.name or models.name_for(request.repo)
    target = models.folder_of(name)
    with models.changing(listener.wait):
        recover(target)
        known = models.read_origin(name)
        if known is not None and known.repo != request.repo and not target.exists():
            known = None  # begun from another repository and given up
        if target.exists() and (known is None or known.repo != request.repo):
            raise SettingsError(
                f"A model '{name}' is installed already, and not from {request.repo}.",
                hint="Choose another name with --name, or remove that one with `gpa-mlx model remove`.",
            )
        installed = _whole(target)
        wanted = _wanted(request, known)
        if not request.upgrade and wanted.revision and _is_made_as(installed, wanted):
            _tidy(wanted, request.keep_source)
            return _unchanged(target, installed)
        snapshot = find_snapshot(
            request.repo, wanted.revision or wanted.requested, ask=request.upgrade, offline=request.offline
        )
        wanted = replace(wanted, revision=snapshot.revision)
        if _is_made_as(installed, wanted):
            models.write_origin(name, wanted)
            _tidy(wanted, request.keep_source)
            return _unchanged(target, installed)
        # Written before the work begins: the next pull goes on with this commit, whatever the hub has by then.
        models.write_origin(name, wanted)
        with fetched(
            snapshot,
            wanted.requested,
            target,
            keep=request.keep_source,
            offline=request.offline,
            on_progress=listener.progress,
            say=listener.say,
        ) as folder:
            manifest = _make(folder, target, wanted, listener)
        if default_model(request.settings.load().settings) in (None, name):
            set_default(name)
    return Installed(target, manifest, changed=True)


def remove(name: str, listener: Listener) -> None:
    """Remove an installed model, and the upstream files that were kept of it.

    Raises:
        ModelNotFoundError: It is not installed.
        GPAError: It cannot be removed.
    """
    with models.changing(listener.wait):
        models.require_installed(name)
        origin = models.read_origin(name)
        remove_model(name)
        others = (models.read_origin(model.name) for model in models.installed_models())
        if origin is not None and all(other is None or other.repo != origin.repo for other in others):
            drop_copies(origin.repo, even_kept=True)


def repair(path: Path, *, offline: bool, listener: Listener) -> Installed:
    """Check every file of a model and make the model again if one is damaged.

    Args:
        path: A converted model, installed or not.
        offline: Use only what is here.
        listener: Hears how it goes.

    Raises:
        ModelNotFoundError: There is no such model, or it is damaged and what it was made from is gone.
        ModelFormatError: The repository or directory it was made from is not what it was.
        GPAError: As `pull`.
    """
    is_installed = path.parent.resolve() == paths.models_dir().resolve()
    with models.changing(listener.wait):
        recover(path.resolve())
        problems, manifest = _problems(path, listener.progress)
        if manifest is not None and not problems:
            return Installed(path, manifest, changed=False)
        listener.say(f"damaged: {'; '.join(problems)}")
        origin = models.read_origin(path.name) if is_installed else manifest and models.origin_of(manifest)
        if origin is not None:
            made = _repair_from_hub(path, origin, offline, listener)
        elif manifest is not None:
            made = _repair_from_directory(path, manifest, listener)
        else:
            raise ModelNotFoundError(
                f"{path} cannot be repaired: nothing says what it was made from.",
                hint="Install or convert the model again.",
            )
    return Installed(path, made, changed=True, problems=tuple(problems))


def _repair_from_hub(path: Path, origin: Origin, offline: bool, listener: Listener) -> Manifest:
    try:
        snapshot = find_snapshot(origin.repo, origin.revision, ask=False, offline=offline)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"{path} is damaged, and the commit {origin.revision} of {origin.repo} is not on the hub any more.",
            hint="Install another with `gpa-mlx model pull --upgrade`.",
        ) from error
    except ModelFormatError:
        raise
    except GPAError as error:
        raise GPAError(
            f"{path} is damaged, and {origin.repo} at the commit {origin.revision}, which it was made from, is not "
            f"here: {error.message}",
            hint=error.hint,
        ) from error
    with fetched(
        snapshot, origin.requested, path, offline=offline, on_progress=listener.progress, say=listener.say
    ) as folder:
        return _make(folder, path, origin, listener)


def _repair_from_directory(path: Path, manifest: Manifest, listener: Listener) -> Manifest:
    source = Path(manifest.source.location)
    if not manifest.source.sha256 or not source.is_dir():
        raise ModelNotFoundError(
            f"{path} is damaged, and what it was made from, {manifest.source.location}, is not here.",
            hint="Bring that directory back, or copy the model again from where you have it.",
        )
    for name, checksum in manifest.source.sha256.items():
        if not (source / name).is_file() or sha256_of(source / name) != checksum:
            raise ModelFormatError(
                f"{path} is damaged, and {source / name} is not the file it was made from.",
                hint=f"Convert the model again: `gpa-mlx convert {source} -o {path} --force`.",
            )
    part = manifest.parts["lm"]
    options = ConvertOptions(cast("Dtype", part.dtype), cast("Bits | None", part.bits), force=True)
    listener.say(f"converting {source}")
    return convert(source, path, options, on_progress=listener.progress)


def _make(folder: Path, target: Path, origin: Origin, listener: Listener) -> Manifest:
    if target.is_dir() and not (target / MANIFEST_NAME).is_file():
        shutil.rmtree(target)  # an installed model that lost its manifest; nothing else is written over
    listener.say(f"converting to {target}")
    return convert(
        folder,
        target,
        _options(origin),
        on_progress=listener.progress,
        source_label=origin.repo,
        revision=origin.revision,
    )


def _wanted(request: PullRequest, known: Origin | None) -> Origin:
    """Return what the user asks for; its revision is empty when the hub has to be asked which commit that is."""
    requested = request.revision or (known.requested if known else None)
    revision = ""
    if known is not None and not request.upgrade and requested in (known.requested, known.revision):
        revision = known.revision
    how = request.conversion or (known and _options(known)) or ConvertOptions()
    return Origin(request.repo, requested, revision, how.dtype, how.lm_bits)


def _options(origin: Origin) -> ConvertOptions:
    return ConvertOptions(cast("Dtype", origin.dtype), cast("Bits | None", origin.lm_bits), force=True)


def _is_made_as(installed: Manifest | None, origin: Origin) -> bool:
    made = installed and models.origin_of(installed)
    return made is not None and made == replace(origin, requested=None)


def _whole(target: Path) -> Manifest | None:
    try:
        return require_converted(target)
    except (ModelNotFoundError, ModelFormatError):
        return None


def _unchanged(target: Path, installed: Manifest | None) -> Installed:
    assert installed is not None
    return Installed(target, installed, changed=False)


def _tidy(origin: Origin, keep_source: bool) -> None:
    """Remove what a pull has left that was killed after its model was complete."""
    sweep_copies()
    if not keep_source and find_copy(origin.repo, origin.revision) is not None:
        drop_copies(origin.repo)


def _problems(path: Path, on_progress: Progress) -> tuple[list[str], Manifest | None]:
    try:
        return verify_files(path, lambda done, total: on_progress("files", done, total)), read_manifest(path)
    except ModelFormatError as error:
        return [error.message.rstrip(".")], None
