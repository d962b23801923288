"""Weight files without torch: safetensors, sharded safetensors, and the zip that `torch.save` writes.

Every tensor is drawn when its turn comes and written at once, so memory holds one tensor at a time.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checkpoint_tensors import Tensor


def write_safetensors(path: Path, tensors: list[Tensor], seed: int) -> None:
    """Header first (sizes are known before any value is drawn), then each tensor as it is drawn."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        end = offset + tensor.nbytes
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors:
            file.write(tensor.draw(seed).tobytes())


def write_sharded(directory: Path, tensors: list[Tensor], seed: int, shards: int) -> None:
    """`model-0000K-of-0000N.safetensors` with `model.safetensors.index.json`."""
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    weight_map: dict[str, str] = {}
    for number, name in enumerate(names):
        part = tensors[number::shards]
        write_safetensors(directory / name, part, seed)
        weight_map.update((tensor.name, name) for tensor in part)
    total = sum(tensor.nbytes for tensor in tensors)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


_TORCH_STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "I64": "LongStorage"}


def write_torch_zip(path: Path, tensors: list[Tensor], seed: int) -> None:
    """Write the zip that `torch.save` makes of a state dict: a pickle of descriptions and one raw file per storage."""

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()

    def integers(values: Iterable[int]) -> bytes:
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    ordered_dict = b"ccollections\nOrderedDict\n)R"
    pickled = [b"\x80\x02", ordered_dict, b"("]
    for index, tensor in enumerate(tensors):
        size = math.prod(tensor.shape)
        strides = [math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
        storage = b"ctorch\n" + _TORCH_STORAGES[tensor.dtype].encode() + b"\n"
        persistent_id = (
            b"(" + text("storage") + storage + text(str(index)) + text("cpu") + b"J" + struct.pack("<i", size)
        )
        pickled += [text(tensor.name), b"ctorch._utils\n_rebuild_tensor_v2\n(", persistent_id, b"tQ", b"K\x00"]
        pickled += [integers(tensor.shape), integers(strides), b"\x89", ordered_dict, b"tR"]
    pickled.append(b"u.")
    root = path.stem
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{root}/data.pkl", b"".join(pickled))
        archive.writestr(f"{root}/byteorder", "little")
        for index, tensor in enumerate(tensors):
            archive.writestr(f"{root}/data/{index}", tensor.draw(seed).tobytes())
        archive.writestr(f"{root}/version", "3\n")
