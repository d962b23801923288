"""The header of a safetensors file, checked before anything is read from it.

Format: https://github.com/huggingface/safetensors#format (8 bytes little-endian header length, JSON header, data).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from gpa_mlx.errors import ModelFormatError, ModelNotFoundError
from gpa_mlx.store.config_reader import DuplicateKeyError, parse_unique

ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}
"""Bytes per element of every dtype this program reads."""

MAX_HEADER_BYTES = 4_000_000
"""About 100 bytes name one tensor, so this is far beyond any network; parsed JSON takes thirty times its size."""

_LENGTH_BYTES = 8
_MAX_RANK = 8
_RE_DOWNLOAD = "Download or convert the file again."


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where one tensor lies in its file.

    Attributes:
        name: Key in the file.
        dtype: Safetensors spelling, one of `ITEM_SIZES`.
        shape: Dimensions; empty for a scalar.
        start: First byte of the data, counted from the start of the file.
        end: One past the last byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_safetensors_header(path: str | os.PathLike[str]) -> dict[str, TensorInfo]:
    """Read and check the header; the data itself is not touched.

    Args:
        path: A `.safetensors` file.

    Returns:
        Every tensor by name, in the order of the data.

    Raises:
        ModelNotFoundError: There is no such file.
        ModelFormatError: The file is truncated, its header is not legal, a dtype is unknown, or the tensors do not
            tile the data exactly (overlap, hole, out of range, size other than shape and dtype say).
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            prefix = file.read(_LENGTH_BYTES)
            length = int.from_bytes(prefix, "little")
            data_start = _LENGTH_BYTES + length
            if len(prefix) < _LENGTH_BYTES or data_start > size:
                _fail(path, f"it is truncated: {size} bytes cannot hold its header")
            if length > MAX_HEADER_BYTES:
                _fail(path, f"its header claims {length} bytes, more than {MAX_HEADER_BYTES}")
            raw = file.read(length)
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{path} does not exist.") from error
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read: {error.strerror or error}.") from error

    entries = _parse(path, raw)
    entries.pop("__metadata__", None)
    infos = [_tensor(path, name, entry, data_start) for name, entry in entries.items()]
    infos.sort(key=lambda info: (info.start, info.end))
    position = data_start
    for info in infos:
        if info.start != position:
            problem = "overlaps the tensor before it" if info.start < position else "leaves a hole before it"
            _fail(path, f"tensor {info.name!r} {problem}")
        position = info.end
        if position > size:
            _fail(path, f"tensor {info.name!r} ends at byte {position}, but the file has only {size}")
    if position != size:
        _fail(path, f"{size - position} bytes at its end belong to no tensor")
    return {info.name: info for info in infos}


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = parse_unique(raw.decode("utf-8"))
    except DuplicateKeyError as error:
        _fail(path, f"the key {error.args[0]!r} occurs twice in its header", cause=error)
    except (ValueError, RecursionError) as error:
        _fail(path, "its header is not JSON, so it is not a safetensors file or it is damaged", cause=error)
    if not isinstance(header, dict):
        _fail(path, "its header is not a JSON object")
    return header


def _tensor(path: Path, name: str, entry: object, data_start: int) -> TensorInfo:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        _fail(path, f"the entry of tensor {name!r} must have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
        _fail(path, f"tensor {name!r} has the unknown dtype {dtype!r}")
    # The product without zeros: numpy and MLX refuse an empty tensor whose other dimensions overflow.
    if not _sizes(shape) or len(shape) > _MAX_RANK or math.prod(size or 1 for size in shape) >= 2**59:
        _fail(path, f"tensor {name!r} has an illegal shape")
    if not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _fail(path, f"tensor {name!r} has illegal data_offsets")
    start, end = offsets
    needed = math.prod(shape) * ITEM_SIZES[dtype]
    if end - start != needed:
        _fail(path, f"tensor {name!r} of shape {shape} and dtype {dtype} needs {needed} bytes, not {end - start}")
    return TensorInfo(name, dtype, tuple(shape), data_start + start, data_start + end)


def _sizes(value: object) -> bool:
    """Return whether `value` is a list of sizes a file can have (bool is not an int here)."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**63 for item in value)


def _fail(path: Path, problem: str, *, cause: BaseException | None = None) -> NoReturn:
    raise ModelFormatError(f"{path}: {problem}.", hint=_RE_DOWNLOAD) from cause
