"""Makers of tiny checkpoints in both upstream file formats."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_DTYPE_NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "int32": "I32", "bool": "BOOL"}
_STORAGES = {
    "F64": "DoubleStorage",
    "F32": "FloatStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "I64": "LongStorage",
    "I32": "IntStorage",
    "BOOL": "BoolStorage",
}


def bfloat16(array: np.ndarray) -> np.ndarray:
    """Truncate float32 to bfloat16, as raw uint16."""
    return (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def safetensors_bytes(tensors: Mapping[str, np.ndarray], bf16: bool = False) -> bytes:
    header, data = {}, b""
    for name, array in tensors.items():
        raw = bfloat16(array) if bf16 else np.ascontiguousarray(array)
        dtype = "BF16" if bf16 else _DTYPE_NAMES[raw.dtype.name]
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + raw.nbytes],
        }
        data += raw.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value) if value < 2**31 else pickle.dumps(value, protocol=2)[2:-1]


def _tuple(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def _global(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def tensor_pickle(
    key: str,
    dtype: str,
    count: int,
    shape: tuple[int, ...],
    *,
    offset: int = 0,
    stride: tuple[int, ...] | None = None,
    parameter: bool = False,
) -> bytes:
    """Return the instructions that torch writes for one tensor."""
    if stride is None:
        stride = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    storage = _tuple(
        _text("storage"), _global("torch", _STORAGES.get(dtype, dtype)), _text(key), _text("cpu"), _integer(count)
    )
    hooks = _global("collections", "OrderedDict") + b")R"
    fields = _tuple(
        storage + b"Q",
        _integer(offset),
        _tuple(*map(_integer, shape)),
        _tuple(*map(_integer, stride)),
        b"\x89",
        hooks,
    )
    tensor = _global("torch._utils", "_rebuild_tensor_v2") + fields + b"R"
    if parameter:
        tensor = _global("torch._utils", "_rebuild_parameter") + _tuple(tensor, b"\x88", hooks) + b"R"
    return tensor


def dict_pickle(items: Mapping[str, bytes]) -> bytes:
    """Return the pickle of a dict whose values are given as instructions."""
    return b"\x80\x02}(" + b"".join(_text(key) + value for key, value in items.items()) + b"u."


def zip_file(path: Path, pickled: bytes, records: Mapping[str, bytes], byteorder: bytes | None = b"little") -> Path:
    """Write a torch zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        if byteorder is not None:
            archive.writestr("archive/byteorder", byteorder)
        for key, raw in records.items():
            archive.writestr(f"archive/data/{key}", raw)
    return path


def save_zip(path: Path, tensors: Mapping[str, np.ndarray], *, parameter: bool = False) -> Path:
    items, records = {}, {}
    for number, (name, array) in enumerate(tensors.items()):
        dtype = _DTYPE_NAMES[array.dtype.name]
        items[name] = tensor_pickle(str(number), dtype, array.size, array.shape, parameter=parameter)
        records[str(number)] = array.tobytes()
    return zip_file(path, dict_pickle(items), records)


class Checkpoints:
    """What the tests build files with."""

    bfloat16 = staticmethod(bfloat16)
    safetensors_bytes = staticmethod(safetensors_bytes)
    tensor_pickle = staticmethod(tensor_pickle)
    dict_pickle = staticmethod(dict_pickle)
    zip_file = staticmethod(zip_file)
    save_zip = staticmethod(save_zip)

    @staticmethod
    def save_safetensors(path: Path, tensors: Mapping[str, np.ndarray], *, bf16: bool = False) -> Path:
        path.write_bytes(safetensors_bytes(tensors, bf16))
        return path


@pytest.fixture(scope="session")
def checkpoints() -> type[Checkpoints]:
    """Makers of tiny checkpoint files."""
    return Checkpoints


@pytest.fixture
def upstream_copy(small_a: Path, tmp_path: Path) -> Callable[[], Path]:
    """Return a maker of a modifiable copy of the golden checkpoint."""

    def make() -> Path:
        root = tmp_path / "upstream"
        for source in small_a.rglob("*"):
            relative = source.relative_to(small_a)
            if relative.parts[0] == "golden" or not source.is_file():
                continue
            target = root / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        return root

    return make
