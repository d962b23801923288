"""One view of an upstream checkpoint, whatever its file format, sharding and spelling of keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.files import read_limited
from gpa_mlx.store.safetensors_header import read_safetensors_header
from gpa_mlx.text.printable import printable_line
from gpa_mlx_convert.arrays import from_bytes
from gpa_mlx_convert.torch_zip import TorchZipFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

CHECKPOINT_NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""What may hold the weights of a directory, in order of preference."""

# `model.encoder.` is how a GLM tokenizer saved as a whole Whisper model names its encoder.
_PREFIXES = ("wav2vec2.", "model.encoder.")
_WEIGHT_NORM = {
    ".parametrizations.weight.original0": ".weight_g",
    ".parametrizations.weight.original1": ".weight_v",
}


class TensorFile(Protocol):
    """One file of tensors under the keys it stores."""

    def names(self) -> tuple[str, ...]:
        """Return the stored keys."""
        ...

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        ...

    def dtype(self, key: str) -> str:
        """Return the stored dtype in safetensors spelling."""
        ...

    def read(self, key: str) -> npt.NDArray[np.generic]:
        """Read one tensor: float32 for every floating dtype, integers as they are."""
        ...


class SafetensorsFile:
    """Lazy access to the tensors of one safetensors file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._infos = read_safetensors_header(path)

    def names(self) -> tuple[str, ...]:
        """Return the stored keys."""
        return tuple(self._infos)

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._infos[key].shape

    def dtype(self, key: str) -> str:
        """Return the stored dtype in safetensors spelling."""
        return self._infos[key].dtype

    def read(self, key: str) -> npt.NDArray[np.generic]:
        """Read one tensor: float32 for every floating dtype, integers as they are."""
        info = self._infos[key]
        # Reading instead of mapping the file: pages of a map would count as this process's memory.
        try:
            with self._path.open("rb") as file:
                file.seek(info.start)
                raw = file.read(info.end - info.start)
        except OSError as error:
            raise ModelFormatError(f"{self._path} cannot be read: {error.strerror or error}.") from error
        if len(raw) != info.end - info.start:
            raise ModelFormatError(f"{self._path}: tensor {key!r} is cut short: the file changed while it was read.")
        return from_bytes(raw, info.dtype).reshape(info.shape)


class Checkpoint:
    """All tensors of one network under canonical keys, read one at a time.

    Canonical means: a leading `wav2vec2.` or `model.encoder.` is stripped, and the newer spelling of weight norm,
    `X.parametrizations.weight.original0/1`, becomes `X.weight_g` and `X.weight_v`.

    Attributes:
        path: What was opened, for error messages.
        files: The files that hold the tensors and their index, to be recorded in the manifest.
    """

    def __init__(self, path: Path, files: tuple[Path, ...], shards: Mapping[Path, TensorFile]) -> None:
        self.path = path
        self.files = files
        self._sources: dict[str, tuple[TensorFile, str]] = {}
        for shard_path, shard in shards.items():
            for stored in shard.names():
                key = canonical_key(stored)
                if key in self._sources:
                    raise ModelFormatError(
                        f"{shard_path}: tensor {stored!r} is another spelling of {self._sources[key][1]!r}, "
                        "which the checkpoint holds too."
                    )
                self._sources[key] = (shard, stored)

    def keys(self) -> tuple[str, ...]:
        """Return all canonical keys."""
        return tuple(self._sources)

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the stored shape of a tensor."""
        shard, stored = self._sources[key]
        return shard.shape(stored)

    def dtype(self, key: str) -> str:
        """Return the stored dtype of a tensor in safetensors spelling (`F32`, `BF16`, ...)."""
        shard, stored = self._sources[key]
        return shard.dtype(stored)

    def read(self, key: str) -> npt.NDArray[np.generic]:
        """Read one tensor.

        Returns:
            The stored shape; float32 for every floating dtype, integers as they are.

        Raises:
            ModelFormatError: The data cannot be read.
        """
        shard, stored = self._sources[key]
        return shard.read(stored)


def canonical_key(key: str) -> str:
    """Return the canonical spelling of a stored key."""
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    for stored, canonical in _WEIGHT_NORM.items():
        if key.endswith(stored):
            return key.removesuffix(stored) + canonical
    return key


def find_checkpoint(directory: Path) -> Path | None:
    """Return the file that holds or indexes the weights of `directory`, None when there is none."""
    return next((directory / name for name in CHECKPOINT_NAMES if (directory / name).is_file()), None)


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint without reading any tensor.

    Args:
        path: A `.safetensors` or torch zip file, the index of a sharded set, or a directory that holds one of
            `CHECKPOINT_NAMES`.

    Raises:
        ModelNotFoundError: There is nothing to open.
        ModelFormatError: A file is damaged or hostile, or the index does not match its shards.
    """
    if path.is_dir():
        found = find_checkpoint(path)
        if found is None:
            raise ModelNotFoundError(f"{path} holds no weights: none of {', '.join(CHECKPOINT_NAMES)}.")
        path = found
    if not path.is_file():
        raise ModelNotFoundError(f"{path} does not exist.")
    if path.name.endswith(".index.json"):
        shards = {path.parent / name: keys for name, keys in _read_index(path).items()}
        return Checkpoint(
            path, (path, *shards), {shard: _open_shard(shard, keys, path) for shard, keys in shards.items()}
        )
    return Checkpoint(path, (path,), {path: _open_file(path)})


def _open_file(path: Path) -> TensorFile:
    return SafetensorsFile(path) if path.suffix == ".safetensors" else TorchZipFile(path)


def _open_shard(path: Path, keys: set[str], index: Path) -> TensorFile:
    try:
        is_there = path.is_file()
    except OSError:  # longer than the name of a file can be
        is_there = False
    if not is_there:
        raise ModelFormatError(f"{index}: the shard {path.name} is missing.", hint="Download the model again.")
    shard = _open_file(path)
    stored = set(shard.names())
    for problem, names in (("lacks", keys - stored), ("holds the unlisted", stored - keys)):
        if names:
            raise ModelFormatError(
                f"{path} {problem} tensor {min(names)!r}: it does not match {index.name}.",
                hint="Download the model again.",
            )
    return shard


def _read_index(path: Path) -> dict[str, set[str]]:
    """Return the keys that each shard must hold."""
    try:
        content: Any = json.loads(read_limited(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} is not JSON.", hint="Download the model again.") from error
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelFormatError(f"{path}: 'weight_map' must name the shard of every tensor.")
    shards: dict[str, set[str]] = {}
    for key, name in weight_map.items():
        # A plain name of a sibling: no separator, no parent, nothing absolute.
        if not isinstance(name, str) or name in ("", ".", "..") or any(char in name for char in "/\\\0"):
            raise ModelFormatError(f"{path}: the shard name {name!r} of tensor {key!r} leaves the directory.")
        if printable_line(name) != name:
            raise ModelFormatError(f"{path}: the shard name {name!r} holds characters that a terminal would obey.")
        shards.setdefault(name, set()).add(key)
    return shards
