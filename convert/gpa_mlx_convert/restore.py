"""A converted model once more, with its language model stored in another way."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpa_mlx.errors import ModelFormatError
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.files import read_limited, write_atomically
from gpa_mlx.store.links import require_inside
from gpa_mlx.store.manifest import FileInfo, require_converted, sha256_of, write_manifest
from gpa_mlx.store.progress import result_of
from gpa_mlx.store.staging import staged
from gpa_mlx_convert.quantize import Storage
from gpa_mlx_convert.writer import safetensors_chunks, slots_for, stream_write

if TYPE_CHECKING:
    from gpa_mlx.store.manifest import Manifest
    from gpa_mlx_convert.quantize import Bits, Dtype

_WEIGHTS = "model.safetensors"
_CONFIG = "config.json"
_GROUP_SIZE = 32


def store_again(model: Path, destination: Path, *, dtype: Dtype = "float32", bits: Bits | None = None) -> Manifest:
    """Write a model whose language model is stored in another precision; the other parts are copied.

    Small models have matrices whose rows do not divide into groups that share a scale: those stay plain.

    Args:
        model: A converted model whose language model is not quantised.
        destination: A new directory.
        dtype: Of plain tensors, scales and biases.
        bits: Per weight of a matrix; None keeps matrices plain.

    Returns:
        The manifest of the new model.

    Raises:
        ModelNotFoundError: There is no such model.
        ModelFormatError: It is damaged or quantised, or a file of it is a link that leads out of it.
        OSError: The destination cannot be written.
    """
    base = require_converted(model)
    if base.parts["lm"].bits is not None:
        raise ModelFormatError(f"{model} is quantised already.", hint="Give a model that is not.")
    require_inside(model, (model / name for name in base.files))
    plain, quantised = Storage(dtype), Storage(dtype, bits, _GROUP_SIZE)
    weights = mx.load(str(model / _WEIGHTS))
    assert isinstance(weights, dict)
    tensors = [
        stored
        for name, tensor in sorted(weights.items())
        for stored in (quantised if tensor.shape[-1] % _GROUP_SIZE == 0 else plain).encode(name, tensor)
    ]
    config = json.loads(read_limited(model / _CONFIG))
    if (quantization := quantised.config(weights.keys())) is not None:
        config["quantization"] = quantization
    with staged(destination, replace=False) as folder:
        for name in base.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if name not in (_WEIGHTS, _CONFIG):
                shutil.copyfile(model / name, folder / name)
        path = folder / _CONFIG
        write_atomically(path, json.dumps(config, indent=2) + "\n")
        files = {
            _WEIGHTS: result_of(stream_write(folder / _WEIGHTS, safetensors_chunks(slots_for(tensors), tensors))),
            _CONFIG: FileInfo(path.stat().st_size, sha256_of(path)),
        }
        part = replace(base.parts["lm"], dtype=dtype, bits=bits)
        manifest = replace(base, files={**base.files, **files}, parts={**base.parts, "lm": part})
        write_manifest(folder, manifest)
    return manifest
