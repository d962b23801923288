"""Jobs on models: pulled from a hub, kept at their commit, converted, made again when they are damaged, removed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.jobs.events import PartProgress, StepStarted
from gpa_mlx.jobs.models import default_model, remove_model, set_default
from gpa_mlx.settings import SettingsSource
from gpa_mlx.store import models, paths
from gpa_mlx.store.hub.copies import drop_copies, find_copy, sweep_copies
from gpa_mlx.store.hub.repository import is_repo_id
from gpa_mlx.store.manifest import (
    MANIFEST_NAME,
    Manifest,
    read_manifest,
    require_converted,
    sha256_of,
    stream_verify_files,
)
from gpa_mlx.store.models import Origin
from gpa_mlx.store.progress import Steps
from gpa_mlx.store.staging import check_destination, recover
from gpa_mlx_convert.hub_source import SourceCopy, find_snapshot, source_copy
from gpa_mlx_convert.pipeline import ConvertOptions, stream_convert
from gpa_mlx_convert.quantize import default_dtype

if TYPE_CHECKING:
    from collections.abc import Generator

    from gpa_mlx_convert.quantize import Bits, Dtype


ModelEvent: TypeAlias = StepStarted | PartProgress
"""What the jobs on models report; they are over when their generators are."""


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
class ConvertModelRequest:
    """What to convert, and where to.

    Attributes:
        source: Upstream directory, or hub repository.
        destination: Directory to create.
        revision: Branch, tag or commit of a repository; None means the main branch.
        conversion: How to convert.
    """

    source: str
    destination: Path
    revision: str | None = None
    conversion: ConvertOptions = field(default_factory=ConvertOptions)


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


class PullJob:
    """Installs a model, or goes on with it; what is installed and complete needs no network.

    At every moment, even when the process is killed, the model is absent, what it was before, or the whole new one;
    the same job goes on with what has been downloaded. The first model that is installed becomes the default one.

    Args:
        request: What to install.

    Attributes:
        target: The model's folder.
        result: Set when the job has ended well.

    Raises:
        SettingsError: The name cannot be used.
    """

    result: Installed

    def __init__(self, request: PullRequest) -> None:
        self.request = request
        self._name = request.name or models.name_for(request.repo)
        self.target = models.folder_of(self._name)

    def run(self) -> Generator[ModelEvent, None, None]:
        """Install it; closing the generator cancels.

        Raises:
            SettingsError: Another model has the name.
            ModelNotFoundError: No such repository or revision, or it is not open to this user.
            ModelFormatError: The repository holds no complete GPA checkpoint, or a damaged one.
            GPAError: The hub cannot be reached or may not be asked, the download failed, or the disk is full.
        """
        yield from _waiting()
        with models.changing():
            self.result = yield from self._run()

    def _run(self) -> Generator[ModelEvent, None, Installed]:
        request, name, target = self.request, self._name, self.target
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
        with source_copy(snapshot, wanted.requested, keep=request.keep_source, offline=request.offline) as copy:
            manifest = yield from _make(copy, target, wanted)
        if default_model(request.settings.load().settings) in (None, name):
            set_default(name)
        return Installed(target, manifest, changed=True)


class ConvertModelJob:
    """Converts an upstream directory or hub repository to a directory of the user's.

    Args:
        request: What to convert.

    Attributes:
        result: The manifest of the new model; set when the job has ended well.

    Raises:
        ModelNotFoundError: The source is neither a directory nor the name of a repository.
        SettingsError: The destination may not be written.
    """

    result: Manifest

    def __init__(self, request: ConvertModelRequest) -> None:
        self.request = request
        if not Path(request.source).exists():
            if not is_repo_id(request.source):
                raise ModelNotFoundError(
                    f"{request.source} is neither a directory here nor a repository on the hub.",
                    hint="Give a directory, or a repository as owner/name; a private one needs HF_TOKEN.",
                )
            # Now, not after gigabytes have arrived.
            check_destination(request.destination, force=request.conversion.force)

    def run(self) -> Generator[ModelEvent, None, None]:
        """Convert it; closing the generator cancels, and nothing is half-written.

        Raises:
            ModelNotFoundError: There is no such source.
            ModelFormatError: The source is incomplete, damaged or not what its configs say.
            SettingsError: The destination may not be written.
            GPAError: The download failed, or the disk is full or not writable.
        """
        request, source = self.request, Path(self.request.source)
        if source.exists():
            self.result = yield from stream_convert(source, request.destination, request.conversion)
            return
        snapshot = find_snapshot(request.source, request.revision, ask=False, offline=False)
        with source_copy(snapshot, request.revision) as copy:
            yield from copy.fetch(request.destination)
            self.result = yield from stream_convert(
                copy.folder,
                request.destination,
                request.conversion,
                source_label=request.source,
                revision=snapshot.revision,
            )


class InstallDirectoryJob:
    """Converts an upstream directory into an installed model; the first one becomes the default.

    Args:
        source: Upstream directory.
        name: What to call the model.
        conversion: How to convert.
        settings: Say whether there is a default model already.

    Attributes:
        result: Set when the job has ended well.

    Raises:
        SettingsError: The name cannot be used.
    """

    result: Installed

    def __init__(self, source: Path, name: str, conversion: ConvertOptions, settings: SettingsSource) -> None:
        self._source = source
        self._name = name
        self._conversion = conversion
        self._settings = settings
        self.target = models.folder_of(name)

    def run(self) -> Generator[ModelEvent, None, None]:
        """Convert it; closing the generator cancels; errors as for `stream_convert`."""
        yield from _waiting()
        with models.changing():
            manifest = yield from stream_convert(self._source, self.target, self._conversion)
            if default_model(self._settings.load().settings) is None:
                set_default(self._name)
        self.result = Installed(self.target, manifest, changed=True)


class RemoveJob:
    """Removes an installed model, and the upstream files that were kept of it.

    Args:
        name: Of the model.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def run(self) -> Generator[ModelEvent, None, None]:
        """Remove it.

        Raises:
            ModelNotFoundError: It is not installed.
            GPAError: It cannot be removed.
        """
        yield from _waiting()
        with models.changing():
            models.require_installed(self._name)
            origin = models.read_origin(self._name)
            remove_model(self._name)
            others = (models.read_origin(model.name) for model in models.installed_models())
            if origin is not None and all(other is None or other.repo != origin.repo for other in others):
                drop_copies(origin.repo, even_kept=True)


class RepairJob:
    """Checks every file of a model and makes the model again if one is damaged.

    Args:
        path: A converted model, installed or not.
        offline: Use only what is here.

    Attributes:
        result: Set when the job has ended well.
    """

    result: Installed

    def __init__(self, path: Path, *, offline: bool) -> None:
        self.path = path
        self._offline = offline

    def run(self) -> Generator[ModelEvent, None, None]:
        """Check and repair it; closing the generator cancels.

        Raises:
            ModelNotFoundError: There is no such model, or it is damaged and what it was made from is gone.
            ModelFormatError: The repository or directory it was made from is not what it was.
            GPAError: As `PullJob.run`.
        """
        yield from _waiting()
        with models.changing():
            self.result = yield from self._run()

    def _run(self) -> Generator[ModelEvent, None, Installed]:
        path = self.path
        is_installed = path.parent.resolve() == paths.models_dir().resolve()
        recover(path.resolve())
        problems, manifest = yield from _problems(path)
        if manifest is not None and not problems:
            return Installed(path, manifest, changed=False)
        yield StepStarted(step=f"damaged: {'; '.join(problems)}")
        origin = models.read_origin(path.name) if is_installed else manifest and models.origin_of(manifest)
        if origin is not None:
            made = yield from _repair_from_hub(path, origin, self._offline)
        elif manifest is not None:
            made = yield from _repair_from_directory(path, manifest)
        else:
            raise ModelNotFoundError(
                f"{path} cannot be repaired: nothing says what it was made from.",
                hint="Install or convert the model again.",
            )
        return Installed(path, made, changed=True, problems=tuple(problems))


def _waiting() -> Generator[StepStarted, None, None]:
    if models.is_changing():
        yield StepStarted(step="waiting for another gpa-mlx that changes the installed models")


def _repair_from_hub(path: Path, origin: Origin, offline: bool) -> Generator[ModelEvent, None, Manifest]:
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
    with source_copy(snapshot, origin.requested, offline=offline) as copy:
        return (yield from _make(copy, path, origin))


def _repair_from_directory(path: Path, manifest: Manifest) -> Generator[ModelEvent, None, Manifest]:
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
    yield StepStarted(step=f"converting {source}")
    return (yield from stream_convert(source, path, options))


def _make(copy: SourceCopy, target: Path, origin: Origin) -> Generator[ModelEvent, None, Manifest]:
    yield from copy.fetch(target)
    if target.is_dir() and not (target / MANIFEST_NAME).is_file():
        shutil.rmtree(target)  # an installed model that lost its manifest; nothing else is written over
    yield StepStarted(step=f"converting to {target}")
    options = _options(origin)
    return (yield from stream_convert(copy.folder, target, options, source_label=origin.repo, revision=origin.revision))


def _wanted(request: PullRequest, known: Origin | None) -> Origin:
    """Return what the user asks for; its revision is empty when the hub has to be asked which commit that is."""
    requested = request.revision or (known.requested if known else None)
    revision = ""
    if known is not None and not request.upgrade and requested in (known.requested, known.revision):
        revision = known.revision
    how = request.conversion or (known and _options(known)) or ConvertOptions(default_dtype())
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


def _problems(path: Path) -> Generator[PartProgress, None, tuple[list[str], Manifest | None]]:
    try:
        for step in (checking := Steps(stream_verify_files(path))):
            yield PartProgress(part="files", done_bytes=step.done, total_bytes=step.total)
        return checking.result, read_manifest(path)
    except ModelFormatError as error:
        return [error.message.rstrip(".")], None
