"""The installed models: one folder each under `paths.models_dir()`, found by name without any network.

Beside the folder `NAME` lies `.NAME.json`, which says what the model was made from, so that a damaged one can be made
again. `gpa_mlx.jobs.models` says which model is used when none is named.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from gpa_mlx.errors import GPAError, ModelFormatError, ModelNotFoundError, SettingsError
from gpa_mlx.store import paths
from gpa_mlx.store.config_reader import ConfigReader
from gpa_mlx.store.files import is_locked, locked, read_limited, write_atomically
from gpa_mlx.store.manifest import Manifest, read_manifest, require_converted

DEFAULT_REPO = "AutoArk-AI/GPA"
"""The published model."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEMO = "demo"
_RESERVED = (_DEMO,)
_REMOVED = ".removed-"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an installed model is made from, and how.

    Attributes:
        repo: Hub repository.
        requested: The branch, tag or commit that was asked for; None is the hub's main branch.
        revision: The commit that was found there.
        dtype: Of the language model.
        lm_bits: Bits per weight of the language model; None when it is not quantised.
    """

    repo: str
    requested: str | None
    revision: str
    dtype: str
    lm_bits: int | None


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One folder of the models folder.

    Attributes:
        name: What `--model` calls it.
        path: The folder.
        manifest: What it consists of; None when that cannot be read.
        problem: Why it cannot be used, None when every file is there in its size.
    """

    name: str
    path: Path
    manifest: Manifest | None
    problem: str | None


def check_name(name: str) -> str:
    """Return the name if a model may have it.

    Raises:
        SettingsError: It is reserved, or not a safe name of a folder.
    """
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise SettingsError(
            f"A model cannot be called {name!r}.",
            hint="Use up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit; "
            f"{_DEMO} is taken.",
        )
    return name


def name_for(repo: str) -> str:
    """Return the name that a repository's model gets unless the user chooses one."""
    return repo.rpartition("/")[2].lower()


def folder_of(name: str) -> Path:
    """Return where a model of this name is or would be.

    Raises:
        SettingsError: It is not a name.
    """
    return paths.models_dir() / check_name(name)


def installed_names() -> tuple[str, ...]:
    """Return the names of what is installed, sorted, without looking inside."""
    root = paths.models_dir()
    return tuple(sorted(entry.name for entry in root.iterdir() if _is_model(entry))) if root.is_dir() else ()


def installed_models() -> tuple[InstalledModel, ...]:
    """Return what is installed, by name, whole or damaged."""
    root = paths.models_dir()
    if not root.is_dir():
        return ()
    return tuple(describe(entry.name) for entry in sorted(root.iterdir()) if _is_model(entry))


def describe(name: str) -> InstalledModel:
    """Look at one installed model without reading its weights."""
    path = folder_of(name)
    manifest = problem = None
    try:
        manifest = read_manifest(path)
        require_converted(path)
    except GPAError as error:
        problem = error.message
    return InstalledModel(name, path, manifest, problem)


def require_installed(name: str) -> Path:
    """Return the folder of an installed model, whole or damaged.

    Raises:
        ModelNotFoundError: There is none of that name; the nearest is suggested.
    """
    names = installed_names()
    if name in names:
        return paths.models_dir() / name
    raise ModelNotFoundError(f"No model '{name}' is installed.", hint=_suggestion(name, names, names))


def resolve(model: str | None) -> Path:
    """Return the directory that a `--model` value other than `demo` means.

    An installed model's name goes before a directory of the same name, which is `./NAME`.

    Args:
        model: Name of an installed model, or a directory; None takes the only one that is installed.

    Raises:
        ModelNotFoundError: Nothing is named and there is not exactly one, or the name is not that of any model.
    """
    names = installed_names()
    if not model:
        return paths.models_dir() / _only(names)
    if model in names:
        return paths.models_dir() / model
    path = Path(model)
    if not path.exists() and _NAME.fullmatch(model) and (names or _nearest(model, (_DEMO,))):
        raise ModelNotFoundError(f"There is no model '{model}'.", hint=_suggestion(model, names, (*names, _DEMO)))
    return path


def remove(name: str) -> None:
    """Remove an installed model. It is gone at once and whole, even when the process is killed meanwhile.

    Raises:
        ModelNotFoundError: It is not installed.
        GPAError: It cannot be removed.
    """
    path = require_installed(name)
    gone = path.with_name(f".{name}{_REMOVED}{os.getpid()}")
    try:
        path.rename(gone)
        _origin_file(name).unlink(missing_ok=True)
    except OSError as error:
        raise GPAError(
            f"{path} cannot be removed: {error.strerror or error}.", hint="Check its permissions."
        ) from error
    _sweep()


def read_origin(name: str) -> Origin | None:
    """Return what a model is made from: as was written down, or else as its manifest says.

    Returns:
        None when it was not made from a hub repository, or nothing readable says so.
    """
    try:
        return _read_origin(_origin_file(name))
    except (OSError, GPAError):
        pass
    try:
        manifest = read_manifest(folder_of(name))
    except (ModelFormatError, ModelNotFoundError):
        return None
    return origin_of(manifest)


def origin_of(manifest: Manifest) -> Origin | None:
    """Return what the manifest says a model was made from, None when that is not a hub repository."""
    source, part = manifest.source, manifest.parts.get("lm")
    if source.revision is None or part is None:
        return None
    return Origin(source.location, None, source.revision, part.dtype, part.bits)


def _read_origin(path: Path) -> Origin:
    fields = ConfigReader.from_json(read_limited(path), str(path))
    return Origin(
        repo=fields.text("repo"),
        requested=fields.nullable("requested", fields.text),
        revision=fields.text("revision"),
        dtype=fields.text("dtype"),
        lm_bits=fields.nullable("lm_bits", fields.integer),
    )


def write_origin(name: str, origin: Origin) -> None:
    """Write down what a model is, or is about to be, made from.

    Raises:
        GPAError: It cannot be written.
    """
    _write(_origin_file(name), json.dumps(asdict(origin), indent=2) + "\n")


def is_changing() -> bool:
    """Return whether another process changes the installed models right now, so that `changing` would wait.

    Raises:
        GPAError: The models folder cannot be written.
    """
    try:
        return is_locked(paths.models_dir())
    except OSError as error:
        raise _unwritable(paths.models_dir(), error) from error


@contextmanager
def changing() -> Iterator[None]:
    """Let one process at a time change the installed models; others wait.

    Raises:
        GPAError: The models folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(paths.models_dir()))
        except OSError as error:
            raise _unwritable(paths.models_dir(), error) from error
        _sweep()
        yield


def _only(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    if names:
        raise ModelNotFoundError(
            "No model is given, and several are installed.",
            hint=f"Add --model with one of {', '.join(names)}, or choose one with `gpa-mlx model default NAME`.",
        )
    raise ModelNotFoundError(
        "No model is given.",
        hint="Run `gpa-mlx model pull` once to install the published one, add `--model demo`, which hears and says "
        "twenty words only, or name one made with `gpa-mlx convert` by --model or GPA_MLX_MODEL.",
    )


def _is_model(entry: Path) -> bool:
    return _NAME.fullmatch(entry.name) is not None and entry.name.lower() not in _RESERVED and entry.is_dir()


def _nearest(name: str, names: tuple[str, ...]) -> str | None:
    by_lower = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def _suggestion(name: str, names: tuple[str, ...], candidates: tuple[str, ...]) -> str:
    nearest = _nearest(name, candidates)
    if nearest:
        return f"Did you mean '{nearest}'?"
    if names:
        return f"Installed: {', '.join(names)}. `gpa-mlx model pull` installs another."
    return "None is installed: run `gpa-mlx model pull` once."


def _origin_file(name: str) -> Path:
    return paths.models_dir() / f".{check_name(name)}.json"


def _write(path: Path, text: str) -> None:
    try:
        write_atomically(path, text)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> GPAError:
    return GPAError(
        f"{path} cannot be written: {error.strerror or error}.",
        hint=f"Check its permissions, or name another place with {paths.HOME_VARIABLE}.",
    )


def _sweep() -> None:
    """Remove what is left of removed models."""
    for entry in paths.models_dir().glob(f".*{_REMOVED}*"):
        if entry.is_symlink():
            entry.unlink()
        else:
            shutil.rmtree(entry, ignore_errors=True)
