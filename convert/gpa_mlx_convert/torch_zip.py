"""Tensors of a torch zip file (`pytorch_model.bin`), read without torch and without unpickling.

The archive holds one pickle that names the tensors and one stored (never compressed) record per storage. The pickle
goes through `torch_pickle`, which executes nothing; the records are plain little-endian arrays.

Reference: `torch/serialization.py`, format of torch >= 1.6.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.store.safetensors_header import ITEM_SIZES
from gpa_mlx_convert.arrays import from_bytes
from gpa_mlx_convert.torch_pickle import StorageRef, TensorRef, read_state_dict

if TYPE_CHECKING:
    from pathlib import Path

_MAX_PICKLE_BYTES = 2_000_000
"""About 130 bytes name one tensor, so this is far beyond any network."""

_MAX_DIRECTORY_BYTES = 4_000_000
"""About 100 bytes list one record, and listing them all takes ten times the memory."""

_MAX_END_BYTES = 22 + 65_535 + 20 + 56
"""Of the end record with the longest comment, and the zip64 records in front of it."""

# pickle protocol 2, then the magic number 0x1950a86a20f9469cfc6c as a LONG1
_LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
_ZIP_MAGIC = b"PK\x03\x04"
_ZIP_ERRORS = (zipfile.BadZipFile, OSError, ValueError, EOFError, struct.error, NotImplementedError, OverflowError)
_OTHER_FORM = "Use the .safetensors form of these weights."


class TorchZipFile:
    """Lazy access to the tensors of one file.

    Args:
        path: A file written by `torch.save(state_dict)`.

    Raises:
        ModelFormatError: The file is damaged, hostile, of the legacy format, or holds something else than tensors.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._check_magic()
        self._archive = self._open()
        self._entries = self._list()
        pickles = [name for name in self._entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise self._error(f"it holds {len(pickles)} pickles (data.pkl) instead of one")
        self._prefix = pickles[0].removesuffix("data.pkl")
        byte_order = f"{self._prefix}byteorder"
        if byte_order in self._entries and self._load(byte_order, 16) != b"little":
            raise self._error("it was saved on a big-endian machine")
        self._tensors = read_state_dict(self._load(pickles[0], _MAX_PICKLE_BYTES), str(path))
        for key, tensor in self._tensors.items():
            self._check(key, tensor)

    def names(self) -> tuple[str, ...]:
        """Return the stored keys."""
        return tuple(self._tensors)

    def shape(self, key: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._tensors[key].shape

    def dtype(self, key: str) -> str:
        """Return the stored dtype in safetensors spelling (`F32`, `BF16`, ...)."""
        return self._tensors[key].storage.dtype

    def read(self, key: str) -> npt.NDArray[np.generic]:
        """Read one tensor, floats widened (or narrowed from F64) to float32.

        Raises:
            ModelFormatError: The record is damaged.
        """
        tensor = self._tensors[key]
        elements = from_bytes(self._load(self._record_name(tensor.storage)), tensor.storage.dtype)
        strides = tuple(step * elements.itemsize for step in tensor.stride)
        view = np.lib.stride_tricks.as_strided(elements[tensor.offset :], tensor.shape, strides, writeable=False)
        return np.array(view, order="C")

    def _check_magic(self) -> None:
        try:
            with self._path.open("rb") as file:
                magic = file.read(len(_LEGACY_MAGIC))
        except OSError as error:
            raise self._error(f"it cannot be read ({error.strerror or error})") from error
        if magic == _LEGACY_MAGIC:
            raise ModelFormatError(
                f"{self._path} has the legacy torch format (before torch 1.6), which is not read.",
                hint="Use the .safetensors form of these weights, or save them again with a current torch: "
                "torch.save(torch.load(FILE, weights_only=True), FILE).",
            )
        if not magic.startswith(_ZIP_MAGIC):
            raise self._error("it is not a torch zip file")

    def _open(self) -> zipfile.ZipFile:
        try:
            with self._path.open("rb") as file:
                size = _directory_size(file)
            if size > _MAX_DIRECTORY_BYTES:
                raise self._error(f"its archive lists records in {size} bytes, more than {_MAX_DIRECTORY_BYTES}")
            return zipfile.ZipFile(self._path)
        except _ZIP_ERRORS as error:
            raise self._error(f"its archive is damaged or truncated ({error})") from error

    def _list(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._archive.infolist():
            if entry.filename in entries:
                raise self._error(f"the record {entry.filename!r} occurs twice")
            # torch never compresses; refusing it also rules out records that unpack to more than they occupy.
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise self._error(f"the record {entry.filename!r} is compressed, which torch never does")
            if entry.flag_bits & 0x1:
                raise self._error(f"the record {entry.filename!r} is encrypted")
            entries[entry.filename] = entry
        declared, size = sum(entry.file_size for entry in entries.values()), self._path.stat().st_size
        if declared > size:
            raise self._error(f"its records claim {declared} bytes, but the file has only {size}")
        return entries

    def _load(self, name: str, limit: int | None = None) -> bytes:
        entry = self._entries[name]
        if limit is not None and entry.file_size > limit:
            raise self._error(f"the record {name!r} has {entry.file_size} bytes, more than {limit}")
        try:
            return self._archive.read(entry)
        except _ZIP_ERRORS as error:
            raise self._error(f"the record {name!r} is damaged ({error})") from error

    def _record_name(self, storage: StorageRef) -> str:
        return f"{self._prefix}data/{storage.key}"

    def _check(self, key: str, tensor: TensorRef) -> None:
        storage = tensor.storage
        entry = self._entries.get(self._record_name(storage))
        if entry is None:
            raise self._error(f"tensor {key!r} refers to the missing record {self._record_name(storage)!r}")
        if entry.file_size != storage.count * ITEM_SIZES[storage.dtype]:
            raise self._error(
                f"the storage of tensor {key!r} has {entry.file_size} bytes, not {storage.count} of {storage.dtype}"
            )
        elements = 1
        last = tensor.offset
        for size, step in zip(tensor.shape, tensor.stride, strict=True):
            elements *= size
            last += (size - 1) * step
        # A view may repeat elements (stride 0), but no weight does: more elements than stored is an inflated file.
        if elements > storage.count or (elements > 0 and last >= storage.count):
            raise self._error(f"tensor {key!r} reaches beyond its storage")

    def _error(self, problem: str) -> ModelFormatError:
        return ModelFormatError(f"{self._path}: {problem}.", hint=_OTHER_FORM)


def _directory_size(file: BinaryIO) -> int:
    """Return what a zip file says about the bytes of its directory, 0 if it has none.

    Format: APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16: the end record has the size in 4 bytes, all ones when it stands in
    the zip64 end record.
    """
    start = max(0, file.seek(0, io.SEEK_END) - _MAX_END_BYTES)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 16:
        return 0
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    if size == 2**32 - 1 and (wide := tail.rfind(b"PK\6\6", 0, end)) >= 0:
        size = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    return size
