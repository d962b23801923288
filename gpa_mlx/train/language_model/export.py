"""Export of a trained language model as a converted model directory."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import cast

from mlx.utils import tree_flatten

from gpa_mlx.model.families.gpa.family import GPAModel
from gpa_mlx.nn.lora import fuse_adapters
from gpa_mlx.runtime.backend import mx
from gpa_mlx.store.links import require_inside
from gpa_mlx.store.manifest import FileInfo, sha256_of, write_manifest
from gpa_mlx.train.language_model.training_run import Weights, install

_WEIGHTS = "model.safetensors"
_DTYPES = {"float32": mx.float32, "bfloat16": mx.bfloat16, "float16": mx.float16}


def write_trained(parts: GPAModel, weights: Weights, folder: Path, name: str) -> None:
    """Write the model with trained weights; the other arguments are those of `write_model`.

    Args:
        parts: The model that was trained.
        weights: All its parameters by name, in full precision.
        folder: An empty directory.
        name: Name of the new model.
    """
    install(parts.language_model, weights, mx.float32)
    write_model(parts, folder, name)


def write_fused(parts: GPAModel, folder: Path, name: str) -> None:
    """Write the model with its adapter worked into the weights; arguments as for `write_model`."""
    fuse_adapters(parts.language_model)
    write_model(parts, folder, name)


def write_model(parts: GPAModel, folder: Path, name: str) -> None:
    """Write a converted model: the decoder as it is in memory, stored as it was, everything else copied.

    Args:
        parts: The model, its decoder without adapters.
        folder: An empty directory.
        name: Name of the new model.

    Raises:
        ModelFormatError: A file of the model is a link that leads out of it.
    """
    base = parts.manifest
    require_inside(parts.path, (parts.path / file for file in base.files))
    for file in base.files:
        if file != _WEIGHTS:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parts.path / file, folder / file)
    dtype = _DTYPES[base.parts["lm"].dtype]
    tensors = cast(list[tuple[str, mx.array]], tree_flatten(parts.language_model.parameters()))
    stored = {key: t.astype(dtype) if mx.issubdtype(t.dtype, mx.floating) else t for key, t in tensors}
    path = folder / _WEIGHTS
    mx.save_safetensors(str(path), stored, {"format": "mlx"})
    with path.open("rb+") as written:
        os.fsync(written.fileno())
    files = {**base.files, _WEIGHTS: FileInfo(path.stat().st_size, sha256_of(path))}
    write_manifest(folder, dataclasses.replace(base, model_name=name, files=files))
