"""Files written once, front to back, hashed on the way and flushed to the disk."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.manifest import FileInfo

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

_DTYPE_NAMES = {mx.float32: "F32", mx.bfloat16: "BF16", mx.uint32: "U32"}


def stream_write(path: Path, chunks: Iterable[bytes | memoryview]) -> Generator[int, None, FileInfo]:
    """Write a new file durably; yield the size of each chunk that is written.

    Returns:
        Size and checksum of what was written.
    """
    digest = hashlib.sha256()
    size = 0
    with path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            yield len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return FileInfo(size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Slot:
    """Place of one tensor in a safetensors file; slots lie back to back.

    Attributes:
        name: Key in the file.
        dtype: Safetensors spelling.
        shape: Dimensions.
        size: Bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


def slots_for(tensors: Iterable[tuple[str, mx.array]]) -> list[Slot]:
    """Return the slots of tensors of which only names, dtypes and shapes are known yet; nothing is evaluated."""
    return [Slot(name, _DTYPE_NAMES[tensor.dtype], tensor.shape, tensor.nbytes) for name, tensor in tensors]


def safetensors_size(slots: Sequence[Slot]) -> int:
    """Return the size of the file in bytes."""
    return len(_header(slots)) + sum(slot.size for slot in slots)


def safetensors_chunks(slots: Sequence[Slot], tensors: Iterable[tuple[str, mx.array]]) -> Iterator[bytes | memoryview]:
    """Yield the content of a safetensors file, holding one tensor at a time.

    Args:
        slots: What the file will hold.
        tensors: The same tensors in the same order, now with their data.
    """
    yield _header(slots)
    for slot, (name, tensor) in zip(slots, tensors, strict=True):
        assert slot == Slot(name, _DTYPE_NAMES[tensor.dtype], tensor.shape, tensor.nbytes)
        if tensor.dtype == mx.bfloat16:
            tensor = tensor.view(mx.uint16)  # numpy has no bfloat16
        yield np.ascontiguousarray(np.asarray(tensor)).data.cast("B")


def _header(slots: Sequence[Slot]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    position = 0
    for slot in slots:
        offsets = (position, position + slot.size)
        entries[slot.name] = {"dtype": slot.dtype, "shape": slot.shape, "data_offsets": offsets}
        position += slot.size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    return len(text).to_bytes(8, "little") + text
